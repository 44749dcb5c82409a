# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian on a disk that is not encrypted, with everybody in it: what is
measured is what is done after its boot, or that boot itself."""

import contextlib
import functools
import pathlib

from harness import (chroot, firmware, image, known, packages, place, qemu,
                     ram, rootvm, table)

PEERS = ("clevis-luks", "clevis-tpm2", "tang", "swtpm")
PROGRAMS = ("stopwatch", "loadtime", "floor", "library")
OURS = "usr/libexec/cocosecret-tests"
SPARE = 64   # MiB of free room on the disk
MEMORY = 1024  # MiB

# An image that opens nothing.
DRACUT = ("dracut", "--force", "--no-hostonly", "--no-hostonly-cmdline",
          "--omit", "cocosecret zz-cocosecret crypt")


def install_peers(path):
    """Those that the guest of the tests lacks."""
    with chroot.above(image.base()) as system:
        system.apt("update")
        system.apt("install", *PEERS)
        system.apt("clean")
        system.run("rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man "
                   "/usr/share/locale")
        system.changes.rename(path)


@functools.cache
def layers():
    """Of a system with the peers."""
    key = place.digest(image.base().name, *PEERS)
    return [place.artefact("bench-peers", key, install_peers), image.base()]


@functools.cache
def programs():
    """What measures, and what it measures besides."""
    place.make("bench-programs")
    return [packages.build_module("empty"),
            *(place.BUILD / "bench" / name for name in PROGRAMS)]


def furnish(path, installed, kernel):
    """Base, peers, kernel modules and installed files become one root."""
    with chroot.above(*layers()) as system:
        system.copy(path)
    modules = path / "usr/lib/modules"
    modules.mkdir(exist_ok=True)
    place.run("cp", "-a", kernel.modules, modules)
    image.merge(installed, path)
    place.run("depmod", "-b", path, kernel.version)
    image.configure(path)


def make_disk(path, installed, kernel):
    """It, as a file system."""
    with place.scratch() as scratch:
        root = pathlib.Path(scratch) / "root"
        furnish(root, installed, kernel)
        used = int(place.run("du", "-sm", root).split()[0])
        place.run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-J", "size=4",
                  "-U", known.FS_UUID, "-d", root, path,
                  f"{used + used // 10 + SPARE}M")


@functools.cache
def disk():
    """The guest's disk."""
    kernel = packages.Kernel()
    with place.scratch() as folder:
        installed = pathlib.Path(folder) / "installed"
        installed.mkdir()
        image.install(installed, kernel)
        place.run("install", *programs(), installed / OURS)
        key = place.digest(layers()[0].name, kernel.root.name, installed,
                           pathlib.Path(__file__))
        return place.artefact(
            "bench-disk", key, lambda path: make_disk(path, installed, kernel))


def make_plain(path, kernel):
    """In a chroot, with the kernel's modules."""
    with chroot.above(image.base()) as system:
        modules = system.changes / "usr/lib/modules"
        modules.mkdir(parents=True)
        place.run("cp", "-a", kernel.modules, modules)
        system.run(f"depmod {kernel.version}; {' '.join(DRACUT[:4])} --omit "
                   f"'{DRACUT[-1]}' --kver {kernel.version} /boot/initrd.img")
        (system.changes / "boot/initrd.img").rename(path)


@functools.cache
def plain():
    """An initramfs that boots it."""
    kernel = packages.Kernel()
    key = place.digest(image.base().name, kernel.root.name, *DRACUT)
    return place.artefact("bench-plain", key,
                          lambda path: make_plain(path, kernel))


class Guest:
    """A booted guest, whose launch table can be written from outside."""

    def __init__(self, machine, shared):
        self.machine, self.ram = machine, shared
        self.base, self.size = firmware.amdsev_areas()[firmware.SECRET_AREA]

    def launch(self, secrets):
        """A new table of {guid: bytes}, as if at a new start."""
        new = table.build(secrets)
        self.ram.write(self.base, new + bytes(self.size - len(new)))

    def check(self, command, timeout=120):
        """As qemu.Machine's."""
        return self.machine.check(command, timeout)


@contextlib.contextmanager
def started(name, disks=(), cmdline="", more=()):
    """A Guest on two CPUs; disks: more of them, which it may write."""
    line = (f"{rootvm.CMDLINE} root=UUID={known.FS_UUID} {cmdline}").strip()
    with place.scratch() as folder, ram.Ram(MEMORY * qemu.MIB) as shared:
        folder = pathlib.Path(folder)
        root = folder / "root.qcow2"
        place.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                  "-b", disk(), root)
        maker = firmware.KINDS["amdsev"](packages.Kernel().image, plain(),
                                         line, table.build({}))
        with qemu.Machine(name, maker, disks=[root, *disks], cpus=2,
                          memory_mib=MEMORY,
                          more=[*shared.arguments(), *more]) as machine:
            machine.wait_ready(300)
            machine.run("systemctl is-system-running --wait", 300)
            yield Guest(machine, shared)
