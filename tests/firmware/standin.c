// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for the AmdSev firmware's secret driver where OVMF has none: puts
 * the table that fw_cfg holds into reserved memory, publishes it, and starts
 * the kernel of its own volume. Under opt/org.cocosecret/ fw_cfg may hold:
 *
 *   table      the secret table; absent: the area stays empty
 *   area-size  bytes, decimal or 0x…; absent: 0xc00 as OVMF has it
 *   cmdline    the kernel command line
 *   mode       "area", or absent: an area that the kernel keeps off
 *              "late": the same, and when the kernel takes over the firmware's
 *              ACPI and SMBIOS tables are installed once more
 *              "ram": an area that the kernel counts as System RAM
 *              "none": publish nothing
 *              "descriptor BASE SIZE": publish these hex numbers and no area
 *              "probe": say that firmware works and power off
 *
 * The debug port and the console get "standin: alive", "standin: area BASE
 * SIZE", "standin: no kernel" where the volume has none, or what went wrong.
 */
#include <efi.h>
#include <efilib.h>

#include "fwcfg.h"

#define PREFIX "opt/org.cocosecret/"
#define KERNEL L"\\vmlinuz"
#define INITRD "initrd=\\initrd "
#define MARKER "cocosecret stand-in\n"

enum {
	AREA_SIZE = 0xc00,
	MODE_SIZE = 80,
	LINE_SIZE = 160,
	/* fw_cfg specification, "Signature (Key 0x0000)" */
	KEY_SIGNATURE = 0,
	/* What the last page holds behind the area: a stray write there shows. */
	FILLER = 0x5a,
};

struct area {
	UINT64 base;
	UINT64 size;
};

static EFI_GUID secret_area_guid = {
	0xadf956ad, 0xe98c, 0x484c, { 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47 }
};

static void power_off(void)
{
	uefi_call_wrapper(RT->ResetSystem, 4, EfiResetShutdown, EFI_SUCCESS, 0, NULL);
}

static void say(const CHAR16 *format, ...)
{
	CHAR16 line[LINE_SIZE];
	CHAR8 text[LINE_SIZE];
	va_list args;
	UINTN i = 0;

	va_start(args, format);
	UnicodeVSPrint(line, sizeof(line), format, args);
	va_end(args);
	Print(L"standin: %s\n", line);
	do
		text[i] = (CHAR8)line[i];
	while (line[i++]);
	debug_write((const CHAR8 *)"standin: ");
	debug_write(text);
	debug_write((const CHAR8 *)"\n");
}

static void give_up(const CHAR16 *what, EFI_STATUS status)
{
	say(L"%s: %r; powering off", what, status);
	power_off();
}

static void check_fwcfg(void)
{
	const struct fwcfg_file signature = { .size = 4, .key = KEY_SIGNATURE };
	CHAR8 bytes[4];

	fwcfg_read(&signature, bytes, sizeof(bytes));
	if (CompareMem(bytes, "QEMU", sizeof(bytes)))
		give_up(L"no fw_cfg", EFI_NOT_FOUND);
}

static void *must_allocate(EFI_MEMORY_TYPE type, UINTN size, const CHAR16 *what)
{
	void *memory = NULL;
	EFI_STATUS status = uefi_call_wrapper(BS->AllocatePool, 3, type, size, &memory);

	if (EFI_ERROR(status))
		give_up(what, status);
	ZeroMem(memory, size);
	return memory;
}

/* The file's text with a NUL, cut where it is too long; empty where absent. */
static void read_text(const CHAR8 *name, CHAR8 *text, UINTN size)
{
	struct fwcfg_file file;

	ZeroMem(text, size);
	if (fwcfg_find(name, &file))
		fwcfg_read(&file, text, size - 1);
}

static UINTN digit(CHAR8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? 10u + c - 'a' : 99;
}

/* In this radix, or 16 after 0x. */
static UINT64 number(const CHAR8 **text, UINTN radix)
{
	const CHAR8 *c = *text, *first;
	UINT64 value = 0;

	while (*c == ' ')
		c++;
	if (c[0] == '0' && c[1] == 'x') {
		radix = 16;
		c += 2;
	}
	for (first = c; digit(*c) < radix; c++)
		value = value * radix + digit(*c);
	if (c == first)
		give_up(L"mode or area-size lacks a number", EFI_INVALID_PARAMETER);
	*text = c;
	return value;
}

static BOOLEAN skip_word(const CHAR8 **text, const char *word)
{
	UINTN length = strlena((const CHAR8 *)word);

	if (strncmpa(*text, (const CHAR8 *)word, length))
		return FALSE;
	*text += length;
	return TRUE;
}

static UINT64 area_size(void)
{
	CHAR8 text[24];
	const CHAR8 *c = text;

	read_text((const CHAR8 *)PREFIX "area-size", text, sizeof(text));
	return text[0] ? number(&c, 10) : AREA_SIZE;
}

/*
 * No other copy of the table may stay in memory, so nothing lies between. What
 * the kernel makes of the type: UEFI specification 2.10, 7.2, "Memory Type Usage
 * after ExitBootServices()".
 */
