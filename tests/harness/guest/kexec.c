// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kexec KERNEL INITRD: starts another kernel with this one's command line, as
 * an orderly reboot would, without its services.
 */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char cmdline[2048] = "";
	int file = open("/proc/cmdline", O_RDONLY);
	ssize_t size = read(file, cmdline, sizeof(cmdline) - 1);

	if (argc != 3 || size <= 0) {
		fprintf(stderr, "usage: kexec KERNEL INITRD\n");
		return 2;
	}
	cmdline[strcspn(cmdline, "\n")] = '\0';
	if (syscall(SYS_kexec_file_load, open(argv[1], O_RDONLY),
		    open(argv[2], O_RDONLY), strlen(cmdline) + 1, cmdline, 0L)) {
		perror("kexec_file_load");
		return 1;
	}
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	perror("reboot");
	return 1;
}
