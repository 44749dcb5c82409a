// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * race MODULE BASE SIZE SECONDS
 *
 * Readers, listers, unlinkers and holders of the folder against loading and
 * unloading the module, with the table written anew to the area (physical
 * address BASE) before each load. Every secret is one byte repeated, so that
 * a reader knows what it may see: that byte, or nothing. Prints counts; exit
 * status 1 where anything else was seen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../../module/table.h"

#define FOLDER "/sys/kernel/security/secrets/coco"

enum { SECRETS = 12, SECRET_BYTES = 100 };

static struct {
	atomic_bool stop;
	atomic_ulong reads, empty, wrong, unlinks, lists, holds;
} shared;

static void name_of(int i, char *name, size_t size)
{
	snprintf(name, size, FOLDER "/%02x000000-0000-4000-8000-0000000000%02x",
		 i + 1, i + 1);
}

static void write_table(unsigned char *area, size_t size)
{
	static const uint8_t guid[SECRET_GUID_SIZE] = SECRET_TABLE_GUID;
	size_t at = SECRET_HEAD_SIZE;

	memset(area, 0, size);
	for (int i = 0; i < SECRETS; i++) {
		uint8_t id[SECRET_GUID_SIZE] = { 0 };

		id[3] = id[15] = (uint8_t)(i + 1);
		id[7] = 0x40;
		id[8] = 0x80;
		secret_head_write(area + at, id, SECRET_HEAD_SIZE + SECRET_BYTES);
		memset(area + at + SECRET_HEAD_SIZE, 'A' + i, SECRET_BYTES);
		at += SECRET_HEAD_SIZE + SECRET_BYTES;
	}
	secret_head_write(area, guid, (uint32_t)at);
}

static void check(int i, const char *bytes, ssize_t size)
{
	if (size <= 0) {
		atomic_fetch_add(&shared.empty, 1);
		return;
	}
	atomic_fetch_add(&shared.reads, 1);
	for (ssize_t at = 0; at < size; at++)
		if (bytes[at] != 'A' + i) {
			atomic_fetch_add(&shared.wrong, 1);
			return;
		}
}

static void *reader(void *unused)
{
	char name[sizeof(FOLDER) + 64], bytes[2 * SECRET_BYTES];

	for (int i = 0; !shared.stop; i = (i + 1) % SECRETS) {
		name_of(i, name, sizeof(name));
		int fd = open(name, O_RDONLY);

		for (int n = 0; fd >= 0 && n < 4; n++)
			check(i, bytes, pread(fd, bytes, sizeof(bytes), (off_t)n * 7));
		if (fd >= 0)
			close(fd);
	}
	return unused;
}

static void *unlinker(void *unused)
{
	char name[sizeof(FOLDER) + 64];

	while (!shared.stop) {
		for (int i = 0; i < SECRETS / 2; i++) {
			name_of(i, name, sizeof(name));
			if (!unlink(name))
				atomic_fetch_add(&shared.unlinks, 1);
		}
		usleep(500);
	}
	return unused;
}

static void *lister(void *unused)
{
	while (!shared.stop) {
		DIR *dir = opendir(FOLDER);

		if (!dir)
			continue;
		while (readdir(dir))
			;
		atomic_fetch_add(&shared.lists, 1);
		closedir(dir);
	}
	return unused;
}

/* Keeps the folder and a file by path descriptors over unloads. */
static void *holder(void *unused)
{
	char name[sizeof(FOLDER) + 64], link[64], byte;

	for (int i = 0; !shared.stop; i = (i + 1) % SECRETS) {
		name_of(i, name, sizeof(name));
		int dir = open(FOLDER, O_PATH | O_DIRECTORY);
		int path = open(name, O_PATH);

		usleep(3000);
		if (path >= 0) {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
			int again = open(link, O_RDONLY);

			if (again >= 0) {
				if (read(again, &byte, 1) == 1 && byte != 'A' + i)
					atomic_fetch_add(&shared.wrong, 1);
				close(again);
			}
			close(path);
		}
		if (dir >= 0) {
			faccessat(dir, name + sizeof(FOLDER), F_OK, 0);
			unlinkat(dir, name + sizeof(FOLDER), 0);
			close(dir);
			atomic_fetch_add(&shared.holds, 1);
		}
	}
	return unused;
}

static int load(int fd)
{
	return (int)syscall(SYS_finit_module, fd, "", 0);
}

static void unload(void)
{
	while (syscall(SYS_delete_module, "efi_secret", O_NONBLOCK) &&
	       (errno == EAGAIN || errno == EBUSY || errno == EWOULDBLOCK))
		usleep(100);
}

static unsigned long run(int module, unsigned char *area, size_t size,
			 long seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long loads = 0;

	while (time(NULL) < end) {
		write_table(area, size);
		if (load(module)) {
			perror("race: cannot load the module");
			exit(1);
		}
		loads++;
		usleep(20000);
		unload();
	}
	return loads;
}

int main(int argc, char **argv)
{
	void *(*const parts[])(void *) = { reader, reader, unlinker, lister,
					   holder };
	enum { PARTS = sizeof(parts) / sizeof(*parts) };
	pthread_t threads[PARTS];

	if (argc != 5) {
		fprintf(stderr, "usage: race MODULE BASE SIZE SECONDS\n");
		return 2;
	}
	off_t base = (off_t)strtoull(argv[2], NULL, 0);
	size_t size = strtoul(argv[3], NULL, 0);
	off_t page = base & ~4095L;
	int module = open(argv[1], O_RDONLY);
	int memory = open("/dev/mem", O_RDWR | O_SYNC);
	unsigned char *pages = mmap(NULL, size + (size_t)(base - page),
				    PROT_READ | PROT_WRITE, MAP_SHARED, memory,
				    page);

	if (module < 0 || pages == MAP_FAILED) {
		perror("race");
		return 1;
	}
	for (int i = 0; i < PARTS; i++)
		pthread_create(&threads[i], NULL, parts[i], NULL);
	unsigned long loads = run(module, pages + (base - page), size,
				  strtol(argv[4], NULL, 0));

	shared.stop = true;
	for (int i = 0; i < PARTS; i++)
		pthread_join(threads[i], NULL);
	printf("loads=%lu reads=%lu empty=%lu wrong=%lu unlinks=%lu lists=%lu holds=%lu\n",
	       loads, shared.reads, shared.empty, shared.wrong, shared.unlinks,
	       shared.lists, shared.holds);
	return shared.wrong || !loads || !shared.reads || !shared.unlinks;
}
