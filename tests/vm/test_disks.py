# SPDX-License-Identifier: GPL-2.0-or-later
"""Several volumes, on the buses and partitions that machines have, and what a
root may lie on; lvm.py has LVM."""

import os
import re

import pytest

from harness import (chroot, disks, expect, image, initrd, known, packages,
                     place, plain, rootvm, stacks, table)

SHARED, SWAP, GONE = known.OTHERS
LIMIT = 240
VOLUMES = {
    "root": f"{disks.ROOT_DEVICE}::discard,no-read-workqueue,"
            "no-write-workqueue",
    "home": f"PARTLABEL=home:{SHARED}:same-cpu-crypt,submit-from-crypt-cpus",
    "data": f"PARTUUID={disks.DATA_PART}:{SHARED}:read-only",
    "swap": f"UUID={disks.SWAP_UUID}:{SWAP}",
    "gone": f"{known.NOWHERE}:{GONE}:nofail",
}
CHAINS = {"root": "crypt part disk: root sda1 sda",
          "home": "crypt part disk: home nvme0n1p1 nvme0n1",
          "data": "crypt part disk: data nvme0n1p2 nvme0n1",
          "swap": "crypt disk: swap vda"}
FLAGS = {"root": {"allow_discards", "no_read_workqueue",
                  "no_write_workqueue"},
         "home": {"same_cpu_crypt", "submit_from_crypt_cpus"},
         "data": set(), "swap": set()}


def guest_of(secrets, after, **settings):
    """Its root on virtio-scsi."""
    lines = [f"rd.cocosecret={name}:{text}" for name, text in VOLUMES.items()]
    return rootvm.guest("amdsev", disk=disks.root(), after=after,
                        volumes=" ".join(lines),
                        launch_table=table.build(secrets), **settings)


def new_secrets():
    """{UUID: key} for all volumes."""
    return {known.DISK: disks.root().key,
            **{name: os.urandom(32) for name in (SHARED, SWAP, GONE)}}


def others(folder, secrets):
    """The other disks."""
    return disks.Others(folder, (SHARED, secrets[SHARED]),
                        (SWAP, secrets[SWAP]))


def chain(guest, device):
    """What a device lies on: types, then names."""
    lines = guest.check(f"lsblk -rnso TYPE,NAME {device}").split("\n")
    types, names = zip(*map(str.split, lines))
    return f"{' '.join(types)}: {' '.join(names)}"


def crypt_flags(guest, name):
    """The optional parameters in its dm-crypt table."""
    words = guest.check(f"dmsetup table {name}").split()
    return set(words[9:])


# The kernel's own log of flock(2), from the start.
TRACE_LOCKS = "trace_event=filelock:flock_lock_inode"


def locked_disks(guest):
    """Which of the guest's disks the unlocker has locked, as udev wants it."""
    guest.check("mountpoint -q /sys/kernel/tracing || "
                "mount -t tracefs tracefs /sys/kernel/tracing")
    trace = guest.check("grep cocosecret /sys/kernel/tracing/trace")
    inodes = {int(inode, 16) for inode in re.findall(
        r"ino=0x([0-9a-f]+) .*fl_flags=FL_FLOCK .*fl_type=F_WRLCK", trace)}
    nodes = guest.check("cd /dev; stat -c '%i %n' $(lsblk -nro KNAME)")
    return {name for inode, name in map(str.split, nodes.splitlines())
            if int(inode) in inodes}


def assert_no_secret(guest, secrets):
    """None of them is in memory."""
    expect.gone(guest, *secrets.values(), control=SHARED)


