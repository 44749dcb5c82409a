// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret uki: kernel, initramfs and command line in one file, behind cocosecret-stub.efi. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/text.h"
#include "owner/closure.h"
#include "owner/commands.h"
#include "owner/options.h"
#include "owner/output.h"
#include "mark.h"
#include "pe.h"

/* What x86's kernel takes, COMMAND_LINE_SIZE with its NUL, less what the stub writes before it. */
enum {
	CMDLINE_MAX = 2047 - (int)(sizeof(WALL_MARK) - 1),
	PARTS = 3,
	SHA256_SIZE = 32,
	/* PE format, "Optional Header Data Directories": the certificate table, from the magic on */
	PE_CERTIFICATES = 144,
};

struct order {
	const char *output, *kernel, *initrd, *cmdline, *stub, *key, *certificate;
	bool prints;
};

/* A file, mapped. */
struct mapped {
	const void *bytes;
	size_t size;
};

struct part {
	const char *name;
	struct mapped data;
};

struct uki {
	struct order order;
	struct mapped stub, kernel, initrd;
	struct output output, signed_kernel; /* the latter is never put anywhere */
};

static int fail(const char *what, int r)
{
	complain("uki: %s: %s", what, strerror(-r));
	return EXIT_IO;
}

static int refuse(const char *what, const char *why)
{
	complain("uki: %s: %s", what, why);
	return EXIT_CONFIG;
}

static int take(struct order *order, int option)
{
	const char **const values[] = {
		[OPTION_OUTPUT] = &order->output,   [OPTION_KERNEL] = &order->kernel,
		[OPTION_INITRD] = &order->initrd,   [OPTION_CMDLINE] = &order->cmdline,
		[OPTION_STUB] = &order->stub,	    [OPTION_SIGN_KEY] = &order->key,
		[OPTION_SIGN_CERT] = &order->certificate,
	};

	if (option == OPTION_PRINT_MEASUREMENT) {
		order->prints = true;
		return EXIT_OPENED;
	}
	if (option == OPTIONS_WRONG)
		return EXIT_CONFIG;
	*values[option] = optarg;
	return EXIT_OPENED;
}

static int check_order(const struct order *order)
{
	size_t length;
	int r;

	if (!order->output || !order->kernel || !order->initrd || !order->cmdline)
		return refuse("needs -o, --kernel, --initrd and --cmdline", "see cocosecret uki --help");
	if (!order->key != !order->certificate)
		return refuse("--sign-key and --sign-cert", "one needs the other");
	r = output_check(order->output);
	if (r < 0)
		return refuse(order->output, output_explain(r));
	if (order->prints && output_is_stdout(order->output))
		return refuse(order->output, "and --print-measurement both want standard output");
	length = strlen(order->cmdline);
	for (size_t i = 0; i < length; i++)
		if (order->cmdline[i] < ' ' || order->cmdline[i] > '~')
			return refuse("--cmdline", "has a character that is not plain printable ASCII");
	if (length <= CMDLINE_MAX)
		return EXIT_OPENED;
	complain("uki: --cmdline: has %zu characters; the kernel would cut what is behind %d", length,
		 CMDLINE_MAX);
	return EXIT_CONFIG;
}

static int parse(struct order *order, int argc, char **argv)
{
	struct options options;
	int option;

	options_begin(&options, "uki", TAKES(OUTPUT) | TAKES(KERNEL) | TAKES(INITRD) | TAKES(CMDLINE) |
		      TAKES(STUB) | TAKES(SIGN_KEY) | TAKES(SIGN_CERT) | TAKES(PRINT_MEASUREMENT));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END)
		if (take(order, option))
			return EXIT_CONFIG;
	if (optind < argc)
		return refuse(argv[optind], "is no option; see cocosecret uki --help");
	return check_order(order);
}

static void unmap(struct mapped *file)
{
	if (file->bytes)
		munmap((void *)file->bytes, file->size);
	*file = (struct mapped){ 0 };
}

static int map(struct mapped *file, const char *path)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(path, -errno);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > INT32_MAX)
		return refuse(path, "is no file of 1 byte to 2 GiB");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return fail(path, -errno);
	*file = (struct mapped){ bytes, (size_t)st.st_size };
	return EXIT_OPENED;
}

