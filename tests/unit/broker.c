// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/broker.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "config/broker_modules.h"
#include "config/cmdline.h"
#include "support.h"

static struct broker broker;
static struct fault fault;

static int set_url(const char *url)
{
	broker = (struct broker){ .has_tls = true };
	return broker_set_url(&broker, slice_of(url), &fault);
}

static void each_kind_of_address_is_read(void **state)
{
	static const struct {
		const char *url, *host;
		enum broker_kind kind;
		unsigned int cid, port;
	} cases[] = {
		{ "http://10.0.2.2:8080", "10.0.2.2", BROKER_HTTP, 0, 8080 },
		{ "http://kbs.example:1/", "kbs.example", BROKER_HTTP, 0, 1 },
		{ "https://kbs.example:65535", "kbs.example", BROKER_HTTP, 0, 65535 },
		{ "http://[fe80::1]:80", "fe80::1", BROKER_HTTP, 0, 80 },
		{ "vsock:2:1995", "", BROKER_VSOCK, 2, 1995 },
		{ "serial:org.example.kbs_0", "org.example.kbs_0", BROKER_SERIAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(set_url(cases[i].url), 0);
		assert_string_equal(broker.host, cases[i].host);
		assert_int_equal(broker.kind, cases[i].kind);
		assert_int_equal(broker.has_tls, strncmp(cases[i].url, "https:", 6) == 0);
		assert_int_equal(broker.cid, cases[i].cid);
		assert_int_equal(broker.port, cases[i].port);
	}
}

static void everything_else_is_none(void **state)
{
	static const char *const wrong[] = {
		"", "kbs.example:80", "ftp://a:1", "http://", "http://a", "http://a:", "http://:1", "http://a:0",
		"http://a:65536", "http://a:1/kbs", "http://a:1//", "http://a@b:1", "http://a b:1", "http://::1:80",
		"http://[::1%eth0]:80", "http://[]:80", "http://[.0b1]:8", "http://[1::2::3]:8", "http://a:+1",
		"http://a:1?x", "http://a\r\nX:1", "vsock:", "vsock:2", "vsock:2:",
		"vsock::1", "vsock:2:4294967295", "vsock:-1:1", "vsock:2:1:1", "serial:",
		"serial:../null", "serial:a/b", "serial:.a", "serial:a b",
		"serial:0123456789012345678901234567890123456789012345678901234567890123x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(set_url(wrong[i]) < 0);
}

static void an_address_is_written_as_it_is_read(void **state)
{
	static const char *const urls[] = { "http://10.0.2.2:8080", "http://[fe80::1]:80", "https://a:443",
					    "https://[fe80::1]:1", "vsock:2:1995", "serial:org.example.kbs_0" };
	char url[BROKER_URL_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(set_url(urls[i]), 0);
		broker_url(&broker, url);
		assert_string_equal(url, urls[i]);
	}
}

static void a_network_is_read(void **state)
{
	static const unsigned char address[] = { 10, 0, 2, 15 }, gateway[] = { 10, 0, 2, 2 };
	static const char *const wrong[] = {
		"", "10.0.2.15", "10.0.2.15/", "10.0.2.15/0", "10.0.2.15/33", "10.0.2/24", "10.0.2.15/24,",
		"10.0.2.15/24,fe80::1", "10.0.2.15/24,10.0.2.2,", "10.0.2.15/24/8", "fd00::2/129", "fd00::2%eth0/64",
		"fd00::2/64,10.0.0.1", "[fd00::2]/64", "host/24", "10.0.2.15/24 ",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/64", "/24", ",",
	};

	(void)state;
	assert_int_equal(broker_set_network(&broker, SLICE("10.0.2.15/24,10.0.2.2"), &fault), 0);
	assert_int_equal(broker.network.family, AF_INET);
	assert_int_equal(broker.network.prefix, 24);
	assert_true(broker.network.has_gateway);
	assert_memory_equal(broker.network.address, address, sizeof(address));
	assert_memory_equal(broker.network.gateway, gateway, sizeof(gateway));
	assert_int_equal(broker_set_network(&broker, SLICE("fd00::2/128"), &fault), 0);
	assert_int_equal(broker.network.family, AF_INET6);
	assert_int_equal(broker.network.prefix, 128);
	assert_false(broker.network.has_gateway);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(broker_set_network(&broker, slice_of(wrong[i]), &fault) < 0);
}

static int note_module(void *context, const char *name, bool proves)
{
	char *names = context;

	sprintf(names + strlen(names), "%s%s ", name, proves ? "*" : "");
	return strcmp(name, "virtio_net") == 0 ? 7 : 0;
}

static void a_broker_needs_modules(void **state)
{
	static const struct {
		const char *text, *names;
		int r;
	} cases[] = {
		{ "", "sev-guest* tdx-guest* virtio_net ", 7 },
		{ "rd.cocosecret.kbs=serial:a", "sev-guest* tdx-guest* virtio_console ", 0 },
		{ "rd.cocosecret.kbs=vsock:2:1 rd.cocosecret.tee=snp", "sev-guest* vmw_vsock_virtio_transport ", 0 },
		{ "rd.cocosecret.tee=tdx\nrd.cocosecret.kbs=http://a:1", "tdx-guest* virtio_net ", 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char names[256] = "";

		assert_int_equal(cmdline_parse_broker(slice_of(cases[i].text), &broker, &fault), 0);
		assert_int_equal(broker_each_module(&broker, note_module, names), cases[i].r);
		assert_string_equal(names, cases[i].names);
	}
}

static void a_path_has_two_parts(void **state)
{
	static const char *const wrong[] = { "", "a", "a/", "/a", "a/b/c", "../b", "a/..", "a b/c", "a/b?c",
					     "a/b%2f" };

	(void)state;
	assert_int_equal(broker_set_path(&broker, SLICE("my-vms/disk_1.0"), &fault), 0);
	assert_string_equal(broker.path, "my-vms/disk_1.0");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(broker_set_path(&broker, slice_of(wrong[i]), &fault) < 0);
}

static void the_command_line_comes_before_the_image(void **state)
{
	struct broker image = { 0 };
	struct cmdline cmdline;

	(void)state;
	assert_int_equal(cmdline_parse_broker(SLICE("rd.cocosecret.kbs=http://a:1\nrd.cocosecret.kbs_path=b/c\n"
						    "rd.cocosecret.tee=tdx rd.cocosecret.ip=10.0.0.2/8\n"), &image, &fault), 0);
	assert_int_equal(cmdline_parse(SLICE("ro rd.cocosecret.kbs=serial:x"), &cmdline, &fault), 0);
	broker_complete(&cmdline.broker, &image);
	assert_int_equal(cmdline.broker.kind, BROKER_SERIAL);
	assert_string_equal(cmdline.broker.host, "x");
	assert_string_equal(cmdline.broker.path, "b/c");
	assert_int_equal(cmdline.broker.tee, TEE_TDX);
	assert_int_equal(cmdline.broker.network.prefix, 8);

	assert_int_equal(cmdline_parse(SLICE("rd.cocosecret.tee=snp"), &cmdline, &fault), 0);
	broker_complete(&cmdline.broker, &image);
	assert_string_equal(cmdline.broker.host, "a");
	assert_int_equal(cmdline.broker.port, 1);
	assert_int_equal(cmdline.broker.tee, TEE_SNP);

	broker = (struct broker){ 0 };
	broker_complete(&broker, &(struct broker){ 0 });
	assert_string_equal(broker.path, "default/cocosecret");
	assert_int_equal(broker.kind, BROKER_NONE);
}

static void the_image_says_nothing_else(void **state)
{
	static const char *const wrong[] = {
		"rd.cocosecret.timeout=5", "rd.cocosecret.kbs", "rd.cocosecret.tee=sev", "# comment", "quiet",
		"rd.cocosecret.owner=none",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(cmdline_parse_broker(slice_of(wrong[i]), &broker, &fault) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_address_is_read),
		cmocka_unit_test(everything_else_is_none),
		cmocka_unit_test(an_address_is_written_as_it_is_read),
		cmocka_unit_test(a_network_is_read),
		cmocka_unit_test(a_broker_needs_modules),
		cmocka_unit_test(a_path_has_two_parts),
		cmocka_unit_test(the_command_line_comes_before_the_image),
		cmocka_unit_test(the_image_says_nothing_else),
	};

	return cmocka_run_group_tests_name("broker", tests, NULL, NULL);
}
