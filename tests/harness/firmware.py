# SPDX-License-Identifier: GPL-2.0-or-later
"""Two firmwares that boot a kernel and publish a secret table.

Stock   OVMF as every distribution has it, with the stand-in of
        tests/firmware in place of the secret driver
AmdSev  the real one for SEV, the table put where LAUNCH_SECRET would
"""

import functools
import hashlib
import os
import re
import shutil
import struct
import uuid

from . import packages, place

CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
MARKER = "cocosecret stand-in\n"
FW_CFG = "opt/org.cocosecret/"

FOOTER = "96b582de-1fb2-45f7-baea-a366c55a082d"
SECRET_AREA = "4c2eb361-7d9b-4cc3-8081-127c90d3d294"
HASH_AREA = "7255371f-3a3b-4b04-927b-1da6efa8d454"

HASH_TABLE = "9438d606-4f22-4cc9-b479-a793d411fd21"
HASH_CMDLINE = "97d02dd8-bd20-4c94-aa78-e7714d36ab2a"
HASH_INITRD = "44baf731-3a2f-4bd7-9af1-41e29169781d"
HASH_KERNEL = "4de79437-abd2-427f-b835-d5b172d2045b"

# What QEMU 7.2 keeps free below the top of RAM for a kernel's initrd.
ACPI_DATA_SIZE = 0x28000


@functools.cache
def standin():
    """The stand-in, built."""
    place.make("firmware")
    return place.BUILD / "firmware/BOOTX64.EFI"


class Stock:
    """OVMF and the stand-in. mode: see tests/firmware/standin.c"""

    name = "stock OVMF"
    code, vars = CODE, VARS

    def __init__(self, kernel=None, initrd=None, cmdline="", table=None,
                 area_size=None, mode=None, variables=None, esp=None):
        self.kernel, self.initrd = kernel, initrd
        self.esp = esp or {}  # files for the ESP beside ours, {path: file}
        self.variables = variables or self.vars  # the store that it begins with
        self.settings = {"cmdline": cmdline, "table": table,
                         "area-size": area_size, "mode": mode}

    def arguments(self, folder, memory):  # pylint: disable=unused-argument
        """QEMU's arguments; what they name is put into the folder."""
        shutil.copy(self.variables, folder / "vars.fd")
        esp = folder / "esp"
        (esp / "EFI/BOOT").mkdir(parents=True)
        self.put_program(standin(), esp / "EFI/BOOT/BOOTX64.EFI")
        if self.kernel:
            self.put_program(self.kernel, esp / "vmlinuz")
        if self.initrd:
            os.symlink(self.initrd, esp / "initrd")
        for name, file in self.esp.items():
            (esp / name).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(file, esp / name)
        return [
            "-drive", f"if=pflash,format=raw,readonly=on,"
                      f"file={self.code}",
            "-drive", f"if=pflash,format=raw,file={folder}/vars.fd",
            "-drive", f"if=none,id=esp,format=raw,readonly=on,file=fat:{esp}",
            "-device", "virtio-blk-pci,drive=esp,bootindex=0",
            *self.fw_cfg(folder)]

    @staticmethod
    def put_program(path, target):
        """What the firmware is to start."""
        os.symlink(path, target)

    @staticmethod
    def area(debug_log):
        """Where the secret area is, as the stand-in told the debug port."""
        return int(re.search(r"standin: area (0x[0-9a-fA-F]+)", debug_log)[1],
                   16)

    def fw_cfg(self, folder):
        """The stand-in's settings."""
        for name, value in self.settings.items():
            if value is None:
                continue
            file = folder / f"fw_cfg-{name}"
            file.write_bytes(value if isinstance(value, bytes)
                             else str(value).encode())
            if file.stat().st_size:
                yield from ("-fw_cfg", f"name={FW_CFG}{name},file={file}")