@pytest.mark.spare
def test_several_volumes():
    """Five volumes of four secrets: root on an MBR partition on virtio-scsi,
    /home and another on GPT partitions on NVMe, the swap space on a whole
    virtio disk that comes 10 seconds late, one that never comes."""
    secrets = new_secrets()
    with place.scratch() as folder:
        more = others(folder, secrets)
        with guest_of(secrets, [more.nvme],
                      cmdline=f"loglevel=7 {TRACE_LOCKS}") as guest:
            rootvm.plug_late(guest, more.swap)
            guest.wait_ready()
            assert guest.check(f"ls {rootvm.SECRETS}") == ""
            guest.check("cocosecret-unlock verify-root /")
            guest.check("systemctl start home.mount dev-mapper-swap.swap")
            guest.check("cocosecret-unlock verify-root /home")
            assert guest.check("swapon --noheadings --show=NAME") in \
                ("/dev/mapper/swap", "/dev/" + guest.check(
                    "basename $(readlink /dev/mapper/swap)"))
            for name, expected in CHAINS.items():
                assert chain(guest, f"/dev/mapper/{name}") == expected
                assert FLAGS[name] <= crypt_flags(guest, name)
                print(f"{expected}; {' '.join(crypt_flags(guest, name))}")
            assert guest.check("blockdev --getro /dev/mapper/data") == "1"
            log = guest.check("dmesg -t | grep 'cocosecret: gone'")
            assert "did not appear; it is nofail" in log
            run = guest.check(f"cat {rootvm.STATE}/run.json")
            assert int(run.split('"devices_us":')[1].split(",")[0]) > 8e6
            assert locked_disks(guest) == {"sda", "nvme0n1", "vda"}
            assert_no_secret(guest, secrets)
            print(f"{log}\nagent after {guest.age():.1f} s, no secret left")


@pytest.mark.slow
def test_missing_home():
    """Without nofail: the boot ends, what was opened is closed again, and
    nothing was written."""
    secrets = new_secrets()
    with place.scratch() as folder:
        swap = others(folder, secrets).swap
        with guest_of(secrets, [swap],
                      cmdline="rd.cocosecret.timeout=8") as guest:
            said = "\n".join(expect.refused(guest, 4).lines)
            for name in ("root", "swap"):
                assert f"{name}: closed again" in said
            assert set(guest.disk_writes().values()) == {0}
            assert_no_secret(guest, secrets)


def overlays(folder, *names):
    """Of the stacks' disks."""
    return [stacks.disk(name).overlay(folder) for name in names]


def stacked(folder, kind, names, root, volumes=(), after=(), **settings):
    """A guest whose root lies on two volumes, opened with one secret."""
    launch = table.build({known.DISK: stacks.disk(names[0]).key,
                          known.STACKED: stacks.data_key(),
                          disks.DETACHED: disks.detached_key()})
    entries = [stacks.volume(name) for name in names] + list(volumes)
    return rootvm.guest("amdsev", kind, disk=stacks.disk(names[0]), root=root,
                        volumes=" ".join(entries), launch_table=launch,
                        after=[*overlays(folder, *names[1:]), *after],
                        **settings)


@pytest.mark.slow
def test_root_on_btrfs():
    """On two volumes; a third has its header in the initramfs, two more have
    integrity, which finds what the host changes, and is insisted on."""
    with place.scratch() as folder:
        more = [*overlays(folder, *stacks.INTEGRITY, stacks.BARE),
                image.Disk(disks.detached()).overlay(folder)]
        with stacked(folder, "stacks", ("btrfs1", "btrfs2"),
                     f"root=UUID={stacks.BTRFS_UUID}",
                     [stacks.volume(name, "integrity,keep-secret")
                      for name in stacks.INTEGRITY], more) as guest:
            guest.wait_ready(LIMIT)
            guest.check("cocosecret-unlock verify-root /")
            below = guest.check(
                f"ls /sys/fs/btrfs/{stacks.BTRFS_UUID}/devices")
            assert {chain(guest, f"/dev/{name}") for name in below.split()} \
                == {"crypt disk: btrfs1 vda", "crypt disk: btrfs2 vdb"}
            assert guest.check(f"ls {rootvm.SECRETS}") == known.STACKED
            print(f"btrfs on {' and '.join(below.split())}")
            assert_detached(guest)
            for name in stacks.INTEGRITY:
                assert_integrity(guest, name)
            assert_insisted_on(guest)


