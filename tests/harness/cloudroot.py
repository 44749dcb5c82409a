# SPDX-License-Identifier: GPL-2.0-or-later
"""The root of a cloud image, as Debian's genericcloud has it: its packages, and
what its installer writes beside them."""

import functools

from . import chroot, place

PACKAGES = (
    "systemd-sysv", "udev", "dbus", "libpam-systemd", "systemd-resolved",
    "systemd-timesyncd", "netplan.io", "cloud-init", "cloud-guest-utils",
    "cloud-initramfs-growroot", "initramfs-tools", "openssh-server",
    "unattended-upgrades", "grub-cloud-amd64", f"linux-image-{chroot.FLAVOUR}",
    "apparmor", "ca-certificates", "curl", "dosfstools", "e2fsprogs",
    "ethtool", "gdisk", "iproute2", "kmod", "less", "locales", "man-db",
    "pciutils", "polkitd", "procps", "screen", "socat", "sudo", "tcpdump",
    "uuid-runtime", "vim-tiny", "wget")
# What the installer writes; the names are those of one disk.
FILES = {
    "etc/fstab": """\
PARTUUID=b3c52a0e-3a3c-4f0c-a9ac-0d1b7c2f5e11 / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1
PARTUUID=0f7d3c58-1c5b-4f2d-8f2c-6f2f0b7a9d22 /boot/efi vfat defaults 0 0
""",
    "etc/default/grub": """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX=""
""",
    "etc/default/grub.d/10_cloud.cfg": """\
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200 consoleblank=0"
GRUB_TERMINAL="console serial"
""",
    "etc/machine-id": "uninitialized\n",
}


def install(path, suite):
    """All of it, in a folder."""
    with chroot.above(chroot.base(suite)) as system:
        system.apt("update")
        system.apt("install", *PACKAGES)
        system.apt("clean")
        for name, text in FILES.items():
            system.put(name, text)
        system.copy(path)


@functools.cache
def root(suite):
    """The folder, made once."""
    key = place.digest(chroot.base(suite).name, *PACKAGES, *FILES.values())
    return place.artefact(f"cloud-root-{suite}", key,
                          lambda path: install(path, suite))
