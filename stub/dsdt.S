/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What iasl made of dsdt.asl. */
	.section .rodata
	.globl	dsdt_begin, dsdt_end
dsdt_begin:
	.incbin	DSDT
dsdt_end:
	.section .note.GNU-stack, "", @progbits