/* @to may be @from. */
static int sign(const struct order *order, const char *from, const char *to)
{
	char *const argv[] = { "sbsign", "--key", (char *)order->key, "--cert", (char *)order->certificate,
			       "--output", (char *)to, (char *)from, NULL };
	int r = closure_run(argv, STDERR_FILENO);

	if (r == 0)
		return EXIT_OPENED;
	complain("uki: %s cannot be signed: %s", from,
		 r == -ENOENT ? "there is no program sbsign here" : "sbsign failed");
	return r == -ENOENT ? EXIT_CONFIG : EXIT_IO;
}

/* The firmware checks it a second time, alone, when the stub starts it. */
static int map_kernel(struct uki *uki)
{
	const struct order *order = &uki->order;
	struct pe pe;
	int r, code = EXIT_OPENED;

	if (order->key) {
		r = output_begin(&uki->signed_kernel, order->output);
		if (r < 0)
			return fail(order->output, r);
		code = sign(order, order->kernel, uki->signed_kernel.beside);
	}
	if (!code)
		code = map(&uki->kernel, order->key ? uki->signed_kernel.beside : order->kernel);
	if (!code && !pe_read(&pe, uki->kernel.bytes, uki->kernel.size))
		return refuse(order->kernel, "is no x86-64 kernel with an EFI stub");
	return code;
}

static int map_all(struct uki *uki)
{
	int code = map(&uki->stub, uki->order.stub);

	if (!code)
		code = map(&uki->initrd, uki->order.initrd);
	return code ? code : map_kernel(uki);
}

static size_t aligned(size_t size, size_t alignment)
{
	return (size + alignment - 1) / alignment * alignment;
}

/* A signature is of the whole file, which becomes another one. */
static bool is_signed(const struct pe *pe)
{
	const uint8_t *optional = (const uint8_t *)&pe->head->magic;
	uint32_t certificates = 0;

	if (pe->head->optional_size >= PE_CERTIFICATES + 2 * sizeof(certificates))
		memcpy(&certificates, optional + PE_CERTIFICATES, sizeof(certificates));
	return certificates != 0;
}

/*
 * Where the sections of the stub end in memory and in the file, and that there is room for the
 * headers of more. What a linker leaves behind the sections would be hashed by some signers only.
 */
static int check_stub(const struct pe *pe, size_t *end, size_t *file_end)
{
	size_t room = pe->head->headers_size,
	       used = (size_t)((const uint8_t *)(pe->sections + pe->count) - pe->bytes);

	if (pe_find(pe, PE_KERNEL) || pe_find(pe, PE_INITRD) || pe_find(pe, PE_CMDLINE))
		return -EEXIST;
	*end = 0;
	*file_end = used;
	for (size_t i = 0; i < pe->count; i++) {
		const struct pe_section *section = &pe->sections[i];

		if (section->file_offset && section->file_offset < room)
			room = section->file_offset;
		if (*end < (size_t)section->address + section->virtual_size)
			*end = (size_t)section->address + section->virtual_size;
		if (section->file_size && *file_end < (size_t)section->file_offset + section->file_size)
			*file_end = (size_t)section->file_offset + section->file_size;
	}
	if (*file_end > pe->size || room > pe->size || *end > INT32_MAX)
		return -ENOEXEC;
	if (is_signed(pe))
		return -EPERM;
	if (pe->head->section_alignment == 0 || pe->head->file_alignment == 0 || used > room ||
	    room - used < PARTS * sizeof(*pe->sections))
		return -ENOEXEC;
	return 0;
}

/* One more section, whose data ends at the file's end. */
static void add_section(const struct part *part, struct pe_head *head, struct pe_section *sections,
			size_t *address, size_t *offset)
{
	*address = aligned(*address, head->section_alignment);
	sections[head->section_count] = (struct pe_section){
		.virtual_size = (uint32_t)part->data.size,
		.address = (uint32_t)*address,
		.file_size = (uint32_t)aligned(part->data.size, head->file_alignment),
		.file_offset = (uint32_t)*offset,
		.flags = PE_INITIALISED_DATA | PE_READABLE,
	};
	memcpy(sections[head->section_count].name, part->name, strlen(part->name));
	head->section_count++;
	head->data_size += (uint32_t)aligned(part->data.size, head->file_alignment);
	*address += part->data.size;
	*offset += aligned(part->data.size, head->file_alignment);
}