def btrfs_double(folder):
    """A disk of the host's that says it belongs to the same file system."""
    path = place.pathlib.Path(folder) / "double.img"
    with chroot.above(image.base()) as system:
        system.apt("update")
        system.apt("install --no-install-recommends btrfs-progs")
        system.run(f"truncate -s 128M /double; mkfs.btrfs -q -U "
                   f"{stacks.BTRFS_UUID} /double")
        (system.changes / "double").rename(path)
    return path


@pytest.mark.slow
def test_double_of_btrfs():
    """It is there before the volumes are open: it is no part of the root, or
    the boot ends, and the keys are gone."""
    with place.scratch() as folder, stacked(
            folder, "stacks", ("btrfs1", "btrfs2"),
            f"root=UUID={stacks.BTRFS_UUID}",
            after=[btrfs_double(folder)]) as guest:
        outcome = guest.wait_outcome(LIMIT)
        if outcome:
            assert outcome.exit == "5"
            print("\n".join(outcome.faults()))
        else:
            guest.check("cocosecret-unlock verify-root /")
            below = guest.check(
                f"ls /sys/fs/btrfs/{stacks.BTRFS_UUID}/devices").split()
            assert len(below) == 2 and "vdc" not in below
            print(f"btrfs on {' and '.join(below)}")
        expect.gone(guest, stacks.disk("btrfs1").key, control="rd.cocosecret=")


def assert_detached(guest):
    """The data begins where a header would be, and there is none."""
    assert chain(guest, "/dev/mapper/data") == "crypt part disk: data vdf1 vdf"
    words = guest.check("dmsetup table data").split()
    assert words[2] == "crypt" and words[7] == "0"
    assert guest.check("head -c 4 /dev/vdf1") != "LUKS"
    guest.check("mke2fs -q -F /dev/mapper/data && mount /dev/mapper/data /mnt")
    guest.check("cocosecret-unlock verify-root /mnt; umount /mnt")
    print("detached: " + " ".join(words[2:4] + words[7:8]))


def assert_below(guest, name):
    """Nobody but us has a use for it, and udev knows that."""
    (below,) = guest.check(f"ls /sys/class/block/$(basename $(readlink "
                           f"/dev/mapper/{name}))/slaves").split()
    told = guest.check(f"udevadm info -q property /dev/{below}").splitlines()
    assert "DM_UDEV_DISABLE_OTHER_RULES_FLAG=1" in told
    assert "ID_FS_USAGE" not in "\n".join(told)


@pytest.mark.slow
def test_integrity_without_dmsetup():
    """A cocotab that asks for integrity brings dm_integrity into the image;
    udev has no dmsetup there, to which nobody says that it is done."""
    files = listed(initrd.dracut("integrity"))
    assert "dm-integrity.ko" in files and "dmsetup" not in files
    with place.scratch() as folder, rootvm.guest(
            "amdsev", "integrity", others={known.STACKED: stacks.data_key()},
            volumes=stacks.volume("hmac", "integrity"),
            after=overlays(folder, "hmac")) as guest:
        guest.wait_ready(LIMIT)
        expect.unlocked(guest)
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        assert_below(guest, "hmac")
        assert_integrity(guest, "hmac")
        assert rootvm.cookies(guest) == []


@pytest.mark.slow
def test_integrity_that_the_image_knows_nothing_of():
    """Exit 7, at once, with a word on what to do."""
    assert "dm-integrity.ko" not in listed(initrd.dracut("bare"))
    volumes = f"{rootvm.volume()} {stacks.volume('hmac', 'integrity')}"
    with place.scratch() as folder, rootvm.guest(
            "amdsev", "bare", others={known.STACKED: stacks.data_key()},
            volumes=volumes,
            after=overlays(folder, "hmac")) as guest:
        expect.refused(guest, 7, "option integrity in cocotab")


def listed(packed):
    """The names in a dracut image."""
    return place.run("sh", "-c", '(zstd -qdc "$1" || gzip -dc "$1") '
                     "2>/dev/null | cpio --quiet -it", "sh", packed)


