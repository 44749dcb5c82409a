# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs images without systemd, and how they report."""

import functools

from . import disks, image, packages, place

# How each is made. A cocotab without a line leaves it to the command line.
IMAGES = {
    "initramfs-tools": ("mkinitramfs", "-o", "/boot/initrd.img"),
    "dracut-plain": ("dracut", "--force", "--no-hostonly", "--omit", "systemd",
                     "--no-hostonly-cmdline", "--add", "cocosecret",
                     "/boot/initrd.img"),
}
# Beside lvm2, mdadm, and a volume whose header is in the image.
STACKS = "initramfs-tools-stacks"
KINDS = IMAGES | {STACKS: IMAGES["initramfs-tools"]}
FILES = {
    "etc/cocotab": b"# the kernel command line names the volumes\n",
    # cryptroot would ask for a passphrase, if the unlocker were not first.
    "etc/crypttab": f"{image.MAPPING} UUID={image.LUKS_UUID} none "
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


def build(path, kind):
    """In a chroot with nothing mounted."""
    with place.scratch() as folder:
        root = place.pathlib.Path(folder) / "root"
        place.run("cp", "-a", image.root(), root)
        for name, content in FILES.items():
            (root / name).write_bytes(content)
        if kind == STACKS:
            image.merge(image.tools(), root)
            disks.put_header(root)
        kernel = packages.Kernel()
        # mkinitramfs asks it which compression the kernel knows.
        place.run("cp", kernel.root / f"boot/config-{kernel.version}",
                  root / "boot")
        command = [*KINDS[kind], kernel.version]
        log = place.run("chroot", root, "/usr/bin/env", "-i",
                        "PATH=/usr/sbin:/usr/bin", *command)
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"{kind}.log").write_text(log)
        (root / "boot/initrd.img").rename(path)


@functools.cache
def initramfs(kind):
    """The image as it comes."""
    key = place.digest(image.root().name, *KINDS[kind], *FILES.values(),
                       *([image.tools().name, disks.detached().name]
                         if kind == STACKS else []))
    return place.artefact(f"initrd-{kind}", key,
                          lambda path: build(path, kind))


def reporter():
    """{path in the image: content}"""
    return {UNLOCKER: WRAPPER,
            "usr/libexec/cocosecret-tests/unlock": image.root() / UNLOCKER}
