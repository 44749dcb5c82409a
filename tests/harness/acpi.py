# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware tables of a host that makes them all itself: QEMU is told to make
none, and gives the firmware these, by fw_cfg files and a script for its linker
(QEMU, docs/specs, "bios-linker-loader").

Each of them does no more than to write a mark, so that one can see whether it
was obeyed.
"""

import pathlib
import struct

from . import place

TABLES, RSDP, SCRIPT = ("etc/acpi/tables", "etc/acpi/rsdp",
                        "etc/table-loader")
ALLOCATE, ADD_POINTER, ADD_CHECKSUM = 1, 2, 3
HIGH, LOW = 1, 2
HEADER = struct.Struct("<4sIBB6s8sI4sI")
CHECKSUM_AT = 9
FADT_SIZE, FADT_FACS, FADT_DSDT, FADT_GPE0 = 244, 36, 40, 220
MEMORY, PORT = 0, 1

# Where marks go: System RAM that a guest of these tests does not need.
MARK = b"host was heard!!"
PLACE = 0x18000000
PORT_DEBUG = 0x402

# The least that a kernel boots with, where pci=nocrs is on its command line.
BYTECODE = """
DefinitionBlock ("", "{name}", 2, "HOST", "HOST", 1)
{{
    {body}
    OperationRegion (R{letter}, SystemMemory, {address:#x}, 16)
    Field (R{letter}, ByteAcc, NoLock, Preserve) {{ M{letter}, 128 }}
    M{letter} = Buffer () {{ {mark} }}
}}
"""
MACHINE = """
    Name (\\_S5, Package () { 0, 0, 0, 0 })
    Device (\\_SB.PCI0) { Name (_HID, EisaId ("PNP0A08"))
        Name (_CID, EisaId ("PNP0A03")) }
"""


def table(name, body, revision=1):
    """With its header and checksum."""
    data = bytearray(HEADER.pack(name.encode(), HEADER.size + len(body),
                                 revision, 0, b"HOST", b"HOST", 1, b"HOST", 1)
                     + body)
    data[CHECKSUM_AT] = -sum(data) & 0xff
    return bytes(data)


def register(space, bits, address):
    """A Generic Address Structure."""
    access = {8: 1, 16: 2, 32: 3, 64: 4}.get(bits, 0)
    return struct.pack("<BBBBQ", space, bits, 0, access, address)


def bytecode(address, name="SSDT", body=""):
    """Writes the mark when it is loaded."""
    text = BYTECODE.format(name="DSDT" if name == "DSDT" else "SSDT",
                           body=body, address=address, letter=name[0],
                           mark=", ".join(map(hex, MARK)))
    with place.scratch() as folder:
        path = pathlib.Path(folder) / "table.asl"
        path.write_text(text)
        place.run("iasl", "-vs", "-p", path.with_suffix(""), path)
        made = path.with_suffix(".aml").read_bytes()
    return table(name, made[HEADER.size:], made[8])


def fadt(gpe=None):
    """Of q35; gpe: where in memory its event registers are to be."""
    data = bytearray(FADT_SIZE)

    def put(at, form, *values):
        struct.pack_into("<" + form, data, at, *values)

    put(46, "H", 9)  # SCI
    put(56, "I", 0x600)
    put(64, "I", 0x604)
    put(76, "I", 0x608)
    put(80, "I", 0x620)
    put(88, "BBBBB", 4, 2, 0, 4, 16)
    put(96, "HH", 0xfff, 0xfff)
    put(109, "H", 3)
    put(112, "I", 0x4a5)
    put(116, "12s", register(PORT, 8, 0xcf9))
    put(128, "B", 0x0f)
    put(148, "12s", register(PORT, 32, 0x600))
    put(172, "12s", register(PORT, 16, 0x604))
    put(208, "12s", register(PORT, 32, 0x608))
    if gpe:
        put(80, "I", 0)
        put(FADT_GPE0, "12s", register(MEMORY, 128, gpe))
    return table("FACP", bytes(data[HEADER.size:]), 3)


def madt(processors=1):
    """The lines of q35."""
    body = struct.pack("<II", 0xfee00000, 1)
    for number in range(processors):
        body += struct.pack("<BBBBI", 0, 8, number, number, 1)
    body += struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0)
    body += struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)
    body += struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 0xd)
    return table("APIC", body)


def mcfg(base, last_bus=255):
    """PCI's configuration space where the host wants it."""
    return table("MCFG", bytes(8) + struct.pack("<QHBBI", base, 0, 0, last_bus,
                                                0))


def erst():
    """Instructions that the kernel runs when it asks for the error log: bytes
    to the debug port."""
    entries = b"".join(
        struct.pack("<BBBB", 0x0d, 3, 0, 0) + register(PORT, 8, PORT_DEBUG)
        + struct.pack("<QQ", byte, 0xff) for byte in MARK)
    return table("ERST", struct.pack("<III", 12, 0, len(MARK)) + entries)


class Linked(bytes):
    """A table, and behind it what pointers in it lead to; these are offsets
    until the firmware has linked them."""

    pointers = ()


def hest(address):
    """One error source of the kind GHESv2: the kernel polls it, finds an error
    and acknowledges that by writing what the host says to where it says."""
    mark, = struct.unpack("<Q", MARK[:8])
    status = struct.pack("<IIIII", 1, 0, 0, 0, 2)  # a corrected one
    pointer = HEADER.size + 4 + 92
    source = struct.pack("<HHHBBIII", 10, 0, 0xffff, 0, 1, 1, 1, 4096)
    source += register(MEMORY, 64, pointer)
    source += struct.pack("<BBHIIIIII", 0, 28, 0, 1000, 0, 0, 0, 0, 0)
    source += struct.pack("<I", 4096) + register(MEMORY, 64, address)
    source += struct.pack("<QQ", 0, mark)
    made = Linked(table("HEST", struct.pack("<I", 1) + source)
                  + struct.pack("<Q", pointer + 8) + status)
    made.pointers = HEADER.size + 4 + 24, pointer
    return made


def garbage():
    """Tables whose lengths, addresses and entries are wrong, but which a
    firmware takes."""
    local = struct.pack("<II", 0xfee00000, 1)
    return [FACS, table("DSDT", b"\xff" * 64), table("FACP", b"\xff" * 208),
            table("APIC", local + struct.pack("<BBBBI", 0, 0, 0, 0, 1)),
            table("APIC", local + struct.pack("<BB", 0, 255)),
            table("APIC", local), table("APIC", b""),
            mcfg(PLACE), mcfg((1 << 64) - 1), mcfg(0xe0000000, 0),
            table("MCFG", b""), table("HPET", b"\xff" * 20),
            table("XSDT", b"\xff" * 8), table("ECDT", b"\xff" * 30),
            table("SRAT", b"\0" * 50), table("BERT", b"\xff" * 12)]


FACS = struct.pack("<4sI", b"FACS", 64) + bytes(24) + b"\x01" + bytes(31)


def machine(*more, dsdt=None, **settings):
    """All that a machine needs, of this host's making."""
    return [FACS, dsdt or bytecode(PLACE, "DSDT", MACHINE),
            fadt(settings.get("gpe")), madt(settings.get("processors", 1)),
            *more]


class Script:
    """The linker's."""

    def __init__(self):
        self.data = b""

    def add(self, command, *fields):
        """One command, padded."""
        self.data += struct.pack("<I124s", command, b"".join(fields))

    def allocate(self, name, zone):
        """Memory for a file."""
        self.add(ALLOCATE, struct.pack("<56sIB", name.encode(), 64, zone))

    def point(self, name, at, size):
        """A pointer in a file becomes one to what it is the offset of."""
        self.add(ADD_POINTER, struct.pack("<56s56sIB", name.encode(),
                                          TABLES.encode(), at, size))

    def check(self, name, at, start, size):
        """A checksum."""
        self.add(ADD_CHECKSUM, struct.pack("<56sIII", name.encode(), at, start,
                                           size))


def lay_out(tables):
    """(bytes, their offsets)"""
    blob, offsets = bytearray(), []
    for data in tables:
        blob += bytes(-len(blob) % 64)
        offsets.append(len(blob))
        blob += data
    return blob, offsets


def link(tables):
    """{fw_cfg file: bytes}. FACS and DSDT come first, then the FADT."""
    blob, offsets = lay_out(
        [*tables, table("RSDT", struct.pack(f"<{len(tables) - 2}I",
                                            *[0] * (len(tables) - 2)))])
    facs, dsdt, fixed = offsets[:3]
    root = offsets[-1]
    script = Script()
    script.allocate(TABLES, HIGH)
    script.allocate(RSDP, LOW)
    for at, value in ((FADT_FACS, facs), (FADT_DSDT, dsdt)):
        struct.pack_into("<I", blob, fixed + at, value)
        script.point(TABLES, fixed + at, 4)
    blob[fixed + CHECKSUM_AT] = 0
    script.check(TABLES, fixed + CHECKSUM_AT, fixed, FADT_SIZE)
    for data, offset in zip(tables, offsets):
        for at in getattr(data, "pointers", ()):
            relative, = struct.unpack_from("<Q", blob, offset + at)
            struct.pack_into("<Q", blob, offset + at, offset + relative)
            script.point(TABLES, offset + at, 8)
        if getattr(data, "pointers", ()):
            length, = struct.unpack_from("<I", blob, offset + 4)
            blob[offset + CHECKSUM_AT] = 0
            script.check(TABLES, offset + CHECKSUM_AT, offset, length)
    for number, offset in enumerate(offsets[2:-1]):
        at = root + HEADER.size + 4 * number
        struct.pack_into("<I", blob, at, offset)
        script.point(TABLES, at, 4)
    blob[root + CHECKSUM_AT] = 0
    script.check(TABLES, root + CHECKSUM_AT, root, len(blob) - root)
    rsdp = struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"HOST", 0, root)
    script.point(RSDP, 16, 4)
    script.check(RSDP, 8, 0, 20)
    return {TABLES: bytes(blob), RSDP: rsdp, SCRIPT: script.data}


def arguments(folder, tables):
    """QEMU's."""
    words = ["-machine", "acpi=off"]
    for name, data in link(tables).items():
        file = folder / name.replace("/", "-")
        file.write_bytes(data)
        words += ["-fw_cfg", f"name={name},file={file}"]
    return words


def read(guest, address, size=16):
    """Of the guest's memory, as the host sees it."""
    with place.scratch() as folder:
        path = pathlib.Path(folder) / "memory"
        guest.qmp("pmemsave", val=address, size=size, filename=str(path))
        return path.read_bytes()