def assert_integrity(guest, name):
    """What is written to the disk by another way cannot be read."""
    words = guest.check(f"dmsetup table {name}").split()
    lies_on = chain(guest, f"/dev/mapper/{name}")
    kinds, names = map(str.split, lies_on.split(":"))
    assert names[:2] == [name, f"{name}_dif"] and kinds[-1] == "disk"
    disk = names[-1]
    read = f"dd if=/dev/mapper/{name} of=/dev/null bs=1M iflag=direct"
    guest.check(read, 120)
    guest.check(f"dd if=/dev/urandom of=/dev/{disk} bs=4096 count=2 seek=9000 "
                "oflag=direct")
    status, output = guest.run(read, 120)
    assert status == 1 and b"rror" in output, output
    said = guest.check("dmesg -t | grep 'INTEGRITY AEAD ERROR' | tail -n 1")
    print(f"{name}: {words[3]}, {words[-1]}; {said}")


def assert_insisted_on(guest):
    """Exit 5 for a volume that has none, and then no secret is left."""
    guest.check(f"echo '{stacks.BARE} UUID={stacks.UUIDS[stacks.BARE]} "
                f"{known.STACKED} integrity' >/run/tab; echo >/run/none")
    status, _ = guest.run("cocosecret-unlock --cocotab /run/tab "
                          "--cmdline /run/none")
    assert status == 5
    said = guest.check("dmesg -t | grep 'cocosecret: ' | tail -n 1")
    assert "no data integrity" in said
    assert guest.check(f"ls {rootvm.SECRETS}") == ""
    print(said)


@pytest.mark.slow
def test_root_on_raid1():
    """Both halves are unlocked, and dracut's own module puts them together."""
    with place.scratch() as folder, \
            stacked(folder, "stacks", ("md1", "md2"),
                    f"root=UUID={known.FS_UUID}",
                    cmdline=f"rd.md.uuid={stacks.MD_UUID}") as guest:
        guest.wait_ready(LIMIT)
        guest.check("cocosecret-unlock verify-root /")
        source = guest.check("findmnt -no SOURCE /")
        kinds, names = chain(guest, source).split(": ")
        assert kinds == "raid1 crypt disk crypt disk"
        assert "[UU]" in guest.check("cat /proc/mdstat")
        print(f"{kinds}: {names}")


AF_ALG = [f"usr/lib/modules/{{}}/kernel/crypto/{name}.ko"
          for name in ("af_alg", "algif_hash", "algif_skcipher")]


@pytest.mark.slow
def test_read_only_root():
    """Nothing is written to it; and libcryptsetup without AF_ALG, which it
    had in all other tests."""
    kernel = packages.Kernel()
    files = {name.format(kernel.version): b"" for name in AF_ALG}
    for name in files:
        assert (kernel.root / name.removeprefix("usr/")).exists()
    with rootvm.guest("amdsev", cmdline="ro", files=files,
                      volumes=rootvm.volume(
                          options="unsealed,read-only")) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        guest.check("cocosecret-unlock verify-root /")
        assert guest.check("blockdev --getro /dev/mapper/root") == "1"
        assert guest.check("findmnt -no OPTIONS /").startswith("ro,")
        assert guest.run("touch /new")[0] == 1
        assert "algif" not in guest.check("cat /proc/modules")
        assert guest.disk_writes() == {"disk0": 0}
        print(guest.check("dmsetup info root | grep State; "
                          "findmnt -no OPTIONS /"))


@pytest.mark.slow
def test_modules_dep():
    """initramfs-tools leaves out what this machine does not use, and none of
    what the unlocker needs."""
    device = place.run("findmnt", "-no", "SOURCE", "-T", place.BUILD).strip()
    if not device.startswith("/dev/"):
        pytest.skip(f"{place.BUILD} is on {device}, which is no disk")
    sizes = [plain.initramfs(kind).stat().st_size
             for kind in (plain.DEP, "initramfs-tools")]
    assert sizes[0] < sizes[1]
    with rootvm.guest("amdsev", plain.DEP, disk=image.sealed(),
                      volumes="", root="") as guest:
        guest.wait_ready(LIMIT)
        expect.unlocked(guest)
        print(f"MODULES=dep: {sizes[0]} bytes, most: {sizes[1]}")
