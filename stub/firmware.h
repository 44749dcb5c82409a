/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this program asks of the firmware and of the machine. */
#ifndef STUB_FIRMWARE_H
#define STUB_FIRMWARE_H

#include <efi.h>
#include <efilib.h>

#include "keep.h"
#include "machine.h"

/* Says why, and powers off. */
void __attribute__((noreturn)) give_up(const char *why);

/* The same where @why is no NULL, or the status no success. */
void need(const char *why);
void need_success(EFI_STATUS status, const char *why);

/* Of zeros. Never NULL. */
void *take_memory(EFI_MEMORY_TYPE type, UINTN size);

/* From here on nothing is taken from the host without a check: what the machine is like. */
void check_platform(const struct platform *platform);
void look_at_machine(struct machine *machine, const struct platform *platform);

/* Ours in the place of the firmware's, now and after ExitBootServices(). */
void put_tables(const struct ours *tables);

/* What is in this program. */
struct payload {
	const UINT8 *kernel, *initrd, *cmdline;
	UINTN kernel_size, initrd_size, cmdline_size;
};

/* Comes back where it does not start. */
void start_kernel(EFI_HANDLE self, const struct payload *payload);

#endif
