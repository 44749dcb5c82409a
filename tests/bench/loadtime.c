// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loadtime MODULE [PARAMETERS]: loads a kernel module, and says how many
 * nanoseconds the kernel took for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int64_t begin = now_ns();

	if (fd < 0 || syscall(SYS_finit_module, fd, argc > 2 ? argv[2] : "", 0)) {
		fprintf(stderr, "loadtime: %s\n", strerror(errno));
		return 1;
	}
	printf("%jd\n", (intmax_t)(now_ns() - begin));
	return 0;
}
