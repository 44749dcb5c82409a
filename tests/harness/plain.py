# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs images without systemd, and how they report."""

import functools

from . import disks, image, known, mounts, packages, place

# How each is made. A cocotab without a line leaves it to the command line.
IMAGES = {
    "initramfs-tools": ("mkinitramfs", "-o", "/boot/initrd.img"),
    "dracut-plain": ("dracut", "--force", "--no-hostonly", "--omit", "systemd",
                     "--no-hostonly-cmdline", "--add", "cocosecret",
                     "--add-drivers", "dm_integrity", "/boot/initrd.img"),
}
# Beside lvm2, mdadm, and a volume whose header is in the image.
STACKS = "initramfs-tools-stacks"
# With what this machine's disk needs only; the guest's is on another bus.
DEP = "initramfs-tools-dep"
DEP_FILES = {"etc/initramfs-tools/conf.d/dep": b"MODULES=dep\n",
             "etc/initramfs-tools/modules": b"virtio_pci\n"}
KINDS = IMAGES | {kind: IMAGES["initramfs-tools"] for kind in (STACKS, DEP)}
FILES = {
    "etc/cocotab": b"# the kernel command line names the volumes\n",
    # For the attacks; dracut is told on its command line.
    "etc/initramfs-tools/modules": b"dm_integrity\n",
    # cryptroot would ask for a passphrase, if the unlocker were not first.
    "etc/crypttab": f"{known.MAPPING} UUID={known.LUKS_UUID} none "
                    "luks,initramfs\n".encode(),
}

UNLOCKER = "usr/bin/cocosecret-unlock"
# In its place: what ExecStopPost= does where there are units.
WRAPPER = b"""\
#!/bin/sh
/usr/libexec/cocosecret-tests/unlock "$@"
code=$?
[ $code = 0 ] || EXIT_STATUS=$code SERVICE_RESULT=exit-code \\
	/usr/libexec/cocosecret-tests/report.sh
exit $code
"""


# A root on a disk, as mkinitramfs then wants to see it.
ON_ITS_DISK = """\
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
shift
exec chroot . "$@"
"""


def build(path, kind):
    """In a chroot with nothing mounted, unless disks are to be found."""
    with place.scratch() as folder:
        root = place.pathlib.Path(folder) / "root"
        place.run("cp", "-a", image.root(), root)
        files = FILES | DEP_FILES if kind == DEP else FILES
        for name, content in files.items():
            (root / name).write_bytes(content)
        if kind == STACKS:
            image.merge(image.tools(), root)
            disks.put_header(root)
        kernel = packages.Kernel()
        # mkinitramfs asks it which compression the kernel knows.
        place.run("cp", kernel.root / f"boot/config-{kernel.version}",
                  root / "boot")
        command = [*KINDS[kind], kernel.version]
        enter = ["chroot", root]
        if kind == DEP:
            enter = [*mounts.own(), "sh", "-euc", ON_ITS_DISK, "sh",
                     root]
        log = place.run(*enter, "/usr/bin/env", "-i",
                        "PATH=/usr/sbin:/usr/bin", *command)
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"{kind}.log").write_text(log)
        (root / "boot/initrd.img").rename(path)


@functools.cache
def initramfs(kind):
    """The image as it comes."""
    key = place.digest(image.root().name, *KINDS[kind], *FILES.values(),
                       *DEP_FILES.values(),
                       *([image.tools().name, disks.detached().name]
                         if kind == STACKS else []))
    return place.artefact(f"initrd-{kind}", key,
                          lambda path: build(path, kind))


def reporter():
    """{path in the image: content}"""
    return {UNLOCKER: WRAPPER,
            "usr/libexec/cocosecret-tests/unlock": image.root() / UNLOCKER}
