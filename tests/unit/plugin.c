// SPDX-License-Identifier: GPL-2.0-or-later
/* The token plugin: the file as libcryptsetup loads it, and its code in libcryptsetup's own loop. */
#include "plugin/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "header/document.h"
#include "header/load.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "lib/secret.h"
#include "lib/source.h"
#include "owner/commands.h"
#include "support.h"
#include "table.h"

#define OTHER "11111111-2222-3333-4444-555555555555"
#define EAGER "{\"type\":\"eager\",\"keyslots\":[\"0\"]}"
#define TOKEN(slots, secret, rest) \
	"{\"type\":\"cocosecret\",\"keyslots\":[" slots "],\"secret\":\"" secret "\"" rest "}"

enum { SLOT = 1 /* of the launch key */, HEADERS = 1 << 20 };

static const char *const keys[] = { "owner's own key, 32 bytes long..", "launch key one, 32 bytes long..." };
static const char new_key[] = "launch key two, 32 bytes long...";

/* In the place of source.c: the secrets are in the working directory. */
static int source_fails;

int source_find(const char *secret)
{
	if (source_fails)
		return source_fails;
	if (access(secret, F_OK) < 0)
		return -ENOENT;
	return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What the plugin says goes through libcryptsetup to the process's own callback. */
static char said[4096];

static void hear(int level, const char *line, void *data)
{
	size_t used = strlen(said);

	(void)level;
	(void)data;
	snprintf(said + used, sizeof(said) - used, "%s", line);
}

static struct crypt_device *load(void)
{
	struct crypt_device *cd = NULL;
	struct fault fault;

	assert_int_equal(header_load(&cd, "image", "image", &fault), 0);
	crypt_set_log_callback(NULL, hear, NULL);
	said[0] = '\0';
	return cd;
}

/* A token of somebody else's that opens whatever it is asked to. */
static int eager_opened;

static int eager_open(struct crypt_device *cd, int token, char **buffer, size_t *size, void *unused)
{
	(void)cd;
	(void)token;
	(void)unused;
	eager_opened++;
	*buffer = strdup(keys[0]);
	*size = KEY_SIZE;
	return 0;
}

static int register_types(void **state)
{
	static const crypt_token_handler ours = {
		.name = "cocosecret",
		.open = cryptsetup_token_open,
		.buffer_free = cryptsetup_token_buffer_free,
		.validate = cryptsetup_token_validate,
		.dump = cryptsetup_token_dump,
	};
	static const crypt_token_handler eager = { .name = "eager", .open = eager_open };

	(void)state;
	return crypt_token_register(&ours) || crypt_token_register(&eager);
}

static void enroll(char *key, char *also)
{
	char *argv[] = { "enroll", "image", "--key-file", "owner", "--new-key-file", key, "--name",
			 "root", also ? "--also" : NULL, also, NULL };

	log_forget();
	assert_int_equal(enroll_main(also ? 10 : 8, argv), EXIT_OPENED);
}

/* The volume with the owner's key alone, and with the launch key: each is made once. */
static void fresh_image(bool enrolled)
{
	static char kept[2][HEADERS];
	int fd;

	if (!kept[enrolled][0]) {
		make_image("image", keys, 1);
		if (enrolled)
			enroll("one", NULL);
		fd = open("image", O_RDONLY | O_CLOEXEC);
		assert_int_equal(read(fd, kept[enrolled], HEADERS), HEADERS);
	} else {
		write_file("image", kept[enrolled], HEADERS);
		fd = open("image", O_WRONLY | O_CLOEXEC);
		assert_int_equal(ftruncate(fd, IMAGE_SIZE), 0);
	}
	close(fd);
}

static int begin(void **state)
{
	int r = enter_scratch(state);

	source_fails = 0;
	eager_opened = 0;
	write_file("owner", keys[0], KEY_SIZE);
	write_file("one", keys[1], KEY_SIZE);
	write_file("two", new_key, KEY_SIZE);
	fresh_image(true);
	write_file(GUID_DISK_KEY, keys[1], KEY_SIZE);
	return r;
}

/* What is given back to the kernel must be wiped before. */
static const void *watched;
static bool is_wiped;

int munmap(void *at, size_t size)
{
	static const char zeros[SECRET_MAX + 1];

	if (at == watched)
		is_wiped = size >= sizeof(zeros) && memcmp(at, zeros, sizeof(zeros)) == 0;
	return (int)syscall(SYS_munmap, at, size);
}

static void take_back(char *buffer, size_t size)
{
	watched = buffer;
	is_wiped = false;
	cryptsetup_token_buffer_free(buffer, size);
	assert_true(is_wiped);
}

static int open_token(int id, char **buffer, size_t *size)
{
	CLEANUP(header_unload) struct crypt_device *cd = load();

	return cryptsetup_token_open(cd, id, buffer, size, NULL);
}

/* Nothing is handed out with an error. */
static int refused(void)
{
	uint64_t before = file_digest("image");
	char *buffer = NULL;
	size_t size = 0;
	int r = open_token(0, &buffer, &size);

	assert_true(r < 0 && !buffer && size == 0);
	assert_true(file_digest("image") == before);
	assert_null(strstr(said, "launch key"));
	return r;
}

static int activate(void)
{
	CLEANUP(header_unload) struct crypt_device *cd = load();

	return crypt_activate_by_token(cd, NULL, CRYPT_ANY_TOKEN, NULL, 0);
}

static void the_secret_is_handed_out_and_taken_back(void **state)
{
	char *buffer = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(open_token(0, &buffer, &size), 0);
	assert_int_equal(size, KEY_SIZE);
	assert_memory_equal(buffer, keys[1], KEY_SIZE);
	take_back(buffer, size);
	assert_null(strstr(said, "launch key"));
}

static void a_secret_of_any_size_is_taken_back(void **state)
{
	static char big[SECRET_MAX - 2 * SECRET_HEAD_SIZE]; /* as much as a table takes */
	char *buffer = NULL;
	size_t size = 0;

	(void)state;
	memset(big, 'k', sizeof(big));
	write_file("big", big, sizeof(big));
	write_file(GUID_DISK_KEY, big, sizeof(big));
	fresh_image(false);
	enroll("big", NULL);
	assert_int_equal(open_token(0, &buffer, &size), 0);
	assert_int_equal(size, sizeof(big));
	take_back(buffer, size);
}

static void a_volume_opens_by_its_own_slot(void **state)
{
	(void)state;
	assert_int_equal(activate(), SLOT);
	assert_non_null(strstr(said, "sealed for the name \"root\", which is not checked"));
}

static void a_secret_that_is_not_here_is_no_fault(void **state)
{
	(void)state;
	unlink(GUID_DISK_KEY);
	assert_int_equal(refused(), -EAGAIN);
	assert_null(strstr(said, "refused"));
	assert_int_equal(activate(), -EAGAIN);
	source_fails = -EACCES; /* for root only */
	assert_int_equal(refused(), -EAGAIN);
}

static void a_wrong_or_unfit_secret_is_refused(void **state)
{
	static char large[SECRET_MAX + 1];

	(void)state;
	write_file(GUID_DISK_KEY, new_key, KEY_SIZE);
	assert_int_equal(refused(), -EKEYREJECTED);
	assert_non_null(strstr(said, "the header of image is refused"));
	write_file(GUID_DISK_KEY, keys[1], KEY_SIZE - 1);
	assert_int_equal(refused(), -EKEYREJECTED);
	write_file(GUID_DISK_KEY, "", 0);
	assert_int_equal(refused(), -EIO);
	write_file(GUID_DISK_KEY, large, sizeof(large));
	assert_int_equal(refused(), -EIO);
	source_fails = -ENOTTY;
	assert_int_equal(refused(), -EIO);
	assert_non_null(strstr(said, SOURCE_RUN_PATH));
}

static void a_changed_header_is_refused(void **state)
{
	static const char *const changes[][2] = { /* of one length */
		{ "\"encryption\":\"aes-xts-plain64\",\"sector", "\"encryption\":\"cipher_null-ecb\",\"sector" },
		{ "\"iterations\":1000", "\"iterations\":1001" },
		{ "\"name\":\"root\"", "\"name\":\"data\"" },
		{ "\"seal\":{", "\"sale\":{" },
		{ "\"alg\":\"hmac-sha256\"", "\"alg\":\"hmac-sha512\"" },
		{ "\"type\":\"cocosecret\",\"keyslots\":[\"1\"]", "\"type\":\"cocosecret\",\"keyslots\":[   ]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		fresh_image(true);
		edit_header("image", changes[i][0], changes[i][1]);
		assert_int_equal(refused(), -EKEYREJECTED);
		assert_non_null(strstr(said, "is refused"));
		assert_true(activate() < 0);
	}
}

/* While a key is changed both tokens are for one secret, and either key opens with its own. */
static void of_two_tokens_the_one_of_the_key_opens(void **state)
{
	char *buffer = NULL;
	size_t size = 0;

	(void)state;
	enroll("two", GUID_DISK_KEY "=one");
	assert_int_equal(activate(), SLOT);
	write_file(GUID_DISK_KEY, new_key, KEY_SIZE);
	assert_int_equal(open_token(0, &buffer, &size), -ENOENT);
	assert_int_equal(activate(), SLOT + 1);
}

/* The owner's own token of another type, sealed with the rest. */
static void add_eager(void)
{
	char *seal[] = { "seal", "image", "--key-file", "one", "--force", NULL };

	add_token("image", EAGER);
	assert_int_equal(seal_main(5, seal), EXIT_OPENED);
}

static void a_refusal_is_the_end_of_the_tokens(void **state)
{
	(void)state;
	add_eager();
	edit_header("image", "\"iterations\":1000", "\"iterations\":1001");
	assert_int_equal(activate(), -EKEYREJECTED);
	assert_int_equal(eager_opened, 0);
}

/* As the manual says: a token of another type is not held back by this one. */
static void another_token_may_open_where_this_one_is_not_asked(void **state)
{
	(void)state;
	add_eager();
	unlink(GUID_DISK_KEY);
	assert_int_equal(activate(), 0);
	assert_int_equal(eager_opened, 1);

	fresh_image(false);
	add_token("image", EAGER);
	enroll("one", NULL);
	write_file(GUID_DISK_KEY, new_key, KEY_SIZE);
	assert_int_equal(activate(), 0);
	assert_int_equal(eager_opened, 2);
}

/* The file itself. */
static void *symbol(const char *name)
{
	static void *plugin;

	if (!plugin)
		plugin = dlopen(PLUGIN_PATH, RTLD_LAZY);
	if (!plugin)
		fail_msg("%s", dlerror());
	return dlvsym(plugin, name, CRYPT_TOKEN_ABI_VERSION1);
}

#define PLUGIN(name) ((typeof(&cryptsetup_token_##name))symbol("cryptsetup_token_" #name))

static void the_file_has_what_libcryptsetup_looks_up(void **state)
{
	(void)state;
	assert_non_null(symbol(CRYPT_TOKEN_ABI_OPEN));
	assert_non_null(symbol(CRYPT_TOKEN_ABI_BUFFER_FREE));
	assert_non_null(symbol(CRYPT_TOKEN_ABI_VALIDATE));
	assert_non_null(symbol(CRYPT_TOKEN_ABI_DUMP));
	assert_non_null(symbol(CRYPT_TOKEN_ABI_VERSION));
	assert_null(symbol(CRYPT_TOKEN_ABI_OPEN_PIN));
	assert_null(symbol("policy_check"));
	assert_string_equal(PLUGIN(version)(), COCOSECRET_VERSION);
}

static void a_token_is_validated(void **state)
{
	static const char *const good[] = {
		TOKEN("\"0\"", GUID_DISK_KEY, ""),
		TOKEN("\"31\"", "736869E5-84F0-4973-92EC-06879CE3DA0B", ",\"name\":\"root\""),
		TOKEN("\"0\"", OTHER, ",\"seal\":{\"alg\":\"hmac-sha256\"},\"later\":[1]"),
	};
	static const char *const bad[] = {
		"", "{", "[]", "{}", "null", "{\"type\":\"cocosecret\"}",
		"{\"type\":\"other\",\"keyslots\":[\"0\"],\"secret\":\"" OTHER "\"}",
		TOKEN("", OTHER, ""),
		TOKEN("\"0\",\"1\"", OTHER, ""),
		TOKEN("0", OTHER, ""),
		TOKEN("\"32\"", OTHER, ""),
		TOKEN("\"-1\"", OTHER, ""),
		TOKEN("\"00\"", OTHER, ""),
		TOKEN("\"0\"", "", ""),
		TOKEN("\"0\"", OTHER "0", ""),
		TOKEN("\"0\"", OTHER "\\u0000", ""),
		TOKEN("\"0\"", "../" OTHER, ""),
		TOKEN("\"0\"", OTHER, ",\"name\":7"),
		TOKEN("\"0\"", OTHER, ",\"name\":\"a\\u0000b\""),
		TOKEN("\"0\"", OTHER, ",\"seal\":7"),
		TOKEN("\"0\"", OTHER, ",\"seal\":{\"alg\":\"md5\"}"),
		TOKEN("\"0\"", OTHER, "") "x",
	};

	(void)state;
	crypt_set_log_callback(NULL, hear, NULL);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(PLUGIN(validate)(NULL, good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		said[0] = '\0';
		assert_int_equal(PLUGIN(validate)(NULL, bad[i]), -EINVAL);
		assert_non_null(strstr(said, "cocosecret: a token of this type "));
	}
}

static void a_token_out_of_bounds_is_not_valid(void **state)
{
	CLEANUP(free_text) char *large = malloc(DOCUMENT_MAX + 200);
	char deep[512] = TOKEN("\"0\"", OTHER, ",\"later\":");

	(void)state;
	sprintf(large, "%*s", DOCUMENT_MAX, TOKEN("\"0\"", OTHER, ""));
	assert_int_equal(PLUGIN(validate)(NULL, large), 0);
	sprintf(large, "%*s", DOCUMENT_MAX + 1, TOKEN("\"0\"", OTHER, ""));
	assert_int_equal(PLUGIN(validate)(NULL, large), -EINVAL);

	deep[strlen(deep) - 1] = '\0';
	memset(deep + strlen(deep), '[', DOCUMENT_DEPTH);
	memset(deep + strlen(deep), ']', DOCUMENT_DEPTH);
	strcat(deep, "}");
	assert_int_equal(PLUGIN(validate)(NULL, deep), -EINVAL);
}

static void a_token_is_dumped(void **state)
{
	(void)state;
	crypt_set_log_callback(NULL, hear, NULL);
	said[0] = '\0';
	PLUGIN(dump)(NULL, TOKEN("\"0\"", OTHER, ",\"name\":\"a\\u001b[2Jb\",\"seal\":{\"alg\":"
				 "\"hmac-sha256\",\"value\":\"x\"}"));
	assert_string_equal(said, "\tSecret:     " OTHER "\n\tName:       a\\x1b[2Jb\n"
				  "\tSeal:       hmac-sha256, not checked here\n");
	said[0] = '\0';
	PLUGIN(dump)(NULL, TOKEN("\"0\"", OTHER, ""));
	assert_string_equal(said, "\tSecret:     " OTHER "\n\tSeal:       none\n");
	said[0] = '\0';
	PLUGIN(dump)(NULL, "{}");
	assert_string_equal(said, "\tInvalid:    names no secret\n");
}

/* The real one, on a machine without secrets, as an owner's is. */
static void where_no_secrets_are_nothing_is_said_aloud(void **state)
{
	CLEANUP(header_unload) struct crypt_device *cd = load();
	char *buffer = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(PLUGIN(open)(cd, 0, &buffer, &size, NULL), -EAGAIN);
	assert_string_equal(said, "cocosecret: secret " GUID_DISK_KEY " is not here\n");
	assert_null(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_secret_is_handed_out_and_taken_back, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_secret_of_any_size_is_taken_back, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_volume_opens_by_its_own_slot, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_secret_that_is_not_here_is_no_fault, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_wrong_or_unfit_secret_is_refused, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_changed_header_is_refused, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(of_two_tokens_the_one_of_the_key_opens, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_refusal_is_the_end_of_the_tokens, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(another_token_may_open_where_this_one_is_not_asked,
						begin, leave_scratch),
		cmocka_unit_test(the_file_has_what_libcryptsetup_looks_up),
		cmocka_unit_test(a_token_is_validated),
		cmocka_unit_test(a_token_out_of_bounds_is_not_valid),
		cmocka_unit_test(a_token_is_dumped),
		cmocka_unit_test_setup_teardown(where_no_secrets_are_nothing_is_said_aloud, begin, leave_scratch),
	};

	return cmocka_run_group_tests_name("plugin", tests, register_types, NULL);
}
