// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "mark.h"

#define PREFIX "rd.cocosecret"

struct parameter {
	struct slice key;
	struct slice value;
	bool has_value;
};

static void drop_quotes(struct slice *s)
{
	if (s->length && s->at[0] == '"') {
		s->at++;
		s->length--;
		if (s->length && s->at[s->length - 1] == '"')
			s->length--;
	}
}

/* The kernel's rule: quotes hide blanks anywhere, and vanish around a parameter or its value only. */
static bool cut_parameter(struct slice *rest, struct parameter *parameter)
{
	struct slice word;
	const char *equals;
	bool quoted = false;

	while (rest->length && isspace((unsigned char)*rest->at)) {
		rest->at++;
		rest->length--;
	}
	word = (struct slice){ rest->at, 0 };
	while (rest->length && (quoted || !isspace((unsigned char)*rest->at))) {
		quoted ^= *rest->at == '"';
		rest->at++;
		rest->length--;
		word.length++;
	}
	if (word.length == 0)
		return false;
	drop_quotes(&word);
	equals = memchr(word.at, '=', word.length);
	parameter->key = word;
	parameter->has_value = equals != NULL;
	if (equals) {
		size_t key_length = (size_t)(equals - word.at);

		parameter->key.length = key_length;
		parameter->value = (struct slice){ equals + 1, word.length - key_length - 1 };
		drop_quotes(&parameter->value);
	}
	return true;
}

/* To the kernel, - and _ are one letter in a parameter's name. */
static int folded(char c)
{
	return c == '_' ? '-' : c;
}

static bool key_is(struct slice key, const char *name)
{
	if (key.length != strlen(name))
		return false;
	for (size_t i = 0; i < key.length; i++)
		if (folded(key.at[i]) != folded(name[i]))
			return false;
	return true;
}

static bool starts_with_uuid(struct slice s)
{
	char uuid[GUID_TEXT_SIZE];

	if (s.length < GUID_TEXT_LENGTH || (s.length > GUID_TEXT_LENGTH && s.at[GUID_TEXT_LENGTH] != ':'))
		return false;
	s.length = GUID_TEXT_LENGTH;
	return guid_parse(s, uuid) == 0;
}

/*
 * A device's path may hold colons (by-path/pci-0000:00:04.0), so it ends only where what follows
 * is a secret: a colon before a UUID, or before another colon.
 */
static struct slice cut_device(struct slice *rest)
{
	struct slice device = *rest;

	for (size_t i = 0; i < rest->length; i++) {
		struct slice after = { rest->at + i + 1, rest->length - i - 1 };

		if (rest->at[i] != ':')
			continue;
		if (starts_with_uuid(after) || (after.length && after.at[0] == ':')) {
			device.length = i;
			*rest = after;
			return device;
		}
	}
	*rest = (struct slice){ rest->at + rest->length, 0 };
	return device;
}

static int check_colons(struct slice device, struct fault *fault)
{
	struct slice path = device;

	if (!memchr(device.at, ':', device.length))
		return 0;
	if (slice_skip_prefix(&path, "/dev/disk/") && path.at[path.length - 1] != ':')
		return 0;
	return fault_set(fault, "\"%s\" is neither a device nor a device and a secret's UUID; write "
			 "NAME:DEVICE:SECRET:OPTIONS, SECRET may be empty", ESCAPED(device));
}

static int parse_volume(struct slice text, struct volumes *volumes, struct fault *fault)
{
	struct volume volume = { 0 };
	struct slice name = { 0 }, secret = { 0 }, device;
	int r;

	if (!memchr(text.at, ':', text.length))
		return fault_set(fault, "\"%s\" names no device; write NAME:DEVICE, or 0 for off",
				 ESCAPED(text));
	slice_cut(&text, ':', &name);
	device = cut_device(&text);
	slice_cut(&text, ':', &secret);

	r = volume_set_name(&volume, name, fault);
	if (r == 0)
		r = check_colons(device, fault);
	if (r == 0)
		r = volume_set_device(&volume, device, fault);
	if (r == 0)
		r = volume_set_secret(&volume, secret, fault);
	if (r == 0)
		r = volume_set_options(&volume, text, fault);
	return r < 0 ? r : volumes_add(volumes, &volume, fault);
}

static int set_entry(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	if (slice_is(value, "0")) {
		cmdline->off = true;
		return 0;
	}
	return parse_volume(value, &cmdline->volumes, fault);
}

