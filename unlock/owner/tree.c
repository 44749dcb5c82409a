// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

enum { PATH_SIZE = 4096, BUFFER_SIZE = 65536 };

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool has(const struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->entries[i].path, path) == 0)
			return true;
	return false;
}

static void free_entry(struct tree_entry *entry)
{
	free(entry->path);
	free(entry->source);
	free(entry->text);
}

static int add(struct tree *tree, const char *path, struct tree_entry entry)
{
	struct tree_entry *entries =
		reallocarray(tree->entries, tree->count + 1, sizeof(*tree->entries));

	if (entries)
		tree->entries = entries;
	entry.path = strdup(path);
	if (!entries || !entry.path || (S_ISREG(entry.mode) && !entry.source && !entry.text)) {
		free_entry(&entry);
		return -ENOMEM;
	}
	tree->entries[tree->count++] = entry;
	return 0;
}

static int add_parents(struct tree *tree, const char *path, const char *why)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return 0;
	if ((size_t)(slash - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	return tree_add_folder(tree, parent, why);
}

int tree_add_folder(struct tree *tree, const char *path, const char *why)
{
	int r = has(tree, path) ? 1 : add_parents(tree, path, why);

	if (r == 0)
		r = add(tree, path, (struct tree_entry){ .mode = S_IFDIR | 0755, .why = why });
	return r < 0 ? r : 0;
}

int tree_add_file(struct tree *tree, const char *path, const char *source, uint32_t mode,
		  const char *why)
{
	struct stat st;
	int r = has(tree, path) ? 1 : add_parents(tree, path, why);

	if (r)
		return r < 0 ? r : 0;
	if (stat(source, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > UINT32_MAX)
		return -EINVAL;
	return add(tree, path, (struct tree_entry){ .mode = S_IFREG | mode, .why = why,
						    .source = strdup(source),
						    .size = (uint64_t)st.st_size });
}

int tree_add_text(struct tree *tree, const char *path, const char *text, const char *why)
{
	int r = has(tree, path) ? 1 : add_parents(tree, path, why);

	if (r)
		return r < 0 ? r : 0;
	return add(tree, path, (struct tree_entry){ .mode = S_IFREG | 0644, .why = why,
						    .text = strdup(text), .size = strlen(text) });
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

static void pad(FILE *out, uint64_t written, unsigned int alignment)
{
	for (; written % alignment; written++)
		putc(0, out);
}

/* Linux: Documentation/driver-api/early-userspace/buffer-format.rst. */
static void write_head(FILE *out, const struct tree *tree, const char *path, size_t number,
		       uint32_t mode, uint64_t size)
{
	size_t length = strlen(path) + 1;

	fprintf(out, "070701%08zX%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08zX%08X", number, mode, 0u, 0u,
		1u, tree->time, (unsigned int)size, 0u, 0u, 0u, 0u, length, 0u);
	fwrite(path, 1, length, out);
	pad(out, 110 + length, 4);
}

static int write_source(FILE *out, const struct tree_entry *entry)
{
	CLEANUP(close_file) FILE *in = fopen(entry->source, "re");
	char buffer[BUFFER_SIZE];
	uint64_t whole = 0;
	size_t size;

	if (!in)
		return -errno;
	while ((size = fread(buffer, 1, sizeof(buffer), in)) > 0) {
		fwrite(buffer, 1, size, out);
		whole += size;
	}
	/* Its size is written already. */
	return ferror(in) || whole != entry->size ? -EIO : 0;
}

int tree_write(struct tree *tree, FILE *out)
{
	int r = 0;

	qsort(tree->entries, tree->count, sizeof(*tree->entries), by_path);
	for (size_t i = 0; i < tree->count && r == 0; i++) {
		const struct tree_entry *entry = &tree->entries[i];

		write_head(out, tree, entry->path, i + 1, entry->mode, entry->size);
		if (entry->source)
			r = write_source(out, entry);
		else if (entry->text)
			fputs(entry->text, out);
		pad(out, entry->size, 4);
	}
	if (r < 0)
		return r;
	write_head(out, tree, "TRAILER!!!", 0, 0, 0);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

void tree_list(struct tree *tree, FILE *out)
{
	qsort(tree->entries, tree->count, sizeof(*tree->entries), by_path);
	for (size_t i = 0; i < tree->count; i++)
		if (S_ISREG(tree->entries[i].mode))
			fprintf(out, "%9llu  %-60s  %s\n", (unsigned long long)tree->entries[i].size,
				tree->entries[i].path, tree->entries[i].why);
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		free_entry(&tree->entries[i]);
	free(tree->entries);
	*tree = (struct tree){ 0 };
}
