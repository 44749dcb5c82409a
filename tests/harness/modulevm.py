# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests for the module: a kernel, a busybox, efi_secret.ko."""

import base64
import contextlib
import functools
import os
import pathlib

from . import accel, firmware, initrd, place, qemu

CMDLINE = ("console=ttyS0 loglevel=5 panic=-1 oops=panic panic_on_warn=1 "
           + accel.CMDLINE)
PROGRAMS = {  # sources in tests/harness/guest
    "race": ["race.c", "../../../module/table.c"],
    "probe": ["probe.c"],
    "load": ["load.c"],
    "kexec": ["kexec.c"],
}


class Bios:
    """No EFI at all."""

    name = "SeaBIOS"

    def __init__(self, kernel, initrd, cmdline, table=None):
        self.files = kernel, initrd
        self.cmdline = cmdline
        self.table = table

    def arguments(self, _folder, _memory):
        """QEMU's arguments."""
        return ["-kernel", self.files[0], "-initrd", self.files[1],
                "-append", self.cmdline]


KINDS = {**firmware.KINDS, "bios": Bios}


@functools.cache
def program(name):
    """A static program of tests/harness/guest."""
    sources = [place.GUEST / source for source in PROGRAMS[name]]
    key = place.digest(*sources, *place.GUEST.glob("*.h"))

    def build(path):
        place.run("cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall",
                  "-Wextra", "-static", "-pthread", "-o", path, *sources)

    return place.artefact(name, key, build)


@contextlib.contextmanager
def guest(kernel, kind, table=None, cmdline="", cpus=1, files=None,
          **settings):
    """A booted guest with /efi_secret.ko, not loaded, and the programs;
    files: {path: content} more."""
    name = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]
    with place.scratch() as folder:
        image = initrd.tiny(pathlib.Path(folder) / "initrd", {
            "efi_secret.ko": stripped(kernel, folder),
            **{f"bin/{each}": program(each) for each in PROGRAMS},
            **(files or {})})
        maker = KINDS[kind](kernel.image, image,
                            f"{CMDLINE} {cmdline}".strip(), table, **settings)
        with qemu.Machine(f"{name}-{kernel.version}", maker, cpus=cpus,
                          memory_mib=512) as machine:
            yield machine.wait_ready()


def stripped(kernel, folder):
    """The module without debugging information."""
    path = pathlib.Path(folder) / "efi_secret.ko"
    place.run("strip", "--strip-debug", "-o", path, kernel.module)
    return path.read_bytes()


def write_area(guest, data):
    """Puts a table into the area from inside the guest."""
    base, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    text = base64.b64encode(data.ljust(size, b"\0")).decode()
    guest.check(f"echo {text} | base64 -d | dd of=/dev/mem bs={size} count=1 "
                f"seek={base} oflag=seek_bytes conv=notrunc iflag=fullblock")
