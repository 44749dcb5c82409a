# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs of one program, as cocosecret initrd makes it."""

import functools

from . import chroot, image, packages, place

COMMAND = ("cocosecret initrd -o /boot/initrd.img --list --kver {version}"
           " --compress gzip"
           " >/boot/list")


def make(folder, before=""):
    """The image and its list, made in a chroot with nothing mounted."""
    with chroot.above(image.root()) as system:
        system.run(before + COMMAND.format(version=packages.Kernel().version))
        for name in ("initrd.img", "list"):
            (system.changes / "boot" / name).rename(folder / name)


def build(path):
    """A folder with both."""
    path.mkdir()
    make(path)


@functools.cache
def folder():
    """Of this machine's release."""
    key = place.digest(image.root().name, COMMAND)
    return place.artefact("single", key, build)


def initramfs():
    """The image."""
    return folder() / "initrd.img"


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
        made = place.pathlib.Path(scratch)
        make(made, "sleep 2; umask 077; cd /tmp; ")
        return place.sha256(made / "initrd.img")
