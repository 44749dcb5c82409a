/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TESTS_SEALED_H
#define COCOSECRET_TESTS_SEALED_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "support.h"

/*
 * A file "image" with an owner's key slot and, enrolled and sealed, one for a launch secret. Beside
 * it are the files of the keys: "owner", "one", which is the launch secret, and "two".
 */
#define OTHER "11111111-2222-3333-4444-555555555555"

enum { BLOCK = 4096, HEADERS = 5 << 18 };

extern const char *const keys[2]; /* the owner's, the launch secret */
extern const char new_key[KEY_SIZE + 1];

int begin(void **state);
int begin_enrolled(void **state);

/* A command as main() would run it. */
#define RUN(command, ...) run(command, (char *[]){ __VA_ARGS__, NULL })
int run(int (*command)(int argc, char **argv), char **argv);

#define ENROLL(...) RUN(enroll_main, "enroll", "image", "--key-file", "owner", __VA_ARGS__)
#define SEAL(...) RUN(seal_main, "seal", "image", __VA_ARGS__)
#define VERIFY(...) RUN(verify_main, "verify", "image", __VA_ARGS__)

/* As volume_open does, up to the mapping: that is for machines with device-mapper. */
int open_with(const char *key, const char *name);
bool slot_opens(int slot, const char *key);

/* The headers and key-slot areas of the image. */
void save(char headers[HEADERS]);
void put_back(const char headers[HEADERS]);
void damage(off_t at);

/* Runs @command to its @write-th write; false where it came to its end. */
bool cut(int (*command)(void), int write);

/* What @command writes, to be written again up to any point. */
struct write {
	off_t at;
	char bytes[BLOCK];
};

enum { WRITES_MAX = 256 };
int record_writes(int (*command)(void), struct write writes[WRITES_MAX]);

void sealed_use_memory(void);

#endif
