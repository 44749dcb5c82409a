# SPDX-License-Identifier: GPL-2.0-or-later
"""Roots that lie on two volumes each, and volumes with integrity.

One guest makes them all: only a kernel with device-mapper can.
"""

import base64
import functools
import pathlib
import secrets

from . import disks, image, known, place, rootvm, table

BTRFS_UUID = "1c9bd3f5-3f8f-4b6b-9e6f-7f1c2d8f5b32"
MD_UUID = "2dace406:4a9a4c7c:af7f8a2d:3e9a6c43"
ROOTS = {"btrfs1": 400, "btrfs2": 400, "md1": 320, "md2": 320}  # MiB
INTEGRITY = {
    "hmac": "--integrity hmac-sha256 --cipher aes-xts-plain64",
    "aead": "--integrity aead --cipher aes-gcm-random --key-size 256",
}
BARE = "bare"  # has none
UUIDS = {name: f"00000000-2222-4333-8444-{number:012}" for number, name in
         enumerate([*ROOTS, *INTEGRITY, BARE])}
DRIVERS = "btrfs raid1 dm-integrity authenc gcm ctr hmac algif_aead"

# The tools are on disk 1; what gets integrity comes after it.
LAY_OUT = """
exec 2>&1
set -ex
{tools}
echo {key} | base64 -d >/run/key
number=2
format()
{{
    cryptsetup luksFormat --batch-mode --type luks2 --key-file /run/key "$@" \\
        /dev/disk/by-id/virtio-disk$number
    number=$((number + 1))
}}
{integrity}
mkdir /run/new
fill()
{{
    mount "$1" /run/new
    cp -ax /. /run/new
    : >/run/new/etc/fstab
    umount /run/new
}}
cd /dev/mapper
mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --uuid={md} \\
    --metadata=1.2 --bitmap=none --assume-clean md1 md2 </dev/null
mke2fs -q -t ext4 -U {fs} /dev/md0
fill /dev/md0
mdadm --stop /dev/md0
mkfs.btrfs -q -f -U {btrfs} -d single -m raid1 btrfs1 btrfs2
btrfs device scan
fill btrfs1
sync
"""


def script(key):
    """It, for the key of what has integrity."""
    formats = [" ".join(("format --uuid", UUIDS[name], words, *image.KDF))
               for name, words in INTEGRITY.items()]
    return LAY_OUT.format(
        tools=image.use_tools("/dev/disk/by-id/virtio-disk1"),
        key=base64.b64encode(key).decode(), integrity="\n".join(formats),
        md=MD_UUID, fs=known.FS_UUID, btrfs=BTRFS_UUID)


def lay_out(path, key, data_key):
    """In a guest that has the volumes of the roots open."""
    volumes = [rootvm.volume()] + [
        f"rd.cocosecret={name}:UUID={UUIDS[name]}:{known.STACKED}:unsealed"
        for name in ROOTS]
    drivers = [f"rd.driver.pre={name}" for name in DRIVERS.split()]
    with place.scratch() as folder, rootvm.guest(
            "amdsev", volumes=" ".join(volumes), cmdline=" ".join(drivers),
            launch_table=table.build({known.DISK: image.disk().key,
                                      known.STACKED: key}),
            after=[image.tools_disk(pathlib.Path(folder)),
                   *(path / f"{name}.img" for name in (*INTEGRITY, *ROOTS))]
            ) as guest:
        guest.wait_ready()
        guest.check(script(data_key), 500)


def build(path):
    """All of them, sealed. The keys are for the roots, and for the others."""
    image.empty(path)
    keys = secrets.token_bytes(32), secrets.token_bytes(32)
    for name, key in zip(("key", "data"), keys):
        (path / name).write_bytes(key)
    for name, size in ROOTS.items():
        image.volume(path / f"{name}.img", UUIDS[name], path / "key", size)
    for name in INTEGRITY:
        place.run("truncate", "-s", "48M", path / f"{name}.img")
    image.volume(path / f"{BARE}.img", UUIDS[BARE], path / "data", 20)
    lay_out(path, *keys)
    for name in UUIDS:
        at_root = name in ROOTS
        disks.enroll(path / f"{name}.img", name,
                     known.DISK if at_root else known.STACKED,
                     keys[0 if at_root else 1])


@functools.cache
def folder():
    """With NAME.img of each."""
    key = place.digest(image.root().name, image.tools().name,
                       place.pathlib.Path(__file__), place.TOP / "unlock")
    return place.artefact("stacks", key, build)


def disk(name):
    """One of them."""
    return image.Disk(folder(), f"{name}.img")


def volume(name, options=""):
    """Its entry on the kernel command line."""
    secret = "" if name in ROOTS else known.STACKED
    return f"rd.cocosecret={name}:UUID={UUIDS[name]}:{secret}:{options}"


def data_key():
    """What opens those that are no root."""
    return (folder() / "data").read_bytes()
