// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

enum { HEAD_SIZE = 110 };

/* The header's numbers, eight digits each. */
static unsigned long field(const char *head, int number)
{
	char digits[9] = "";

	memcpy(digits, head + 6 + 8 * number, 8);
	return strtoul(digits, NULL, 16);
}

static char *written(struct tree *tree, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	assert_non_null(out);
	assert_int_equal(tree_write(tree, out), 0);
	fclose(out);
	return text;
}

static void adds_the_folders_above(void **state)
{
	struct tree tree = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(&tree, "a/b/c", "text", "for it"), 0);
	assert_int_equal(tree_add_text(&tree, "a/b/d", "more", "for it"), 0);
	assert_int_equal(tree.count, 4);
	assert_string_equal(tree.entries[0].path, "a");
	assert_string_equal(tree.entries[1].path, "a/b");
	tree_free(&tree);
}

static void keeps_what_is_there(void **state)
{
	struct tree tree = { 0 };

	(void)state;
	assert_int_equal(tree_add_text(&tree, "a", "first", ""), 0);
	assert_int_equal(tree_add_text(&tree, "a", "second", ""), 0);
	assert_int_equal(tree_add_folder(&tree, "a", ""), 0);
	assert_int_equal(tree.count, 1);
	assert_string_equal(tree.entries[0].text, "first");
	tree_free(&tree);
}

static void refuses_what_is_no_file(void **state)
{
	struct tree tree = { 0 };

	(void)state;
	assert_int_equal(tree_add_file(&tree, "a", "/none", 0644, ""), -ENOENT);
	assert_int_equal(tree_add_file(&tree, "a", "/", 0644, ""), -EINVAL);
	assert_int_equal(tree.count, 0);
	tree_free(&tree);
}

/* Linux: Documentation/driver-api/early-userspace/buffer-format.rst */
static void writes_newc(void **state)
{
	struct tree tree = { .time = 7 };
	size_t size, at;
	char *text;

	(void)state;
	assert_int_equal(tree_add_text(&tree, "b/hello", "hello", ""), 0);
	text = written(&tree, &size);
	assert_int_equal(size % 4, 0);
	assert_memory_equal(text, "070701", 6);
	assert_string_equal(text + HEAD_SIZE, "b");
	assert_int_equal(field(text, 1), 040755);
	at = HEAD_SIZE + 2; /* a multiple of 4 */
	assert_memory_equal(text + at, "070701", 6);
	assert_int_equal(field(text + at, 1), 0100644);
	assert_int_equal(field(text + at, 5), 7);
	assert_int_equal(field(text + at, 6), 5);
	assert_int_equal(field(text + at, 11), sizeof("b/hello"));
	assert_string_equal(text + at + HEAD_SIZE, "b/hello");
	at += (HEAD_SIZE + sizeof("b/hello") + 3) / 4 * 4;
	assert_memory_equal(text + at, "hello\0\0\0" "070701", 14);
	assert_string_equal(text + at + 8 + HEAD_SIZE, "TRAILER!!!");
	free(text);
	tree_free(&tree);
}

static void writes_the_same_in_any_order(void **state)
{
	struct tree one = { 0 }, other = { 0 };
	char *first, *second;
	size_t size, again;

	(void)state;
	assert_int_equal(tree_add_text(&one, "a/x", "1", "why"), 0);
	assert_int_equal(tree_add_text(&one, "a-b", "2", "why"), 0);
	assert_int_equal(tree_add_text(&other, "a-b", "2", "another reason"), 0);
	assert_int_equal(tree_add_text(&other, "a/x", "1", "why"), 0);
	first = written(&one, &size);
	second = written(&other, &again);
	assert_int_equal(size, again);
	assert_memory_equal(first, second, size);
	free(first);
	free(second);
	tree_free(&one);
	tree_free(&other);
}

/* Its size stands before it. */
static void refuses_a_file_that_grows(void **state)
{
	char path[] = "/tmp/tree.XXXXXX";
	struct tree tree = { 0 };
	int fd = mkstemp(path);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_true(fd >= 0 && out);
	assert_int_equal(write(fd, "1", 1), 1);
	assert_int_equal(tree_add_file(&tree, "a", path, 0600, ""), 0);
	assert_int_equal(write(fd, "2", 1), 1);
	assert_int_equal(tree_write(&tree, out), -EIO);
	fclose(out);
	free(text);
	close(fd);
	unlink(path);
	tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_the_folders_above),
		cmocka_unit_test(keeps_what_is_there),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(writes_newc),
		cmocka_unit_test(writes_the_same_in_any_order),
		cmocka_unit_test(refuses_a_file_that_grows),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
