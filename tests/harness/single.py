# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs of one program, as cocosecret initrd makes it."""

import functools

from . import chroot, image, packages, place

COMMAND = ("cocosecret initrd -o /boot/initrd.img --list --kver {version}"
           " --compress gzip {more}"
           " --filesystems ext4,xfs,btrfs,squashfs"
           " >/boot/list")


def make(folder, before="", more="", added=()):
    """The image and its list, made in a chroot with nothing mounted, that has
    modules added."""
    version = packages.Kernel().version
    with chroot.above(image.root()) as system:
        if added:
            system.add(f"usr/lib/modules/{version}/updates", added)
            system.run(f"depmod {version}")
        system.run(before + COMMAND.format(version=version, more=more))
        for name in ("initrd.img", "list"):
            (system.changes / "boot" / name).rename(folder / name)


@functools.cache
def folder():
    """A folder with both, of this machine's release."""
    return made("single")


def made(name, more="", added=()):
    """It, where an owner wants more, and has modules of his own."""
    def build(path):
        path.mkdir()
        make(path, more=more, added=added)

    key = place.digest(image.root().name, COMMAND, more, *added)
    return place.artefact(name, key, build)


def initramfs():
    """The image."""
    return folder() / "initrd.img"


@functools.cache
def with_modules(*wanted):
    """An image that loads these besides: the tests' own, or the kernel's."""
    own = [name for name in wanted if (place.GUEST / name).is_dir()]
    return made("single-" + "-".join(wanted), "--modules " + ",".join(wanted),
                [packages.build_module(name) for name in own]) / "initrd.img"


def names():
    """The files in it."""
    return [line.split()[1] for line in
            (folder() / "list").read_text().splitlines()]


def modules():
    """The names of the kernel modules in it, as the kernel has them."""
    return {name.rsplit("/", 1)[1].removesuffix(".ko").replace("-", "_")
            for name in names() if name.endswith(".ko")}


def is_program(name):
    """No library and no module."""
    return ".so" not in name and not name.startswith(("lib/modules/", "etc/"))


def digest_of_another():
    """Of an image that is made again, later, by another user elsewhere."""
    with place.scratch() as scratch:
        another = place.pathlib.Path(scratch)
        make(another, "sleep 2; umask 077; cd /tmp; ")
        return place.sha256(another / "initrd.img")
