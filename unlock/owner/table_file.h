/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TABLE_FILE_H
#define COCOSECRET_TABLE_FILE_H

#include "lib/secret.h"
#include "table.h"

enum {
	TABLE_AREA_DEFAULT = 0xc00, /* the AmdSev OVMF's */
	TABLE_PADDING = 16,         /* LAUNCH_SECRET takes whole blocks of the cipher */
};

/* A secret table in a file, which may be longer than the table. */
struct table_file {
	struct secret bytes;
	struct secret_table table;
};

/* Reads and parses @path, "-" for standard input. An exit code; it reports any fault. */
int table_file_load(struct table_file *file, const char *command, const char *path);
void table_file_free(struct table_file *file);

/* --max BYTES: how much an area holds. */
int table_parse_max(const char *command, const char *text, unsigned long *max);

#endif