class SecureBoot(Stock):
    """The same with Secure Boot on, and Debian's test key as the one that the
    firmware trusts, and so the kernel."""

    name = "OVMF with Secure Boot"
    vars = "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd"
    certificate = "/usr/share/ovmf/PkKek-1-snakeoil.pem"
    key, password = "/usr/share/ovmf/PkKek-1-snakeoil.key", "snakeoil"

    @classmethod
    def open_key(cls, folder):
        """The paths of the key, which everybody knows, and of its certificate,
        as signing programs want them."""
        key, der = folder / "key.pem", folder / "certificate.der"
        place.run("openssl", "rsa", "-in", cls.key, "-out", key,
                  "-passin", f"pass:{cls.password}")
        place.run("openssl", "x509", "-in", cls.certificate, "-outform",
                  "DER", "-out", der)
        return key, der

    @classmethod
    def put_program(cls, path, target):
        """Signed."""
        with place.scratch() as folder:
            key, _ = cls.open_key(place.pathlib.Path(folder))
            place.run("sbsign", "--key", key, "--cert", cls.certificate,
                      "--output", target, path)

    @classmethod
    def sign_module(cls, path, version):
        """Appends a signature to a kernel module."""
        with place.scratch() as folder:
            key, der = cls.open_key(place.pathlib.Path(folder))
            place.run(f"/lib/modules/{version}/build/scripts/sign-file",
                      "sha256", key, der, path)


class Probe(Stock):
    """Says that firmware works, and ends."""

    def __init__(self):
        super().__init__(mode="probe")


def guided_entries(image):
    """{guid: data} of the table that ends 32 bytes before a firmware's end."""
    at = len(image) - 32
    entries, lower = {}, 0
    while at - 18 >= lower:
        length, = struct.unpack_from("<H", image, at - 18)
        guid = str(uuid.UUID(bytes_le=bytes(image[at - 16:at])))
        if length < 18 or at - length < lower:
            break
        if guid == FOOTER:
            lower = at - length
            at -= 18
            continue
        if not lower:
            break
        entries[guid] = bytes(image[at - length:at - 18])
        at -= length
    return entries


@functools.cache
def amdsev_areas():
    """{guid: (base, size)} of the secret and the hash area."""
    entries = guided_entries(packages.amdsev().read_bytes())
    return {guid: struct.unpack("<II", entries[guid])
            for guid in (SECRET_AREA, HASH_AREA)}


def patched(kernel, initrd_size, memory):
    """The kernel as QEMU 7.2 hands it to the firmware: its setup header says
    who loaded it and where QEMU itself would have put the initrd."""
    image = bytearray(kernel)
    if image[0x202:0x206] != b"HdrS":  # a UKI
        return kernel
    top = memory - ACPI_DATA_SIZE - 1
    image[0x210] = 0xb0
    image[0x211] |= 0x80
    struct.pack_into("<II", image, 0x218, (top - initrd_size) & ~0xfff,
                     initrd_size)
    struct.pack_into("<H", image, 0x224, 0xfe00)
    struct.pack_into("<I", image, 0x228, 0x20000)
    return bytes(image)


def hash_table(kernel, initrd, cmdline):
    """What the firmware checks the kernel, initrd and command line against."""
    hashed = {HASH_CMDLINE: cmdline.encode() + b"\0",
              HASH_INITRD: initrd,
              HASH_KERNEL: kernel}
    body = b""
    for guid, data in hashed.items():
        value = hashlib.sha256(data).digest()
        body += uuid.UUID(guid).bytes_le
        body += struct.pack("<H", 18 + len(value)) + value
    table = uuid.UUID(HASH_TABLE).bytes_le
    table += struct.pack("<H", 18 + len(body)) + body
    return table + bytes(-len(table) % 16)


