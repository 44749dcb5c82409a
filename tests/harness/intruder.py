# SPDX-License-Identifier: GPL-2.0-or-later
"""A root that the host brought along, on a disk that is not encrypted."""

import pathlib

from . import initrd, known, place

# Where it is the second disk.
PLAIN_ROOT = "root=/dev/disk/by-id/virtio-disk1 rootfstype=ext4"

# Its first program.
INTRUSION = b"echo '@report exit=intruder result=intruder' >/dev/ttyS1\n"
INTRUDER = b"""#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
%s/bin/busybox sleep 60
""" % INTRUSION


def disk(folder, files=(), uuid=known.FS_UUID):
    """A disk with the root's file-system UUID and label, and its own init; and
    files besides, {path: bytes, or str (a link's target)}."""
    tree = pathlib.Path(folder) / "tree"
    initrd.put(tree, {"sbin/init": INTRUDER,
                      "etc/os-release": b"ID=intruder\n", "etc/fstab": b"",
                      "bin/busybox": initrd.BUSYBOX, **dict(files)})
    for name in ("dev", "proc", "sys", "run", "mnt"):
        (tree / name).mkdir()
    path = pathlib.Path(folder) / "plain.img"
    place.run("mke2fs", "-q", "-t", "ext4", "-U", uuid,
              "-L", known.FS_LABEL, "-d", tree, path, "16M")
    return path
