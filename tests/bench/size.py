# SPDX-License-Identifier: GPL-2.0-or-later
"""What each adds to an initramfs: bytes of files, and bytes of the image.

All images are made in one system with everybody's packages, generic, and are
compressed the same way, by zstd as dracut calls it.
"""

import contextlib
import functools
import pathlib
import stat

from harness import chroot, image, packages, place

from . import guest

ZSTD = ("zstd", "-q", "-15", "-T0", "-f")
# Its modules and hooks, not installed, since dracut and initramfs-tools do not
# go together; and what they want of a system.
CLEVIS = ("clevis-dracut", "clevis-initramfs", "clevis-systemd",
          "dracut-network")
NEEDS = ("iproute2", "isc-dhcp-client", "iputils-arping",
         "procps")

OTHERS = "cocosecret zz-cocosecret crypt"
DRACUT = ("dracut --force --no-hostonly --no-hostonly-cmdline --no-compress "
          "--kver {version} {words} /boot/made")
MKINITRAMFS = ("{words} mkinitramfs -c zstd -o /boot/packed {version} 2>&1; "
               "zstd -q -d -f /boot/packed -o /boot/made")
SINGLE = ("cocosecret initrd -o /boot/made --compress none --kver {version} "
          "--filesystems ")
EXT4, ALL = "ext4", "ext4,xfs,btrfs,squashfs"


def dracut(added="", omit=""):
    """Words for an image with those modules, and none of the others."""
    omitted = [name for name in OTHERS.split()
               if name.removeprefix("zz-") not in added.split()]
    words = f"--omit '{' '.join(omitted)} {omit}'"
    return words + (f" --add '{added}'" if added else "")


# Of an installed cryptsetup-initramfs all is in each image.
NO_CRYPT = "rm /usr/share/initramfs-tools/hooks/crypt*;"
BASE, OURS, CRYPTSETUP, PEER = "plain", "cocosecret", "cryptsetup", "clevis"
# {tool: {who: words}}
KINDS = {
    "dracut with systemd": {
        BASE: dracut(), OURS: dracut("cocosecret"),
        CRYPTSETUP: dracut("crypt"),
        PEER: dracut("crypt network-legacy clevis clevis-pin-tang "
                     "clevis-pin-tpm2")},
    "dracut, plain": {
        BASE: dracut(omit="systemd"),
        OURS: dracut("cocosecret", "systemd"),
        CRYPTSETUP: dracut("crypt", "systemd")},
    "initramfs-tools": {
        BASE: NO_CRYPT, OURS: NO_CRYPT + "echo '#' >/etc/cocotab;",
        CRYPTSETUP: "", PEER: ""},
}


def command(tool, words, version):
    """What makes such an image."""
    maker = MKINITRAMFS if tool == "initramfs-tools" else DRACUT
    return maker.format(words=words, version=version)


def merge(source, target):
    """Copies a tree into a layer, where /lib may not hide /usr/lib."""
    for part in source.iterdir():
        old = part.name in ("lib", "bin", "sbin")
        image.merge(part, target / "usr" / part.name if old else
                    target / part.name)


def add_clevis(path):
    """A layer with what clevis puts into an image."""
    with chroot.above(*plain_layers()) as system:
        system.apt("update")
        system.apt("install", *NEEDS)
        packages.fetch(system.folder / "hooks", CLEVIS)
        merge(system.folder / "hooks", system.changes)
        system.changes.rename(path)


def add_kernel(path):
    """A layer with a kernel's modules."""
    kernel = packages.Kernel()
    with chroot.above(*guest.layers()) as system:
        system.apt("update")
        system.apt("install", "zstd")
        changes = system.changes
        modules = changes / "usr/lib/modules"
        modules.mkdir(parents=True, exist_ok=True)
        place.run("cp", "-a", kernel.modules, modules)
        (changes / "boot").mkdir(exist_ok=True)
        # mkinitramfs asks it which compression the kernel knows.
        place.run("cp", kernel.root / f"boot/config-{kernel.version}",
                  changes / "boot")
        system.run(f"depmod {kernel.version}")
        changes.rename(path)


@functools.cache
def plain_layers():
    """Of a system that lacks nothing but us, and clevis' hooks."""
    key = place.digest(guest.layers()[0].name, packages.Kernel().root.name)
    return [place.artefact("bench-kernel", key, add_kernel), *guest.layers()]


@functools.cache
def layers(who):
    """Of a system that an image for somebody is made in."""
    if who != PEER:
        return plain_layers()
    key = place.digest(plain_layers()[0].name, *CLEVIS, *NEEDS)
    return [place.artefact("bench-clevis", key, add_clevis), *plain_layers()]


def members(archive):
    """(name, mode, size) of a cpio archive's members, as the kernel reads it;
    of hard links, one has a size."""
    at = 0
    while archive[at:at + 6] == b"070701":
        fields = [int(archive[at + 6 + 8 * number:at + 14 + 8 * number], 16)
                  for number in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = archive[at + 110:at + 109 + length].decode()
        if name == "TRAILER!!!":
            return
        yield name, mode, size
        at += 110 + length
        at += -at % 4 + size
        at += -at % 4


def measured(path):
    """Of an image that is not compressed."""
    files = [(name, size) for name, mode, size in members(path.read_bytes())
             if stat.S_ISREG(mode)]
    packed = path.with_suffix(".zst")
    place.run(*ZSTD, path, "-o", packed)
    return {"files": len(files), "bytes": sum(size for _, size in files),
            "modules": sum(size for name, size in files
                           if name.split(".")[-1] in ("ko", "xz", "zst")),
            "zstd": packed.stat().st_size}


def own_layer(ours, who):
    """A generic image takes every module that is installed, efi_secret too."""
    return [ours] if who == OURS else []


def one(ours, tool, who, version):
    """What the JSON gets of an image."""
    with chroot.above(*own_layer(ours, who), *layers(who)) as system:
        said = system.run(command(tool, KINDS[tool][who], version))
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"bench-size-{tool}-{who}.log").write_text(said)
        return measured(system.changes / "boot/made")


def single(ours, version, file_systems):
    """Of the image of one program, for a root that may have one of them."""
    with chroot.above(ours, *layers(OURS)) as system:
        system.run(SINGLE.format(version=version) + file_systems)
        return measured(system.changes / "boot/made")


@contextlib.contextmanager
def installed():
    """A layer with what `make install-strip` installs."""
    kernel = packages.Kernel()
    with place.scratch() as folder:
        made, ours = (pathlib.Path(folder) / name
                      for name in ("made", "ours"))
        for path in (made, ours):
            path.mkdir()
        image.install(made, kernel)
        merge(made, ours)
        with chroot.above(ours, *plain_layers()) as system:
            system.run(f"depmod {kernel.version}")
            image.merge(system.changes, ours)
        yield ours


def measure():
    """What the JSON gets."""
    version = packages.Kernel().version
    with installed() as ours:
        return {"tools": {tool: {who: one(ours, tool, who, version)
                                 for who in kinds}
                          for tool, kinds in KINDS.items()},
                "single": {name: single(ours, version, name)
                           for name in (EXT4, ALL)}}
