// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret initrd: an initramfs of one program, cocosecret-init. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config/anchor.h"
#include "config/broker_modules.h"
#include "config/cocotab.h"
#include "config/config.h"
#include "config/filesystems.h"
#include "config/pins.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "owner/closure.h"
#include "owner/commands.h"
#include "owner/fstab.h"
#include "owner/libraries.h"
#include "owner/options.h"
#include "owner/output.h"
#include "owner/tree.h"

#define MODULES "/lib/modules"
#define LOADED_LIST "etc/cocosecret/modules"
#define LATER_LIST "etc/cocosecret/modules.root"

enum { PATH_SIZE = 4096, LIST_SIZE = 4096, NAME_SIZE = 256 };

struct order {
	const char *output, *version, *cocotab, *program, *kbs;
	const char *drivers, *file_systems; /* NULL: nobody said */
	char *const *compressor;
	const char *modules[16], *headers[16];
	struct anchors anchors;
	size_t module_count, header_count;
	bool lists;
};

struct build {
	struct order order;
	struct tree tree;
	struct closure closure;
	struct volumes volumes;
	struct fstab fstab;
	struct broker broker; /* of an image that has the agent */
	bool has_agent;
	char version[NAME_SIZE];
	char scratch[64];
	char loaded[LIST_SIZE]; /* modules that every boot loads before it opens volumes */
	char later[LIST_SIZE];  /* and those meanwhile */
};

