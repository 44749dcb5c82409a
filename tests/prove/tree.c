// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An initramfs that is written without an error is one that Linux reads entry by entry: each head begins
 * at a multiple of four bytes, its numbers have eight digits, and as many bytes follow as it says; also
 * where a file has another length when it is read than when it was listed, and where it is of 4 GiB or
 * more.
 *
 * Bound: a file that comes in up to 2 pieces of any length, a text, paths of 0 to 5 bytes
 * CBMC: --unsigned-overflow-check --unwind 12
 *
 * What is written is counted and not looked at, and a piece may be longer than the buffer, in place of
 * many that fill it. Folders above, errors of writing, and more entries than eight digits count are left
 * out.
 */
#include <assert.h>
#include <stdarg.h>

#include "unlock/owner/tree.c"

enum { PATH = 6, HEAD = 110 };

static struct tree_entry entries[2];
static uint64_t written, next_head;
static unsigned int heads, pieces;

int fprintf(FILE *out, const char *format, ...)
{
	uint64_t number, size, length;
	va_list fields;

	va_start(fields, format);
	number = va_arg(fields, size_t);
	for (int i = 0; i < 5; i++)
		(void)va_arg(fields, unsigned int);
	size = va_arg(fields, unsigned int);
	for (int i = 0; i < 4; i++)
		(void)va_arg(fields, unsigned int);
	length = va_arg(fields, size_t);
	va_end(fields);
	assert(written == next_head && number <= UINT32_MAX && length <= UINT32_MAX);
	next_head += (HEAD + length + 3) / 4 * 4 + (size + 3) / 4 * 4;
	written += HEAD;
	heads++;
	return HEAD;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *out)
{
	written += count;
	return count;
}

int fputs(const char *text, FILE *out)
{
	written += strlen(text);
	return 0;
}

int putc(int byte, FILE *out)
{
	written++;
	return byte;
}

size_t fread(void *bytes, size_t size, size_t count, FILE *in)
{
	uint64_t piece;

	__CPROVER_assume(piece < 1ULL << 40);
	return pieces++ < 2 ? piece : 0;
}

int stat(const char *path, struct stat *st)
{
	__CPROVER_havoc_object(st);
	__CPROVER_assume(st->st_size >= 0);
	return 0;
}

void *reallocarray(void *list, size_t count, size_t size)
{
	assert(count <= 2);
	return entries;
}

char *strdup(const char *text)
{
	return (char *)text;
}

char *strrchr(const char *text, int c)
{
	return NULL;
}

void qsort(void *list, size_t count, size_t size, int (*compare)(const void *, const void *))
{
}

FILE *fopen(const char *path, const char *mode)
{
	_Bool fails;

	errno = ENOENT;
	return fails ? NULL : (FILE *)entries;
}

int fclose(FILE *file)
{
	return 0;
}

int fflush(FILE *file)
{
	return 0;
}

int ferror(FILE *file)
{
	int r;

	return r;
}

int main(void)
{
	char file[PATH], name[PATH], text[PATH];
	struct tree tree = { 0 };

	file[PATH - 1] = name[PATH - 1] = text[PATH - 1] = '\0';
	if (tree_add_file(&tree, file, "", 0600, "") < 0 || tree_add_text(&tree, name, text, "") < 0)
		return 0;
	if (tree_write(&tree, NULL) == 0)
		assert(written == next_head && written % 4 == 0 && heads == tree.count + 1);
	return 0;
}
