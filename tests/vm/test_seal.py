# SPDX-License-Identifier: GPL-2.0-or-later
"""A sealed root, and one that a host changed, booted for real."""

import json

from attacks import catalogue

from . import image, memory, place, rootvm, table
from .test_boot import assert_root_is_unlocked
from .test_failure import sha256

VOLUME = rootvm.volume(options="")


def assert_status(guest):
    """What the owner's command tells of this boot, in the guest."""
    status = json.loads(guest.check("cocosecret status --json"))
    (volume,) = status["volumes"]
    assert volume["name"] == image.MAPPING and volume["sealed"]
    assert volume["active"] and volume["secret"] == table.DISK
    print(guest.check("cocosecret status; cocosecret list"))


def test_sealed_boot():
    """No word of `unsealed` anywhere; the key is gone afterwards."""
    disk = image.sealed()
    with rootvm.guest("amdsev", disk=disk, volumes=VOLUME) as guest, \
            place.scratch() as folder:
        guest.wait_ready()
        assert_root_is_unlocked(guest)
        assert_status(guest)
        dump = guest.dump(folder + "/dump")
        assert memory.whole(dump, b"rd.cocosecret=root")
        assert memory.find(dump, disk.key) == []
        print(f"sealed root's agent after {guest.age():.1f} s, key nowhere")


def test_refused():
    """Exit 5, nothing mapped, nothing written, secrets gone, power off. Other
    attacks: test_attacks.py."""
    disk = image.sealed()
    written = []

    def spoil(path):
        catalogue.REFUSED["data cipher null"](catalogue.Volume(path))
        written.append(sha256(path))

    with rootvm.guest("amdsev", disk=disk, volumes=VOLUME,
                      spoil=spoil) as guest, place.scratch() as folder:
        report = guest.wait_report()
        assert guest.wait_off(30) == "guest-shutdown"
        (line,) = report.faults()
        assert report.exit == "5" and line.endswith("(exit 5)")
        assert "opened" not in "\n".join(report.lines)
        assert guest.disk_writes() == {"disk0": 0}
        assert sha256(guest.disk) == written[0]
        dump = guest.dump(folder + "/dump")
        assert memory.whole(dump, b"rd.cocosecret=root")
        assert memory.find(dump, disk.key) == []
        print(line)