/* What a cloud's and QEMU's machines have, and file systems that cocosecret-init mounts. */
static const char default_drivers[] = "virtio_pci,virtio_mmio,virtio_blk,virtio_scsi,nvme,sd_mod";
static const char default_file_systems[] = "ext4,xfs,btrfs,squashfs";
static const char *const known_file_systems[] = { ROOT_FILE_SYSTEMS };
/* dm-crypt's, of a sealed volume. */
static const char *const ciphers[] = { "dm_crypt", "aesni_intel", "aes_generic", "xts", "ecb" };
/* What ext4, xfs and btrfs load first, each after a self-test. */
static const char *const checksums[] = { "crc32c_intel", "crc32c_generic" };
/* With integrity there are modes and digests besides. */
static const char *const all_ciphers[] = {
#include "image/modules.inc"
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/*
 * Before Linux 6.13 sev-guest does not load unless it gets gcm(aes), and while cocosecret-init runs
 * the kernel loads no cipher by itself: drivers/virt/coco/sev-guest/sev-guest.c, init_crypto().
 */
static const char agent_order[] = "softdep sev-guest pre: aesni_intel\n";
#define AGENT_ORDER_FILE "etc/modprobe.d/cocosecret.conf"

static const struct {
	const char *name;
	char *const command[6];
} compressors[] = {
	{ "zstd", { "zstd", "-19", "-T1", "-qc" } }, { "gzip", { "gzip", "-9nc" } },
	{ "xz", { "xz", "--check=crc32", "--lzma2=dict=1MiB", "-c" } }, { "none", { "cat" } },
};

static int fail(const char *what, int r)
{
	complain("initrd: %s: %s", what, strerror(-r));
	return EXIT_IO;
}

static int fail_with(const struct fault *fault, int r)
{
	complain("initrd: %s", fault->text);
	return r == -ENOENT || r == -ENOPKG ? EXIT_CONFIG : EXIT_IO;
}

static char *const *find_compressor(const char *name)
{
	for (size_t i = 0; i < COUNT(compressors); i++)
		if (strcmp(compressors[i].name, name) == 0)
			return compressors[i].command;
	complain("initrd: --compress %s: is none of zstd, gzip, xz, none", name);
	return NULL;
}

static bool is_known_file_system(struct slice word)
{
	for (size_t i = 0; i < COUNT(known_file_systems); i++)
		if (slice_is(word, known_file_systems[i]))
			return true;
	return word.length == 0;
}

static void complain_of_file_system(const char *where, struct slice word)
{
	char known[NAME_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < COUNT(known_file_systems); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 known_file_systems[i]);
	complain("initrd: %s %s: is none of %s", where, ESCAPED(word), known);
}

/* One that cocosecret-init does not mount would only be missed at boot. */
static int take_file_systems(struct order *order, const char *names)
{
	struct slice rest = slice_of(names), word;

	order->file_systems = names;
	while (slice_cut(&rest, ',', &word)) {
		if (is_known_file_system(word))
			continue;
		complain_of_file_system("--filesystems", word);
		return -ENOENT;
	}
	return 0;
}

static int take_owner(struct order *order, const char *path)
{
	struct fault fault;

	if (anchors_add_file(&order->anchors, path, &fault) == 0)
		return 0;
	complain("initrd: --owner: %s", fault.text);
	return -ENOENT;
}

static int take(struct order *order, int option)
{
	switch (option) {
	case OPTION_OUTPUT:
		order->output = optarg;
		return 0;
	case OPTION_KVER:
		order->version = optarg;
		return 0;
	case OPTION_COCOTAB:
		order->cocotab = optarg;
		return 0;
	case OPTION_KBS:
		order->kbs = optarg;
		return 0;
	case OPTION_DRIVERS:
		order->drivers = optarg;
		return 0;
	case OPTION_FILESYSTEMS:
		return take_file_systems(order, optarg);
	case OPTION_OWNER:
		return take_owner(order, optarg);
	case OPTION_COMPRESS:
		order->compressor = find_compressor(optarg);
		return order->compressor ? 0 : -ENOENT;
	case OPTION_INIT:
		order->program = optarg;
		return 0;
	case OPTION_LIST:
		order->lists = true;
		return 0;
	case OPTION_MODULES:
		if (order->module_count == COUNT(order->modules))
			return -E2BIG;
		order->modules[order->module_count++] = optarg;
		return 0;
	case OPTION_HEADER:
		if (order->header_count == COUNT(order->headers))
			return -E2BIG;
		order->headers[order->header_count++] = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

/* What is listed and the image itself cannot be one stream. */
static int check_output(const struct order *order)
{
	int r = order->output ? output_check(order->output) : 0;

	if (r == 0 && order->output && order->lists && output_is_stdout(order->output)) {
		complain("initrd: --list and -o %s both want standard output", order->output);
		return EXIT_CONFIG;
	}
	if (r == 0)
		return EXIT_OPENED;
	complain("initrd: %s: %s", order->output, output_explain(r));
	return EXIT_CONFIG;
}

static int parse(struct order *order, int argc, char **argv)
{
	struct options options;
	int option;

	options_begin(&options, "initrd", TAKES(OUTPUT) | TAKES(KVER) | TAKES(COCOTAB) | TAKES(DRIVERS) |
		      TAKES(FILESYSTEMS) | TAKES(COMPRESS) | TAKES(INIT) | TAKES(MODULES) |
		      TAKES(HEADER) | TAKES(OWNER) | TAKES(KBS) | TAKES(LIST));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		int r = take(order, option);

		if (r == -E2BIG)
			complain("initrd: %s: repeated too often", argv[optind - 1]);
		if (r < 0)
			return EXIT_CONFIG;
	}
	if (optind == argc && (order->output || order->lists))
		return check_output(order);
	complain("initrd: needs -o FILE or --list, and no other argument; see cocosecret initrd --help");
	return EXIT_CONFIG;
}

/* The one that is there; of several, the running one. */
static int choose_version(struct build *build)
{
	CLEANUP(close_dir) DIR *dir = opendir(MODULES);
	const struct dirent *entry;
	struct utsname running;
	size_t count = 0;

	uname(&running);
	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (count == 0 || strcmp(entry->d_name, running.release) == 0)
			snprintf(build->version, sizeof(build->version), "%s", entry->d_name);
		count++;
	}
	if (count == 1 || (count && strcmp(build->version, running.release) == 0))
		return EXIT_OPENED;
	complain("initrd: %s kernels in " MODULES "; say which with --kver VERSION",
		 count ? "several" : "no");
	return EXIT_CONFIG;
}

static int find_version(struct build *build)
{
	if (!build->order.version)
		return choose_version(build);
	if (strchr(build->order.version, '/') ||
	    strlen(build->order.version) >= sizeof(build->version)) {
		complain("initrd: --kver %s: is no kernel's version", build->order.version);
		return EXIT_CONFIG;
	}
	snprintf(build->version, sizeof(build->version), "%s", build->order.version);
	return EXIT_OPENED;
}

static int add_file(struct build *build, const char *path, uint32_t mode, const char *why)
{
	int r = tree_add_file(&build->tree, path + strspn(path, "/"), path, mode, why);

	return r < 0 ? fail(path, r) : EXIT_OPENED;
}

/* A program with the libraries that it needs. */
static int add_executable(struct build *build, const char *inside, const char *path, const char *why)
{
	struct fault fault;
	int r = tree_add_file(&build->tree, inside, path, 0755, why);

	if (r < 0)
		return fail(path, r);
	r = libraries_add(&build->tree, path, build->scratch, &fault);
	return r < 0 ? fail_with(&fault, r) : EXIT_OPENED;
}

static int add_program(struct build *build)
{
	static const char *const folders[] = { "dev", "proc", "sys", "run", "sysroot", "tmp" };
	int r = 0;

	for (size_t i = 0; i < COUNT(folders) && r == 0; i++)
		r = tree_add_folder(&build->tree, folders[i], "");
	if (r < 0)
		return fail("the image", r);
	return add_executable(build, "init", build->order.program, "the first program");
}

/* Few need libssl, which is larger than the rest of an agent's image. */
static int add_tls(struct build *build, const char *broker_file)
{
	char path[PATH_SIZE];
	int r;

	snprintf(path, sizeof(path), "%s" PINS_SUFFIX, broker_file);
	r = tree_add_file(&build->tree, &PINS_FILE[1], path, 0644, "by which the key broker is known");
	if (r < 0)
		return fail(path, r);
	return add_executable(build, &AGENT_TLS_PATH[1], AGENT_TLS_PATH, "the agent for https://");
}

static int add_agent_files(struct build *build, const char *broker_file, bool with_tls)
{
	int r = tree_add_file(&build->tree, &BROKER_FILE[1], broker_file, 0644, "the key broker"), code;

	if (r < 0)
		return fail(broker_file, r);
	code = add_executable(build, &AGENT_PATH[1], AGENT_PATH, "brings secrets of a key broker");
	if (!code && with_tls)
		code = add_tls(build, broker_file);
	if (code)
		return code;
	r = tree_add_text(&build->tree, AGENT_ORDER_FILE, agent_order, "what loads before what");
	return r < 0 ? fail(AGENT_ORDER_FILE, r) : EXIT_OPENED;
}

/* Where the image's maker has a file for it, if need be an empty one. */
static int add_agent(struct build *build)
{
	const char *path = build->order.kbs ? build->order.kbs : BROKER_FILE;
	struct fault fault;
	int r = config_read_broker(path, &build->broker, &fault);

	if (r == -ENOENT && !build->order.kbs)
		return EXIT_OPENED;
	if (r == 0)
		r = pins_beside(path, &build->broker, &fault);
	if (r < 0) {
		complain("initrd: %s", fault.text);
		return EXIT_CONFIG;
	}
	build->has_agent = true;
	if (build->order.anchors.count == 0)
		complain("initrd: " BROKER_WITHOUT_OWNER);
	return add_agent_files(build, path, r > 0);
}

static int add_headers(struct build *build)
{
	int code = EXIT_OPENED;

	for (size_t i = 0; i < build->volumes.count && !code; i++)
		if (build->volumes.list[i].header[0])
			code = add_file(build, build->volumes.list[i].header, 0600, "cocotab names it");
	for (size_t i = 0; i < build->order.header_count && !code; i++)
		code = add_file(build, build->order.headers[i], 0600, "asked for");
	return code;
}

/*
 * Other names of a disk, and mappings and arrays below a volume, are the work of programs that are
 * not in this image: the boot would wait for them in vain.
 */
static int check_device(const struct volume *volume)
{
	static const char *const prefixes[] = { "dm-", "md" };
	struct slice name = slice_of(volume->device.value);
	bool is_served = slice_skip_prefix(&name, "/dev/") && !memchr(name.at, '/', name.length);

	if (volume->device.kind != DEVICE_PATH)
		return EXIT_OPENED;
	for (size_t i = 0; i < COUNT(prefixes); i++)
		is_served &= !slice_skip_prefix(&name, prefixes[i]);
	if (is_served)
		return EXIT_OPENED;
	complain("initrd: %s: no program in this image makes %s; name the disk by UUID= or LABEL=, or use "
		 "an initramfs of dracut or initramfs-tools", volume->name, DEVICE_TEXT(&volume->device));
	return EXIT_CONFIG;
}

static int add_volumes(struct build *build, const char *text)
{
	int r = tree_add_text(&build->tree, &COCOTAB_PATH[1], text, "the volumes"), code = EXIT_OPENED;

	for (size_t i = 0; i < build->volumes.count && !code; i++)
		code = check_device(&build->volumes.list[i]);
	if (r < 0)
		return fail(COCOTAB_PATH, r);
	return code ? code : add_headers(build);
}

static int add_cocotab(struct build *build)
{
	const char *path = build->order.cocotab ? build->order.cocotab : COCOTAB_PATH;
	CLEANUP(free_text) char *text = NULL;
	struct fault fault;
	size_t length;
	int r = file_read(path, &text, &length);

	if (r == -ENOENT && !build->order.cocotab)
		return add_headers(build);
	if (r < 0)
		return fail(path, r);
	if (cocotab_parse((struct slice){ text, length }, path, &build->volumes, &fault) < 0) {
		complain("initrd: %s", fault.text);
		return EXIT_CONFIG;
	}
	return add_volumes(build, text);
}

/* In one file, whatever files they came from: without them the boot would ask for no signature. */
static int add_owners(struct build *build)
{
	char text[ANCHORS_MAX * ANCHOR_PEM_SIZE] = "";
	struct anchors *anchors = &build->order.anchors;
	struct fault fault;
	int r;

	if (anchors->count == 0 && anchors_add_folder(anchors, ANCHOR_FOLDER, &fault) < 0) {
		complain("initrd: %s", fault.text);
		return EXIT_CONFIG;
	}
	for (size_t i = 0; i < anchors->count; i++)
		anchor_pem(&anchors->list[i], text + strlen(text));
	if (anchors->count == 0)
		return EXIT_OPENED;
	r = tree_add_text(&build->tree, &(ANCHOR_FOLDER "/owner.pem")[1], text, "whose signature is wanted");
	return r < 0 ? fail(ANCHOR_FOLDER, r) : EXIT_OPENED;
}

static int load_at_boot(struct build *build, char list[LIST_SIZE], const char *name, bool must,
			const char *why)
{
	size_t length = strlen(list);
	struct fault fault;
	int r = closure_add(&build->closure, name, must, why, &fault);

	if (r < 0)
		return fail_with(&fault, r);
	if ((size_t)snprintf(list + length, LIST_SIZE - length, "%s\n", name) < LIST_SIZE - length)
		return EXIT_OPENED;
	complain("initrd: more modules are to be loaded at each boot than fit into %d bytes", LIST_SIZE);
	return EXIT_CONFIG;
}

static int add_ciphers(struct build *build)
{
	bool integrity = volumes_have(&build->volumes, VOLUME_INTEGRITY);
	int code = EXIT_OPENED;

	for (size_t i = 0; i < COUNT(ciphers) && !code; i++)
		code = load_at_boot(build, build->loaded, ciphers[i], i == 0, "to open volumes");
	for (size_t i = 0; integrity && i < COUNT(all_ciphers) && !code; i++)
		code = load_at_boot(build, build->loaded, all_ciphers[i], false,
				    "for volumes with integrity");
	if (!code && integrity)
		code = load_at_boot(build, build->loaded, "dm_integrity", true,
				    "cocotab wants integrity");
	for (size_t i = 0; i < COUNT(checksums) && !code; i++)
		code = load_at_boot(build, build->later, checksums[i], false,
				    "checksums of the root");
	return code;
}

/* How modules are asked for. */
struct wish {
	const char *prefix, *why;
	bool must, at_boot;
};

static int add_name(struct build *build, struct slice word, const struct wish *wish)
{
	char name[NAME_SIZE];
	struct fault fault;
	int r;

	snprintf(name, sizeof(name), "%s%.*s", wish->prefix, (int)word.length, word.at);
	if (wish->at_boot)
		return load_at_boot(build, build->loaded, name, wish->must, wish->why);
	r = closure_add(&build->closure, name, wish->must, wish->why, &fault);
	return r < 0 ? fail_with(&fault, r) : EXIT_OPENED;
}

/* A list with commas. */
static int add_names(struct build *build, const char *names, struct wish wish)
{
	struct slice rest = slice_of(names), word;
	int code = EXIT_OPENED;

	while (!code && slice_cut(&rest, ',', &word))
		if (word.length)
			code = add_name(build, word, &wish);
	return code;
}

/*
 * Those that the owner names, or the one that the root itself says it is, or all: each that is not
 * needed would only read what a host may have changed.
 */
static int add_file_systems(struct build *build)
{
	static const char asked[] = "for the root", said[] = "for the root, says " FSTAB_PATH;
	const char *type = build->fstab.type;

	if (build->order.file_systems)
		return add_names(build, build->order.file_systems,
				 (struct wish){ "fs-", asked, true, false });
	if (!type[0])
		return add_names(build, default_file_systems, (struct wish){ "fs-", asked, false, false });
	if (!is_known_file_system(slice_of(type))) {
		complain_of_file_system(FSTAB_PATH ": the root's type", slice_of(type));
		return EXIT_CONFIG;
	}
	complain("initrd: " FSTAB_PATH " says that the root is %s: the image has no other file system; "
		 "--filesystems NAME,... has", type);
	return add_names(build, type, (struct wish){ "fs-", said, true, false });
}

static int add_drivers(struct build *build)
{
	const struct order *order = &build->order;
	bool usual = !order->drivers || strcmp(order->drivers, "default") == 0;
	int code = add_names(build, usual ? default_drivers : order->drivers,
			     (struct wish){ "", "for disks", !usual, false });

	if (!code)
		code = add_file_systems(build);
	for (size_t i = 0; i < order->module_count && !code; i++)
		code = add_names(build, order->modules[i], (struct wish){ "", "asked for", true, true });
	return code;
}

struct agent_modules {
	struct build *build;
	unsigned int providers;
};

static int add_agent_module(void *context, const char *name, bool proves)
{
	struct agent_modules *modules = context;
	struct closure *closure = &modules->build->closure;
	struct fault fault;
	int r = closure_add(closure, name, !proves, "for the agent", &fault);

	if (r == 0 && proves)
		modules->providers += closure_has(closure, name);
	return r < 0 ? fail_with(&fault, r) : EXIT_OPENED;
}

static int add_agent_modules(struct build *build)
{
	struct agent_modules modules = { build, 0 };
	int code = broker_each_module(&build->broker, add_agent_module, &modules);

	if (code || modules.providers)
		return code;
	complain("initrd: kernel %s has no module sev-guest or tdx-guest: proving to a key broker what "
		 "runs here wants a kernel 6.7 or newer", build->version);
	return EXIT_CONFIG;
}

/* What shows the launch secrets, of which an agent's machine has none. */
static int add_efi_secret(struct build *build)
{
	struct fault fault;
	int r = closure_add(&build->closure, "efi_secret", !build->has_agent, "the launch secrets", &fault);

	if (r != -ENOENT)
		return r < 0 ? fail_with(&fault, r) : EXIT_OPENED;
	complain("initrd: %s; install efi-secret-dkms, or build it with make KVER=%s", fault.text,
		 build->version);
	return EXIT_CONFIG;
}

static int add_modules(struct build *build)
{
	struct fault fault;
	int r = closure_open(&build->closure, &fault), code;

	if (r < 0)
		return fail_with(&fault, r);
	code = add_efi_secret(build);
	if (!code)
		code = add_ciphers(build);
	if (!code)
		code = add_drivers(build);
	if (!code && build->has_agent)
		code = add_agent_modules(build);
	if (code)
		return code;
	r = closure_finish(&build->closure, &fault);
	if (r < 0)
		return fail_with(&fault, r);
	r = tree_add_text(&build->tree, LOADED_LIST, build->loaded, "what every boot loads");
	if (r == 0)
		r = tree_add_text(&build->tree, LATER_LIST, build->later, "what it loads meanwhile");
	return r < 0 ? fail(LOADED_LIST, r) : EXIT_OPENED;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void free_build(struct build *build)
{
	closure_close(&build->closure);
	tree_free(&build->tree);
	volumes_free(&build->volumes);
	if (build->scratch[0])
		nftw(build->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int start(struct build *build)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	build->tree.time = epoch ? (uint32_t)strtoul(epoch, NULL, 10) : 0;
	snprintf(build->scratch, sizeof(build->scratch), "/tmp/cocosecret-initrd.XXXXXX");
	if (mkdtemp(build->scratch))
		return EXIT_OPENED;
	build->scratch[0] = '\0';
	return fail("/tmp", -errno);
}

/* What this initramfs cannot mount would be missed at boot only. */
static int read_fstab(struct build *build)
{
	fstab_read(FSTAB_PATH, &build->fstab);
	if (!build->fstab.separate_usr)
		return EXIT_OPENED;
	complain("initrd: " FSTAB_PATH " has /usr on a file system of its own, which cocosecret-init does "
		 "not mount; use an initramfs of dracut or initramfs-tools");
	return EXIT_CONFIG;
}

/* Its archive, through a program that compresses it. */
static int write_through(struct build *build, char *const *command, int out)
{
	char archive[PATH_SIZE], *argv[8] = { 0 };
	size_t count = 0;
	FILE *file;
	int r;

	snprintf(archive, sizeof(archive), "%s/archive", build->scratch);
	file = fopen(archive, "we");
	if (!file)
		return -errno;
	r = tree_write(&build->tree, file);
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	for (; command[count]; count++)
		argv[count] = command[count];
	argv[count] = archive;
	return r < 0 ? r : closure_run(argv, out);
}

/* A boot loader finds the old image, or the new one whole. */
static int write_output(struct build *build)
{
	CLEANUP(output_free) struct output output = OUTPUT_INIT;
	char *const *command = build->order.compressor;
	int r = output_begin(&output, build->order.output);

	if (r < 0)
		return fail(build->order.output, r);
	r = write_through(build, command, output.fd);
	if (r == 0) {
		r = output_finish(&output);
		return r < 0 ? fail(build->order.output, r) : EXIT_OPENED;
	}
	if (r != -ENOENT)
		return fail(build->order.output, r);
	complain("initrd: there is no program %s here; install it, or choose another with --compress",
		 command[0]);
	return EXIT_CONFIG;
}

int initrd_main(int argc, char **argv)
{
	CLEANUP(free_build) struct build build = {
		.order = { .program = LIBEXEC_PATH "/cocosecret-init",
			   .compressor = compressors[0].command },
	};
	int code = parse(&build.order, argc, argv);

	if (!code)
		code = start(&build);
	if (!code)
		code = find_version(&build);
	build.closure = (struct closure){ &build.tree, build.version, build.scratch, NULL };
	if (!code)
		code = read_fstab(&build);
	if (!code)
		code = add_program(&build);
	if (!code)
		code = add_cocotab(&build);
	if (!code)
		code = add_owners(&build);
	if (!code)
		code = add_agent(&build);
	if (!code)
		code = add_modules(&build);
	if (!code && build.order.lists)
		tree_list(&build.tree, stdout);
	return code || !build.order.output ? code : write_output(&build);
}
