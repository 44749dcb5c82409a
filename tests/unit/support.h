/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TESTS_SUPPORT_H
#define COCOSECRET_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What the code under test logged since the last log_forget; log.c is not linked in. */
const char *log_text(void);
void log_forget(void);

/* And what a command said on standard output. */
const char *said_text(void);

/* A folder of its own below TMPDIR, the working directory while the test runs; gone afterwards. */
int enter_scratch(void **state);
int leave_scratch(void **state);

void write_file(const char *path, const void *bytes, size_t size);

/* A LUKS2 image with one cheap key slot for each key, and a digest of a file. */
enum { KEY_SIZE = 32, IMAGE_SIZE = 20 << 20 };
extern uint64_t image_areas_size; /* of all key slots; 0: as libcryptsetup has it, 16 MiB */
void make_image(const char *path, const char *const *keys, int count);
void add_token(const char *path, const char *json);
uint64_t file_digest(const char *path);

/*
 * What a host can do to both copies of a header: replaces the first @find in the metadata, if any,
 * raises the sequence number, and makes the checksums right again.
 */
void edit_header(const char *path, const char *find, const char *replace);

#endif