static int set_timeout(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	unsigned int seconds = 0;

	for (size_t i = 0; i < value.length && seconds <= TIMEOUT_MAX_S; i++) {
		if (value.at[i] < '0' || value.at[i] > '9') {
			seconds = 0;
			break;
		}
		seconds = seconds * 10 + (unsigned int)(value.at[i] - '0');
	}
	if (seconds == 0 || seconds > TIMEOUT_MAX_S)
		return fault_set(fault, "\"%s\" is not a number of seconds from 1 to %d",
				 ESCAPED(value), TIMEOUT_MAX_S);
	cmdline->timeout_s = seconds;
	return 0;
}

static const char *const on_failure_words[] = {
	[ON_FAILURE_POWEROFF] = "poweroff",
	[ON_FAILURE_REBOOT] = "reboot",
	[ON_FAILURE_HALT] = "halt",
	[ON_FAILURE_SHELL] = "shell",
};

const char *on_failure_text(enum on_failure on_failure)
{
	return on_failure_words[on_failure];
}

static int set_on_failure(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	for (unsigned int i = 0; i < sizeof(on_failure_words) / sizeof(*on_failure_words); i++)
		if (slice_is(value, on_failure_words[i])) {
			cmdline->on_failure = (enum on_failure)i;
			return 0;
		}
	return fault_set(fault, "\"%s\" is not one of poweroff, reboot, halt, shell", ESCAPED(value));
}

static int set_source(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	if (slice_is(value, "securityfs"))
		cmdline->source = SOURCE_SECURITYFS;
	else if (slice_is(value, "run"))
		cmdline->source = SOURCE_RUN;
	else
		return fault_set(fault, "\"%s\" is not one of securityfs, run", ESCAPED(value));
	return 0;
}

static const struct {
	const char *word;
	enum host_channel channel;
} host_words[] = {
	{ "credentials", HOST_CREDENTIALS },
	{ "efivars", HOST_EFIVARS },
	{ "gpt-auto", HOST_GPT_AUTO },
};

static int allow(struct cmdline *cmdline, struct slice word, struct fault *fault)
{
	for (size_t i = 0; i < sizeof(host_words) / sizeof(*host_words); i++)
		if (slice_is(word, host_words[i].word)) {
			cmdline->allowed |= host_words[i].channel;
			return 0;
		}
	return fault_set(fault, "\"%s\" is not one of credentials, efivars, gpt-auto",
			 ESCAPED(word));
}

static int set_allowed(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	struct slice word;
	int r = 0;

	while (r == 0 && slice_cut(&value, ',', &word))
		r = allow(cmdline, word, fault);
	return r;
}

static int set_owner(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	return anchors_add_text(&cmdline->anchors, value, fault);
}

static int set_broker(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	return broker_set_url(&cmdline->broker, value, fault);
}

static int set_broker_path(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	return broker_set_path(&cmdline->broker, value, fault);
}

static int set_tee(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	return broker_set_tee(&cmdline->broker, value, fault);
}

static int set_network(struct cmdline *cmdline, struct slice value, struct fault *fault)
{
	return broker_set_network(&cmdline->broker, value, fault);
}

static const struct known_parameter {
	const char *key;
	int (*set)(struct cmdline *cmdline, struct slice value, struct fault *fault);
	bool is_broker; /* the image may say it, too */
} known_parameters[] = {
	{ PREFIX, set_entry, false },
	{ PREFIX ".timeout", set_timeout, false },
	{ PREFIX ".on-failure", set_on_failure, false },
	{ PREFIX ".source", set_source, false },
	{ PREFIX ".allow", set_allowed, false },
	{ PREFIX ".owner", set_owner, false },
	{ PREFIX ".kbs", set_broker, true },
	{ PREFIX ".kbs-path", set_broker_path, true },
	{ PREFIX ".tee", set_tee, true },
	{ PREFIX ".ip", set_network, true },
};

static bool is_ours(struct slice key)
{
	struct slice head = key;

	if (key.length > strlen(PREFIX))
		head.length = strlen(PREFIX ".");
	return key_is(head, PREFIX) || key_is(head, PREFIX ".");
}

static const struct known_parameter *find_known(struct slice key)
{
	for (size_t i = 0; i < sizeof(known_parameters) / sizeof(*known_parameters); i++)
		if (key_is(key, known_parameters[i].key))
			return &known_parameters[i];
	return NULL;
}

static int set(struct cmdline *cmdline, const struct known_parameter *known,
	       const struct parameter *parameter, struct fault *fault)
{
	return parameter->has_value ? known->set(cmdline, parameter->value, fault) :
				      fault_set(fault, "has no value");
}