class AmdSev:
    """The AmdSev firmware. It boots nothing but what the hash table says."""

    name = "AmdSev OVMF"

    def __init__(self, kernel, initrd, cmdline, table=None):
        self.kernel, self.initrd = kernel, initrd
        self.cmdline, self.table = cmdline, table

    def arguments(self, folder, memory):
        """QEMU's arguments; what they name is put into the folder."""
        areas = amdsev_areas()
        initrd = self.initrd.read_bytes() if self.initrd else b""
        hashes = hash_table(self.handed_on(self.kernel.read_bytes(),
                                           len(initrd), memory),
                            initrd, self.cmdline)
        return ["-bios", str(packages.amdsev()), "-kernel", str(self.kernel),
                *(["-initrd", str(self.initrd)] if self.initrd else []),
                *(["-append", self.cmdline] if self.cmdline else []),
                *load(folder / "hashes", hashes, areas[HASH_AREA]),
                *load(folder / "table", self.table, areas[SECRET_AREA])]

    @staticmethod
    def handed_on(kernel, initrd_size, memory):
        """The kernel as the firmware gets it."""
        return patched(kernel, initrd_size, memory)

    @staticmethod
    def area(_debug_log):
        """Where the secret area is."""
        return amdsev_areas()[SECRET_AREA][0]


class NewerAmdSev(AmdSev):
    """The same under QEMU 10, which has the kernel's file for it besides."""

    name = "AmdSev OVMF, newer QEMU"

    @staticmethod
    def handed_on(kernel, _initrd_size, _memory):
        return kernel


def load(file, data, area):
    """Puts data into guest memory before the firmware starts."""
    if data is None:
        return []
    base, size = area
    if len(data) > size:
        raise ValueError(f"{file.name}: {len(data)} bytes, area {size}")
    file.write_bytes(data)
    return ["-device", f"loader,file={file},addr={base:#x},force-raw=on"]


@functools.cache
def programs():
    """cocosecret and cocosecret-stub.efi, built."""
    place.make("unlock", "stub")
    return place.BUILD / "cocosecret", place.BUILD / "cocosecret-stub.efi"


def walled(output, kernel, initrd, cmdline, *words):
    """A kernel behind cocosecret-stub.efi; returns what the program says."""
    cocosecret, stub = programs()
    return place.run(cocosecret, "uki", "-o", output, "--stub", stub,
                     "--kernel", kernel, "--initrd", initrd, "--cmdline",
                     cmdline, *words)


# For devices that are plugged in later: behind the wall the kernel does not hear of
# QEMU's way through ACPI.
NATIVE_HOTPLUG = ("-global",
                  "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")


class WalledAmdSev(AmdSev):
    """Measured in the kernel's place."""

    name = "AmdSev OVMF, wall"

    def arguments(self, folder, memory):
        uki = folder / "uki.efi"
        walled(uki, self.kernel, self.initrd, self.cmdline)
        return AmdSev(uki, None, "", self.table).arguments(folder, memory)


class WalledStock(Stock):
    """Started by the stand-in, whose own words go unheard."""

    name = "stock OVMF, wall"

    def arguments(self, folder, memory):
        uki = folder / "uki.efi"
        walled(uki, self.kernel, self.initrd, self.settings["cmdline"])
        self.kernel, self.initrd = uki, None
        return super().arguments(folder, memory)


class WalledStrict(WalledStock):
    """By one whose pages' rights programs can change."""

    name = "OVMF with strict pages, wall"

    def arguments(self, folder, memory):
        self.code, self.variables = packages.strict()
        return [*super().arguments(folder, memory),
                "-global", "driver=cfi.pflash01,property=secure,value=on"]


class WalledSecureBoot(SecureBoot):
    """The same, signed, and the kernel in it."""

    name = "OVMF with Secure Boot, wall"

    def arguments(self, folder, memory):
        key, _ = self.open_key(folder)
        uki = folder / "uki.efi"
        walled(uki, self.kernel, self.initrd, self.settings["cmdline"],
               "--sign-key", key, "--sign-cert", self.certificate)
        self.kernel, self.initrd = uki, None
        return super().arguments(folder, memory)


KINDS = {"stock": Stock, "amdsev": AmdSev, "amdsev-newer": NewerAmdSev,
         "secureboot": SecureBoot,
         "walled": WalledAmdSev, "walled-stock": WalledStock,
         "walled-strict": WalledStrict,
         "walled-secureboot": WalledSecureBoot}
