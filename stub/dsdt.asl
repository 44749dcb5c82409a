// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that the kernel is told in bytecode: how to power off, and where PCI is. Through cpp, then
 * iasl. tables.c fills in the three windows, which begin at an address that no machine has.
 */
#define PIN(slot, pin, gsi) Package () { ((slot) << 16) | 0xffff, pin, 0, gsi }
/* QEMU's q35 wires INTA to INTD of a slot to four inputs of the I/O APIC, from one of them on. */
#define INPUTS(slot, base, first) \
	PIN (slot, 0, (base) + (((first) + 0) & 3)), PIN (slot, 1, (base) + (((first) + 1) & 3)), \
	PIN (slot, 2, (base) + (((first) + 2) & 3)), PIN (slot, 3, (base) + (((first) + 3) & 3))
#define FOUR(slot) INPUTS (slot, 20, 0), INPUTS ((slot) + 1, 20, 1), \
	INPUTS ((slot) + 2, 20, 2), INPUTS ((slot) + 3, 20, 3)
#define WINDOW(mark) \
	QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite, 0, mark, mark, 0, 1)

DefinitionBlock ("dsdt.aml", "DSDT", 2, "COCOSE", "COCOWALL", 1)
{
	Name (\_S5, Package () { 0, 0, 0, 0 })

	Device (\_SB.PCI0)
	{
		Name (_HID, EisaId ("PNP0A08"))
		Name (_CID, EisaId ("PNP0A03"))
		Name (_UID, 0)
		Name (_CRS, ResourceTemplate ()
		{
			WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xff, 0, 0x100)
			IO (Decode16, 0xcf8, 0xcf8, 1, 8)
			WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0xcf7, 0, 0xcf8)
			WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0xd00, 0xffff, 0, 0xf300)
			WINDOW (0xc0c0000000000001)
			WINDOW (0xc0c0000000000002)
			WINDOW (0xc0c0000000000003)
		})
		Name (_PRT, Package ()
		{
			FOUR (0), FOUR (4), FOUR (8), FOUR (12), FOUR (16), FOUR (20), INPUTS (24, 20, 0),
			INPUTS (25, 16, 0), INPUTS (26, 16, 0), INPUTS (27, 16, 0), INPUTS (28, 16, 0),
			INPUTS (29, 16, 0), INPUTS (30, 20, 0), INPUTS (31, 16, 0)
		})

		/* What the kernel asks for it gets: native hot-plug and PME, above all. */
		Method (_OSC, 4)
		{
			Return (Arg3)
		}
	}
}