static int apply(struct cmdline *cmdline, const struct parameter *parameter, struct fault *fault)
{
	const struct known_parameter *known = find_known(parameter->key);

	if (!is_ours(parameter->key))
		return 0;
	if (known)
		return set(cmdline, known, parameter, fault);
	return fault_set(fault, "no such parameter; there are " PREFIX "=, " PREFIX ".allow=, "
			 PREFIX ".ip=, " PREFIX ".kbs=, " PREFIX ".kbs-path=, " PREFIX ".owner=, " PREFIX
			 ".timeout=, " PREFIX ".on-failure=, " PREFIX ".source= and " PREFIX ".tee=");
}

/* Whoever wrote the command line means that mapping, and udev cannot make it another. */
static void set_root(struct cmdline *cmdline, struct slice text)
{
	struct volume volume = { 0 };
	struct slice value;
	struct fault none;

	if (!cmdline_value(text, "root", &value) ||
	    (!slice_skip_prefix(&value, "/dev/mapper/") &&
	     !slice_skip_prefix(&value, "/dev/disk/by-id/dm-name-")))
		return;
	if (volume_set_name(&volume, value, &none) == 0)
		memcpy(cmdline->root, volume.name, sizeof(volume.name));
}

const char *tables_text(enum tables tables)
{
	static const char *const words[] = { "host", "ours", "none" };

	return words[tables];
}

/* The host cannot write here; what the tables say of their maker is the host's word. */
static enum tables find_tables(struct slice text)
{
	struct slice value;

	if (cmdline_value(text, WALL_PARAMETER, &value) && slice_is(value, "1"))
		return TABLES_OURS;
	return cmdline_value(text, "acpi", &value) && slice_is(value, "off") ? TABLES_NONE : TABLES_HOST;
}

int cmdline_parse(struct slice text, struct cmdline *cmdline, struct fault *fault)
{
	struct parameter parameter;

	*cmdline = (struct cmdline){ .timeout_s = TIMEOUT_DEFAULT_S };
	set_root(cmdline, text);
	cmdline->tables = find_tables(text);
	while (cut_parameter(&text, &parameter)) {
		int r = apply(cmdline, &parameter, fault);

		if (r < 0)
			return fault_prefix(fault, "kernel command line: %s: ",
					    ESCAPED(parameter.key));
	}
	return 0;
}

int cmdline_parse_broker(struct slice text, struct broker *broker, struct fault *fault)
{
	struct cmdline cmdline = { 0 };
	struct parameter parameter;

	while (cut_parameter(&text, &parameter)) {
		const struct known_parameter *known = find_known(parameter.key);
		int r = known && known->is_broker ? set(&cmdline, known, &parameter, fault) :
			fault_set(fault, "only " PREFIX ".kbs=, " PREFIX ".kbs-path=, " PREFIX
				  ".tee= and " PREFIX ".ip= can be here");

		if (r < 0)
			return fault_prefix(fault, "%s: ", ESCAPED(parameter.key));
	}
	*broker = cmdline.broker;
	return 0;
}

bool cmdline_has(struct slice text, const char *key, struct slice *value)
{
	struct parameter parameter;
	bool found = false;

	while (cut_parameter(&text, &parameter)) {
		if (!key_is(parameter.key, key))
			continue;
		found = true;
		*value = parameter.has_value ? parameter.value : (struct slice){ 0 };
	}
	return found;
}

bool cmdline_value(struct slice text, const char *key, struct slice *value)
{
	return cmdline_has(text, key, value) && value->at;
}

bool cmdline_root(struct slice text, struct slice *value)
{
	return cmdline_value(text, "root", value) && value->length && !slice_is(*value, "gpt-auto");
}

int cmdline_load(const char *path, struct cmdline *cmdline, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length = 0;
	int r = file_read(path, &text, &length);

	*cmdline = (struct cmdline){ 0 };
	if (r < 0)
		return fault_set(fault, "%s: %s", path, strerror(-r));
	return cmdline_parse((struct slice){ text, length }, cmdline, fault);
}

int cmdline_settings(struct cmdline *cmdline, struct fault *fault)
{
	int r = cmdline_load(CMDLINE_PATH, cmdline, fault);

	volumes_free(&cmdline->volumes);
	return r;
}

bool cmdline_is_writable(struct slice text)
{
	struct slice word;
	bool writable = false;

	while (slice_cut(&text, ' ', &word)) {
		if (slice_is(word, "rw") || slice_is(word, "rw\n"))
			writable = true;
		else if (slice_is(word, "ro") || slice_is(word, "ro\n"))
			writable = false;
	}
	return writable;
}
