# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole path, seen from inside the guest and in a dump of its memory."""

import hashlib
import os

import pytest

from harness import expect, image, known, memory, rootvm, table

KEPT, REMOVED, EMPTY = known.OTHERS  # the first is the control

BOOTS = [("stock", "generic"),
         pytest.param("amdsev", "hostonly", marks=pytest.mark.spare),
         pytest.param("stock", "bare", marks=pytest.mark.spare),
         pytest.param("stock", "hostonly", marks=pytest.mark.slow),
         pytest.param("amdsev", "generic", marks=pytest.mark.slow)]


def four_secrets():
    """The disk's key and three for services: binary ones, and an empty one."""
    return {KEPT: b"\0" + os.urandom(90) + b"\0\n\0",
            known.DISK: image.disk().key,
            EMPTY: b"",
            REMOVED: os.urandom(33) + bytes(3) + os.urandom(64)}


def assert_files(guest, secrets):
    """Exactly these, mode 0440, byte for byte."""
    assert set(guest.check(f"ls {rootvm.SECRETS}").split()) == set(secrets)
    for name, data in secrets.items():
        expected = f"{hashlib.sha256(data).hexdigest()} 440 {len(data)}"
        found = guest.check(f"{rootvm.PROBE} read {rootvm.SECRETS}/{name} 20")
        assert found == expected, name


def assert_only_at(start, dump, secret):
    """Whole and in pieces, in the launch page and nowhere else."""
    found = memory.find(dump, secret)
    assert found[0] == (start, "fragment")
    assert found[-1][0] == start + len(secret) - memory.FRAGMENT


@pytest.mark.parametrize("kind, variant", BOOTS)
def test_boot(kind, variant, folder):
    """Root unlocked; its key nowhere; the other secrets there, until rm."""
    secrets = four_secrets()
    whole = table.build(secrets)
    with rootvm.guest(kind, variant, launch_table=whole) as guest:
        guest.wait_ready()
        print(f"{guest.firmware.name}, {variant} initramfs: "
              f"root's agent after {guest.age():.1f} s")
        expect.unlocked(guest)
        left = {name: data for name, data in secrets.items()
                if name != known.DISK}
        assert_files(guest, left)

        dump = guest.dump(folder / "dump")
        place_of = {name: guest.area() + whole.index(data)
                    for name, data in secrets.items() if data}
        for name in (KEPT, REMOVED):
            assert_only_at(place_of[name], dump, secrets[name])
        assert memory.find(dump, secrets[known.DISK]) == []

        guest.check(f"rm {rootvm.SECRETS}/{REMOVED}")
        dump = guest.dump(folder / "dump")
        assert_only_at(place_of[KEPT], dump, secrets[KEPT])
        assert memory.find(dump, secrets[REMOVED]) == []
        assert memory.find(dump, secrets[known.DISK]) == []
        del left[REMOVED]
        assert_files(guest, left)
        print(f"{dump.stat().st_size >> 20} MiB hold the control at "
              f"{place_of[KEPT]:#x} only, the disk's key and the removed "
              "secret nowhere")
