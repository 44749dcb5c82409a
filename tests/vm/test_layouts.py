# SPDX-License-Identifier: GPL-2.0-or-later
"""verify-root on what a root may lie on: real LVM, md, btrfs and so on over
volumes that the unlocker opened, and over disks that it did not."""

import contextlib
import pathlib
import secrets
import typing

import pytest

from harness import image, known, place, rootvm

VOLUMES = dict(zip(("one", "two"), known.OTHERS))  # name: secret
SIZE = 400  # MiB of each disk, with holes: XFS wants 300
MODULES = "raid1 linear btrfs xfs loop dm-snapshot"

# disk1 and disk2 are the volumes, disk3 is the host's, disk4 has the tools.
SETUP = """
mkdir /run/tools /mnt/x /mnt/y
mount -o ro /dev/disk/by-id/virtio-disk4 /run/tools
ln -s $(readlink -f /dev/disk/by-id/virtio-disk3) /run/plain
cat >/run/env <<'END'
one=/dev/mapper/one two=/dev/mapper/two plain=$(readlink -f /run/plain)
PATH=$PATH:/run/tools/sbin:/run/tools/bin:/run/tools/usr/sbin
LD_LIBRARY_PATH=/run/tools/usr/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/run/tools/lib/x86_64-linux-gnu
LVM_SYSTEM_DIR=/run/lvm
export PATH LD_LIBRARY_PATH LVM_SYSTEM_DIR
END
mkdir /run/lvm
printf 'activation { udev_sync=0 udev_rules=0 }\\n' >/run/lvm/lvm.conf
"""


class Case(typing.NamedTuple):
    """What to put below /mnt/x, and how to take it away again."""

    expected: int
    make: str
    undo: str = "umount /mnt/x"


def lvm(expected, *disks):
    """A logical volume that fills these."""
    return Case(expected, f"""
        lvm vgcreate -qq -y vg {' '.join(disks)} 2>&1
        lvm lvcreate -qq -y -n lv -l 100%FREE vg 2>&1
        mke2fs -q -F /dev/vg/lv && mount /dev/vg/lv /mnt/x""", f"""
        umount /mnt/x && lvm vgremove -qq -y vg
        lvm pvremove -qq -y {' '.join(disks)}""")


def array(expected, level, *disks):
    """An md array of these."""
    return Case(expected, f"""
        mdadm --create /dev/md0 --run --level={level} --raid-devices=2 \\
            --metadata=1.2 --assume-clean {' '.join(disks)} </dev/null
        mke2fs -q -F /dev/md0 && mount /dev/md0 /mnt/x""", f"""
        umount /mnt/x && mdadm --stop /dev/md0
        mdadm --zero-superblock {' '.join(disks)}""")


def btrfs(expected, *disks):
    """One btrfs on these."""
    return Case(expected, f"""
        mkfs.btrfs -q -f -d single -m raid1 {' '.join(disks)}
        btrfs device scan && mount -t btrfs $one /mnt/x""",
        f"umount /mnt/x && wipefs -qa {' '.join(disks)}")


def mapping(expected, *lines, more=""):
    """A mapping by hand."""
    text = "\\n".join(lines)
    return Case(expected, f"""
        printf '{text}\\n' | sed "s,@plain,$plain,;s,@one,$one," |
        dmsetup create hand {more} && mke2fs -q -F /dev/mapper/hand &&
        mount /dev/mapper/hand /mnt/x""",
        "umount /mnt/x && dmsetup remove hand")


FORGED = "--uuid CRYPT-LUKS2-5d41402abc4b4a76b9719d911017c592-hand"
SEED = """mkfs.btrfs -q -f {0} && btrfstune -S 1 {0} && mount {0} /mnt/x &&
btrfs device add -f {1} /mnt/x && mount -o remount,rw /mnt/x"""
JOURNAL = """mke2fs -q -F -O journal_dev {0} &&
mke2fs -q -F -t ext4 -J device={0} $one && mount $one /mnt/x"""

