// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load MODULE [PARAMETERS]: one finit_module(2), and what it said. busybox's
 * insmod tries another system call where this one fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *parameters = argc > 2 ? argv[2] : "";
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0)) {
		fprintf(stderr, "load: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
