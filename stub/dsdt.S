/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What iasl made of dsdt.asl. */
	.section .rodata
	.globl	dsdt, dsdt_size
dsdt:
	.incbin	DSDT
	.set	dsdt_length, . - dsdt
	.balign	8
dsdt_size:
	.quad	dsdt_length
	.section .note.GNU-stack, "", @progbits