CASES = {
    "ext4 on a volume": Case(0, "mke2fs -q -F -t ext4 $one && "
                                "mount $one /mnt/x"),
    "LVM on two volumes": lvm(0, "$one", "$two"),
    "LVM on a volume and a plain disk": lvm(5, "$one", "$plain"),
    "raid1 of two volumes": array(0, 1, "$one", "$two"),
    "linear md of two volumes": array(0, "linear", "$one", "$two"),
    "raid1 of a volume and a plain disk": array(5, 1, "$one", "$plain"),
    "linear md of a volume and a plain disk":
        array(5, "linear", "$one", "$plain"),
    "btrfs on two volumes": btrfs(0, "$one", "$two"),
    "btrfs on a volume and a plain disk": btrfs(5, "$one", "$plain"),
    "btrfs grown from a seed, both volumes":
        Case(0, SEED.format("$two", "$one"),
             "umount /mnt/x; wipefs -qa $one $two"),
    "btrfs grown from a plain seed":
        Case(5, SEED.format("$plain", "$one"),
             "umount /mnt/x; wipefs -qa $one $plain"),
    "btrfs on a volume": Case(0, "mkfs.btrfs -q -f $one && "
                                 "mount $one /mnt/x", ""),
    "it, with a plain disk added":
        Case(5, "btrfs device add -f $plain /mnt/x",
             "btrfs device remove $plain /mnt/x"),
    "it, with that removed": Case(0, "", "umount /mnt/x; wipefs -qa $one"),
    "a mapping of a volume's part": mapping(0, "0 65536 linear @one 0"),
    "a mapping of a plain disk": mapping(5, "0 65536 linear @plain 0"),
    "a mapping of both": mapping(5, "0 32768 linear @one 0",
                                 "32768 32768 linear @plain 0"),
    "a mapping with a LUKS volume's UUID":
        mapping(5, "0 65536 linear @plain 0", more=FORGED),
    "a snapshot of a volume, on a plain disk":
        mapping(5, "0 65536 snapshot @one @plain P 8"),
    "ext4 with its journal on another volume": Case(0, JOURNAL.format("$two")),
    "ext4 with its journal on a plain disk": Case(5, JOURNAL.format("$plain")),
    "XFS on a volume": Case(0, "mkfs.xfs -q -f $one && mount $one /mnt/x"),
    "XFS with its log on a plain disk":
        Case(5, "mkfs.xfs -q -f -l logdev=$plain,size=64m $one && "
                "mount -o logdev=$plain $one /mnt/x"),
    "a loop device of the root's file":
        Case(5, "truncate -s 16M /file && mke2fs -q -F /file && "
                "mount -o loop /file /mnt/x"),
    "a volume under another name":
        Case(5, "dmsetup rename two new && mke2fs -q -F /dev/mapper/new && "
                "mount /dev/mapper/new /mnt/x",
             "umount /mnt/x && dmsetup rename new two"),
    "a plain disk of a closed volume's name":
        Case(5, "uuid=$(dmsetup info -c --noheadings -o uuid two) && "
                "dmsetup remove two && dmsetup create two --uuid $uuid "
                "--table \"0 65536 linear $plain 0\" && "
                "mke2fs -q -F $two && mount $two /mnt/x"),
}


@contextlib.contextmanager
def booted():
    """A guest with the volumes open, the tools and a plain disk."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        keys = {name: secrets.token_bytes(32) for name in VOLUMES}
        lines, disks = [], []
        for number, (name, key) in enumerate(keys.items()):
            (folder / "key").write_bytes(key)
            uuid = f"00000000-1111-4222-8333-00000000000{number}"
            disks.append(image.volume(folder / name, uuid, folder / "key",
                                      SIZE))
            lines.append(f"{name} UUID={uuid} {VOLUMES[name]} unsealed")
        disks.append(folder / "plain")
        with open(disks[-1], "wb") as file:
            file.truncate(SIZE * image.MIB)
        disks.append(image.tools_disk(folder))
        others = {VOLUMES[name]: keys[name] for name in keys}
        drivers = " ".join(f"rd.driver.pre={name}" for name in MODULES.split())
        with rootvm.guest("amdsev", after=disks, others=others,
                          cmdline=drivers) as guest:
            guest.wait_ready()
            guest.check(SETUP)
            tab = "\\n".join(lines)
            guest.check(f"printf '{tab}\\n' >/run/tab; echo >/run/none; "
                        "cocosecret-unlock --cocotab /run/tab "
                        "--cmdline /run/none")
            yield guest


@pytest.mark.slow
def test_layouts():
    """Exit 0 only where no byte comes from elsewhere."""
    wrong = []
    with booted() as guest:
        for name, case in CASES.items():
            guest.check(f"exec 2>&1; . /run/env; {case.make}")
            status, _ = guest.run("cocosecret-unlock verify-root /mnt/x")
            said = guest.check("dmesg | grep cocosecret: | tail -n 1")
            reason = said.split("cocosecret: ")[-1].split(";")[0]
            print(f"{status} {name}: {reason}")
            if status != case.expected:
                wrong.append(name)
            guest.check(f"exec 2>&1; . /run/env; {case.undo}")
    assert not wrong
