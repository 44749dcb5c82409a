# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with the encrypted root: what a test says is what is special."""

import contextlib
import os
import pathlib
import time

from . import (accel, firmware, image, initrd, known, mkosi, packages, place,
               plain, qemu, table)

CMDLINE = ("console=ttyS0 panic=1 oops=panic quiet loglevel=5 rw "
           + accel.CMDLINE)
ROOT = f"root={known.MAPPED}"
MEMORY = 512  # MiB
LARGE = {"mkosi": 1024}  # of images that need more
DEVICE = f"UUID={known.LUKS_UUID}"


def volume(device=DEVICE, secret="", options="unsealed"):
    """The guest's disk on the kernel command line."""
    return f"rd.cocosecret={known.MAPPING}:{device}:{secret}:{options}"


def test_name():
    """Of the running test, for logs."""
    current = os.environ.get("PYTEST_CURRENT_TEST", "demo")
    return current.split("::")[-1].split(" ")[0]


def make_initramfs(path, variant, files):
    """With files added, and what reports the unlocker's end. A variant that is
    a path is an image without systemd."""
    if variant == "mkosi":
        return initrd.extended(path, mkosi.initramfs(), files)
    if isinstance(variant, pathlib.Path) or variant in plain.KINDS:
        files = plain.reporter() | dict(files)
        if variant in plain.KINDS:
            variant = plain.initramfs(variant)
        return initrd.extended(path, variant, files)
    return initrd.extended(path, initrd.dracut(variant), files)


def memory(variant):
    """How much a guest has, in MiB."""
    return LARGE.get(variant, MEMORY)


@contextlib.contextmanager
def guest(kind="stock", variant="generic", *, launch_table=None, others=(),
          volumes=None, cmdline="", root=ROOT, files=(), own_disk=False,
          plugged=True, before=(), after=(), disk=None, spoil=None, cpus=1,
          more=(), **settings):
    """A started guest; wait_ready() for its root, wait_report() for how the
    unlocker failed.

    launch_table  default: the right key under the default UUID
    others        {UUID: secret} that it then has besides
    volumes       for the command line; default: the disk, but none for the
                  host-only image, which has a cocotab
    files         {path: content} to add to the initramfs
    own_disk      a copy that the guest may spoil; default: an overlay
    plugged       False: start without the disk, for machine.plug(machine.disk)
    before, after  other disks, which the guest finds before and after its own
    disk          default: image.disk(), which is not sealed
    spoil         called with the path of the guest's own copy of the disk
    cpus          how many the guest has
    more          arguments for QEMU
    settings      the firmware's: mode, area_size
    """
    disk = disk or image.disk()
    if launch_table is None:
        launch_table = table.build({known.DISK: disk.key} | dict(others))
    if volumes is None:
        volumes = "" if variant in initrd.COCOTABS else volume()
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        initramfs = make_initramfs(folder / "initrd", variant, files)
        maker = firmware.KINDS[kind](
            packages.Kernel().image, initramfs,
            " ".join(f"{CMDLINE} {root} {volumes} {cmdline}".split()), launch_table,
            **settings)
        own_disk = own_disk or spoil or not plugged
        path = disk.copy(folder) if own_disk else disk.overlay(folder)
        if spoil:
            spoil(path)
        disks = [*before, *([path] if plugged else []), *after]
        with qemu.Machine(test_name(), maker, disks=disks, cpus=cpus,
                          memory_mib=memory(variant), more=more) as machine:
            machine.disk = path
            yield machine


def assert_off(variant):
    """Such an initramfs boots a plain root beside the encrypted disk, where
    the command line turns us off."""
    with place.scratch() as folder, \
            guest("amdsev", variant, volumes="rd.cocosecret=0",
                  root=f"root=UUID={known.FS_UUID}",
                  after=[image.overlay(image.unencrypted(), folder)]) as machine:
        machine.wait_ready()
        assert machine.check("findmnt -no SOURCE /").strip() == "/dev/vdb"
        assert machine.check("ls /dev/mapper").split() == ["control"]
        machine.check("dmesg | grep 'cocosecret: off by rd.cocosecret=0'")


def plug_late(machine, disk, seconds=10):
    """Adds a disk so long after the unlocker has begun; the kernel's log must
    be on the console."""
    machine.wait_console("secrets in securityfs", 120)
    time.sleep(seconds)
    machine.plug(disk)


def cookies(machine):
    """What libdevmapper and udev have to tell each other still."""
    return machine.check("tail -n +2 /proc/sysvipc/sem").split()


PROBE = "/usr/libexec/cocosecret-tests/probe"
SECRETS = "/sys/kernel/security/secrets/coco"
STATE = "/run/cocosecret"
