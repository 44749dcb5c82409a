// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-stub.efi: the wall in front of a stock kernel. It is measured in the kernel's place and
 * carries kernel, initramfs and command line. No byte of the host's ACPI and SMBIOS tables is read:
 * what the kernel is told of the machine is made here.
 */
#include "firmware.h"
#include "pe.h"
#include "tables.h"

/* UEFI specification 2.10, 4.6.2 "EFI_RT_PROPERTIES_TABLE" */
struct rt_properties {
	UINT16 version, length;
	UINT32 supported;
};

enum {
	RT_PROPERTIES_VERSION = 1,
	/* GetTime to SetWakeupTime */
	RT_CLOCK = 0xf,
	RT_GET_VARIABLE = 0x10,
	RT_MAP = 0x80,
	RT_POINTER = 0x100,
	RT_RESET = 0x400,
};

/* dsdt.asl */
extern const UINT8 dsdt[];
extern const UINTN dsdt_size;

static void find_payload(EFI_HANDLE self, struct payload *payload)
{
	EFI_LOADED_IMAGE *image;
	struct pe us;

	need_success(BS->HandleProtocol(self, &LoadedImageProtocol, (void **)&image), "no loaded image");
	if (!pe_read(&us, image->ImageBase, image->ImageSize))
		give_up("this program's own headers cannot be read");
	payload->kernel = pe_loaded(&us, PE_KERNEL, &payload->kernel_size);
	payload->initrd = pe_loaded(&us, PE_INITRD, &payload->initrd_size);
	payload->cmdline = pe_loaded(&us, PE_CMDLINE, &payload->cmdline_size);
	if (!payload->kernel || !payload->initrd || !payload->cmdline)
		give_up("no kernel is in this program; cocosecret uki puts one there");
}

static bool is_secure_boot(void)
{
	UINTN size = 1;
	UINT8 value = 0;

	return !EFI_ERROR(RT->GetVariable(L"SecureBoot", &EfiGlobalVariable, NULL, &size, &value)) &&
	       value == 1;
}

/*
 * Without variables, since where the firmware keeps them is the host's; with Secure Boot the kernel
 * needs the firmware's keys for its modules, and may read what it knows the name of.
 */
static void *make_rt_properties(void)
{
	struct rt_properties *properties = take_memory(EfiACPIReclaimMemory, sizeof(*properties));

	properties->version = RT_PROPERTIES_VERSION;
	properties->length = sizeof(*properties);
	properties->supported = RT_CLOCK | RT_MAP | RT_POINTER | RT_RESET |
				(is_secure_boot() ? RT_GET_VARIABLE : 0);
	return properties;
}

static void *make_acpi(const struct platform *platform)
{
	struct machine *machine = take_memory(EfiLoaderData, sizeof(*machine));
	void *tables = take_memory(EfiACPIReclaimMemory, TABLES_SIZE);

	look_at_machine(machine, platform);
	need(tables_make(tables, (UINTN)tables, platform, machine, dsdt, dsdt_size));
	return tables;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
	struct payload payload;
	struct ours ours;

	InitializeLib(self, system);
	check_platform(&q35);
	find_payload(self, &payload);
	ours.rsdp = make_acpi(&q35);
	ours.rt_properties = make_rt_properties();
	put_tables(&ours);
	start_kernel(self, &payload);
	give_up("the kernel ended");
}
