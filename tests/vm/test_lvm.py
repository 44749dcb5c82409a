# SPDX-License-Identifier: GPL-2.0-or-later
"""The root on LVM on LUKS: booted, and only from the owner's disk; by
initramfs-tools, too, beside lvm2, mdadm and cryptsetup-initramfs."""


import pytest

from harness import disks, intruder, lvm, place, plain, rootvm, units

pytestmark = pytest.mark.slow
LIMIT = 240


def assert_chain(guest, serial="disk0"):
    """A logical volume on the mapping on the owner's disk."""
    chain = guest.check("lsblk -rnso TYPE,NAME $(findmnt -no SOURCE /)")
    print(" | ".join(chain.split("\n")))
    assert [line.split()[0] for line in chain.split("\n")] == [
        "lvm", "crypt", "disk"]
    name = chain.split()[-1]
    assert guest.check(f"cat /sys/block/{name}/serial") == serial


def test_root_on_lvm():
    """dracut's own module finds the volume once its disk is unlocked."""
    with rootvm.guest("amdsev", "stacks", disk=lvm.disk(),
                      root=lvm.ROOT) as guest:
        guest.wait_ready(LIMIT)
        assert_chain(guest)
        guest.check("cocosecret-unlock verify-root /")


def test_double(folder):
    """A plain disk with the same group, of the same UUIDs, and found first:
    never booted. LVM takes neither of the two, so no root appears."""
    double = lvm.double(folder / "double", intruder.disk(folder))
    with rootvm.guest("amdsev", "stacks", disk=lvm.disk(), root=lvm.ROOT,
                      cmdline="rd.cocosecret.timeout=10", before=[double],
                      files=units.reporting(units.VERIFY_ROOT,
                                            *units.SHELLS)) as guest:
        report = guest.wait_outcome(LIMIT)
        if not report:
            assert_chain(guest, "disk1")
            return
        print("off: " + "; ".join(line.split("] ")[-1]
                                  for line in report.lines[-2:]))
        assert guest.wait_off(60) == "guest-shutdown"


def listed(initramfs, *words):
    """What cpio says of an image."""
    return place.run("sh", "-c", 'zstd -qdc "$1" | cpio --quiet -i ' +
                     " ".join(words), "sh", initramfs).split("\n")


def assert_unasked(guest):
    """The root is on the volume, and cryptroot found it open."""
    guest.wait_ready(LIMIT)
    assert_chain(guest)
    guest.check("cocosecret-unlock verify-root /")
    assert b"nlock disk" not in guest.log_path("console").read_bytes()


def assert_order(initramfs):
    """cryptroot would ask."""
    order = listed(initramfs, "--to-stdout", "scripts/local-top/ORDER")
    scripts = [line.split()[0] for line in order if line.startswith("/")]
    print(" ".join(scripts))
    scripts = [script.rsplit("/", 1)[1] for script in scripts]
    assert scripts.index("cocosecret") < scripts.index("cryptroot")


def test_initramfs_tools():
    """Beside lvm2, mdadm and cryptsetup-initramfs."""
    assert_order(plain.initramfs(plain.STACKS))
    with rootvm.guest("amdsev", plain.STACKS, disk=lvm.disk(),
                      root=lvm.ROOT) as guest:
        assert_unasked(guest)


def test_header_is_copied():
    """The hook takes what cocotab names."""
    files = listed(plain.initramfs(plain.STACKS), "-t")
    assert disks.HEADER in files
