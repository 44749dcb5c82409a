#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ExecStopPost= of cocosecret-unlock.service in the tests: says over the
# report port how the unlocker ended, and what the kernel log has of us.
{
	echo
	dmesg | sed -n '/cocosecret: \|efi_secret: /s/^/@log /p'
	echo "@report exit=${EXIT_STATUS:-none} result=${SERVICE_RESULT:-none}"
} >/dev/ttyS1