static void fill_area(struct area *area, EFI_MEMORY_TYPE type)
{
	struct fwcfg_file table;
	EFI_PHYSICAL_ADDRESS base = 0;
	EFI_STATUS status;
	UINTN pages;

	area->size = area_size();
	pages = EFI_SIZE_TO_PAGES(area->size);
	status = uefi_call_wrapper(BS->AllocatePages, 4, AllocateAnyPages, type, pages,
				   &base);
	if (EFI_ERROR(status))
		give_up(L"no memory for the secret area", status);
	SetMem((void *)base, pages * EFI_PAGE_SIZE, FILLER);
	ZeroMem((void *)base, area->size);
	area->base = base;
	if (!fwcfg_find((const CHAR8 *)PREFIX "table", &table))
		return;
	if (table.size > area->size)
		give_up(L"the table is larger than the area", EFI_BUFFER_TOO_SMALL);
	fwcfg_read(&table, (void *)base, table.size);
}

static void publish(const struct area *area)
{
	struct area *descriptor = must_allocate(EfiACPIReclaimMemory, sizeof(*descriptor),
						L"no memory for the descriptor");
	EFI_STATUS status;

	*descriptor = *area;
	status = uefi_call_wrapper(BS->InstallConfigurationTable, 2, &secret_area_guid, descriptor);
	if (EFI_ERROR(status))
		give_up(L"the configuration table cannot be installed", status);
	say(L"area 0x%lx 0x%lx", area->base, area->size);
}

static EFI_GUID late_guids[] = { ACPI_20_TABLE_GUID, SMBIOS_TABLE_GUID };
static void *late_tables[2];

/* No memory may be had here, and none is: the entries are there, or were. */
static void EFIAPI put_back(EFI_EVENT event, void *context)
{
	(void)event;
	(void)context;
	for (UINTN i = 0; i < 2; i++)
		if (late_tables[i])
			uefi_call_wrapper(BS->InstallConfigurationTable, 2, &late_guids[i],
					  late_tables[i]);
	debug_write((const CHAR8 *)"standin: tables are back\n");
}

static void set_up_late(void)
{
	EFI_EVENT event;
	EFI_STATUS status;

	for (UINTN i = 0; i < 2; i++)
		LibGetSystemConfigurationTable(&late_guids[i], &late_tables[i]);
	status = uefi_call_wrapper(BS->CreateEvent, 5, EVT_SIGNAL_EXIT_BOOT_SERVICES, TPL_CALLBACK,
				   (EFI_EVENT_NOTIFY)put_back, NULL, &event);
	if (EFI_ERROR(status))
		give_up(L"no event", status);
}

static void set_up_area(void)
{
	CHAR8 text[MODE_SIZE];
	const CHAR8 *mode = text;
	struct area area = { 0 };

	read_text((const CHAR8 *)PREFIX "mode", text, sizeof(text));
	if (skip_word(&mode, "probe"))
		power_off();
	if (skip_word(&mode, "none"))
		return;
	if (skip_word(&mode, "descriptor")) {
		area.base = number(&mode, 16);
		area.size = number(&mode, 16);
	} else if (skip_word(&mode, "ram")) {
		fill_area(&area, EfiLoaderData);
	} else if (skip_word(&mode, "late")) {
		fill_area(&area, EfiReservedMemoryType);
		set_up_late();
	} else if (!text[0] || skip_word(&mode, "area")) {
		fill_area(&area, EfiReservedMemoryType);
	} else {
		give_up(L"unknown mode", EFI_UNSUPPORTED);
	}
	publish(&area);
}

static CHAR16 *load_options(UINT32 *size)
{
	static const CHAR8 initrd[] = INITRD;
	struct fwcfg_file file = { 0 };
	CHAR16 *options;
	CHAR8 *text;
	UINTN length;

	if (!fwcfg_find((const CHAR8 *)PREFIX "cmdline", &file))
		file.size = 0;
	length = sizeof(initrd) + file.size;
	text = must_allocate(EfiLoaderData, length, L"no memory for the command line");
	options = must_allocate(EfiLoaderData, length * sizeof(*options),
				L"no memory for the command line");
	/* gnu-efi knows no const */
	CopyMem(text, (void *)initrd, sizeof(initrd));
	if (file.size)
		fwcfg_read(&file, text + sizeof(initrd) - 1, file.size);
	for (UINTN i = 0; i < length; i++)
		options[i] = text[i];
	*size = (UINT32)(length * sizeof(*options));
	return options;
}

static void start_kernel(EFI_HANDLE self)
{
	EFI_LOADED_IMAGE *us, *kernel;
	EFI_DEVICE_PATH *path;
	EFI_HANDLE image = NULL;
	EFI_STATUS status;

	status = uefi_call_wrapper(BS->HandleProtocol, 3, self, &LoadedImageProtocol, (void **)&us);
	if (EFI_ERROR(status))
		give_up(L"no loaded image", status);
	path = FileDevicePath(us->DeviceHandle, KERNEL);
	status = uefi_call_wrapper(BS->LoadImage, 6, FALSE, self, path, NULL, 0, &image);
	if (status == EFI_NOT_FOUND) {
		say(L"no kernel");
		power_off();
	}
	if (EFI_ERROR(status))
		give_up(KERNEL L" cannot be loaded", status);
	status = uefi_call_wrapper(BS->HandleProtocol, 3, image, &LoadedImageProtocol,
				   (void **)&kernel);
	if (EFI_ERROR(status))
		give_up(L"no loaded kernel image", status);
	kernel->LoadOptions = load_options(&kernel->LoadOptionsSize);
	status = uefi_call_wrapper(BS->StartImage, 3, image, NULL, NULL);
	give_up(KERNEL L" ended", status);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
	InitializeLib(self, system);
	debug_write((const CHAR8 *)MARKER);
	say(L"alive");
	check_fwcfg();
	set_up_area();
	start_kernel(self);
	return EFI_LOAD_ERROR;
}