static unsigned char *assemble(const struct mapped *stub, const struct pe *pe, size_t address,
			       const struct part parts[PARTS], size_t *size)
{
	size_t offset = aligned(stub->size, pe->head->file_alignment), end = offset;
	struct pe_section *sections;
	struct pe_head *head;
	unsigned char *bytes;

	for (size_t i = 0; i < PARTS; i++)
		end += aligned(parts[i].data.size, pe->head->file_alignment);
	bytes = end > INT32_MAX ? NULL : calloc(1, end);
	if (!bytes)
		return NULL;
	memcpy(bytes, stub->bytes, stub->size);
	head = (struct pe_head *)(bytes + ((const uint8_t *)pe->head - pe->bytes));
	sections = (struct pe_section *)(bytes + ((const uint8_t *)pe->sections - pe->bytes));
	for (size_t i = 0; i < PARTS; i++) {
		memcpy(bytes + offset, parts[i].data.bytes, parts[i].data.size);
		add_section(&parts[i], head, sections, &address, &offset);
	}
	head->image_size = (uint32_t)aligned(address, head->section_alignment);
	head->symbols = head->symbol_count = head->checksum = head->time = 0;
	*size = end;
	return bytes;
}

static int build(const struct uki *uki, unsigned char **bytes, size_t *size)
{
	const struct order *order = &uki->order;
	const struct part parts[PARTS] = {
		{ PE_CMDLINE, { order->cmdline, strlen(order->cmdline) + 1 } },
		{ PE_KERNEL, uki->kernel },
		{ PE_INITRD, uki->initrd },
	};
	struct mapped stub = uki->stub;
	size_t address;
	struct pe pe;
	int r;

	if (!pe_read(&pe, uki->stub.bytes, uki->stub.size))
		return refuse(order->stub, "is no EFI program for x86-64");
	r = check_stub(&pe, &address, &stub.size);
	if (r < 0)
		return refuse(order->stub, r == -EEXIST ? "has a kernel in it already" :
			      r == -EPERM ? "is signed; take one that is not, and sign the whole" :
			      "has no room for more sections");
	*bytes = assemble(&stub, &pe, address, parts, size);
	return *bytes ? EXIT_OPENED : fail(order->output, -ENOMEM);
}

static int write_beside(struct uki *uki, const unsigned char *bytes, size_t size)
{
	int r = output_begin(&uki->output, uki->order.output);
	int fd = uki->output.fd;
	mode_t mask = umask(0);

	umask(mask);
	if (r == 0)
		r = file_write(fd, bytes, size);
	if (r == 0 && fchmod(fd, 0666 & ~mask) < 0)
		r = -errno;
	return r < 0 ? fail(uki->order.output, r) : EXIT_OPENED;
}

static int print_digest(const char *what, const void *bytes, size_t size)
{
	unsigned char digest[SHA256_SIZE];

	if (!EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
		return fail("SHA-256", -EIO);
	printf("%-8s", what);
	for (size_t i = 0; i < sizeof(digest); i++)
		printf("%02x", digest[i]);
	putchar('\n');
	return EXIT_OPENED;
}

/* What QEMU puts into SEV's table of hashes: an empty initramfs, and no words but their NUL. */
static int print_measurement(const char *path)
{
	struct mapped file = { 0 };
	int code = map(&file, path);

	if (!code)
		code = print_digest("kernel", file.bytes, file.size);
	if (!code)
		code = print_digest("initrd", "", 0);
	if (!code)
		code = print_digest("cmdline", "", 1);
	unmap(&file);
	return code;
}

/* A host's boot finds the old file, or the new one whole. */
static int finish(struct uki *uki)
{
	const char *beside = uki->output.beside;
	int r, code = uki->order.key ? sign(&uki->order, beside, beside) : EXIT_OPENED;

	if (!code && uki->order.prints)
		code = print_measurement(beside);
	r = code ? 0 : output_finish(&uki->output);
	return r < 0 ? fail(uki->order.output, r) : code;
}

static void free_uki(struct uki *uki)
{
	unmap(&uki->stub);
	unmap(&uki->kernel);
	unmap(&uki->initrd);
	output_free(&uki->signed_kernel);
	output_free(&uki->output);
}

int uki_main(int argc, char **argv)
{
	CLEANUP(free_uki) struct uki uki = {
		.order = { .stub = LIBEXEC_PATH "/efi/cocosecret-stub.efi" },
		.output = OUTPUT_INIT, .signed_kernel = OUTPUT_INIT,
	};
	CLEANUP(free_bytes) unsigned char *bytes = NULL;
	size_t size = 0;
	int code = parse(&uki.order, argc, argv);

	if (!code)
		code = map_all(&uki);
	if (!code)
		code = build(&uki, &bytes, &size);
	if (!code)
		code = write_beside(&uki, bytes, size);
	return code ? code : finish(&uki);
}
