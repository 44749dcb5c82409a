// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware.h"

static struct ours ours;
static EFI_EXIT_BOOT_SERVICES exit_of_firmware;

static void __attribute__((noreturn)) power_off(void)
{
	RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void give_up(const char *why)
{
	Print(L"cocosecret-stub: %a; powering off\n", why);
	power_off();
}

void need(const char *why)
{
	if (why)
		give_up(why);
}

void need_success(EFI_STATUS status, const char *why)
{
	if (!EFI_ERROR(status))
		return;
	Print(L"cocosecret-stub: %a: %r; powering off\n", why, status);
	power_off();
}

void *take_memory(EFI_MEMORY_TYPE type, UINTN size)
{
	EFI_PHYSICAL_ADDRESS address = UINT32_MAX;
	EFI_STATUS status = BS->AllocatePages(AllocateMaxAddress, type, EFI_SIZE_TO_PAGES(size), &address);
	void *memory = (void *)address; // NOLINT(performance-no-int-to-ptr): firmware's are numbers

	need_success(status, "no memory");
	ZeroMem(memory, size);
	return memory;
}

static bool restore(void)
{
	return keep_restore((struct table_entry *)ST->ConfigurationTable, ST->NumberOfTableEntries, &ours);
}

/*
 * The kernel's call. When it has succeeded there is no code of the firmware's left that would put a
 * table back; what the last of it did is put right.
 */
static EFI_STATUS EFIAPI exit_boot_services(EFI_HANDLE image, UINTN key)
{
	EFI_STATUS status = exit_of_firmware(image, key);

	if (!EFI_ERROR(status) && !restore())
		power_off();
	return status;
}

static void guard_exit(void)
{
	exit_of_firmware = BS->ExitBootServices;
	BS->ExitBootServices = exit_boot_services;
	BS->Hdr.CRC32 = 0;
	BS->CalculateCrc32(BS, BS->Hdr.HeaderSize, &BS->Hdr.CRC32);
}

void put_tables(const struct ours *tables)
{
	ours = *tables;
	need_success(BS->InstallConfigurationTable((EFI_GUID *)&acpi_guid, ours.rsdp),
		     "the ACPI tables cannot be installed");
	need_success(BS->InstallConfigurationTable((EFI_GUID *)&rt_properties_guid, ours.rt_properties),
		     "the properties of runtime services cannot be installed");
	if (!restore())
		give_up("the firmware has lost our tables");
	guard_exit();
}
