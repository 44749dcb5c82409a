# SPDX-License-Identifier: GPL-2.0-or-later
"""The root on LVM on LUKS: booted, and only from the owner's disk."""

import pathlib

import pytest

from . import lvm, place, rootvm
from .test_root import SHELLS, VERIFY_ROOT, plain, reporting

pytestmark = pytest.mark.slow
LIMIT = 200


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
    with rootvm.guest("amdsev", "lvm", disk=lvm.disk(),
                      root=lvm.ROOT) as guest:
        guest.wait_ready(LIMIT)
        assert_chain(guest)
        guest.check("cocosecret-unlock verify-root /")


def test_double():
    """A plain disk with the same group, of the same UUIDs, and found first:
    never booted. LVM takes neither of the two, so no root appears."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        double = lvm.double(folder / "double", plain(folder))
        with rootvm.guest("amdsev", "lvm", disk=lvm.disk(), root=lvm.ROOT,
                          cmdline="rd.cocosecret.timeout=10", before=[double],
                          files=reporting(VERIFY_ROOT, *SHELLS)) as guest:
            report = guest.wait_outcome(LIMIT)
            if not report:
                assert_chain(guest, "disk1")
                return
            print("off: " + "; ".join(line.split("] ")[-1]
                                      for line in report.lines[-2:]))
            assert guest.wait_off(60) == "guest-shutdown"
