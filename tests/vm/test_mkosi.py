# SPDX-License-Identifier: GPL-2.0-or-later
"""mkosi's initrd with nothing but the package cocosecret put into it: static
links start the units, and the package's /init closes the image."""

import os

import pytest

from harness import expect, image, intruder, known, rootvm, units

# To make its initrd takes as long as several boots; check-matrix has it, too.
pytestmark = pytest.mark.spare(minutes=5)

LIMIT = 100
# It is the control in memory, too.
TIMEOUT = "rd.cocosecret.timeout=8"


def guest_of(**settings):
    """The sealed disk, and a secret that is not its own."""
    other = os.urandom(32)
    guest = rootvm.guest("amdsev", "mkosi", disk=image.sealed(), volumes="",
                         others={known.OTHER: other}, **settings)
    return guest, (image.sealed().key, other)


def test_boot():
    """Nothing names the volume, nor the root; the key is nowhere."""
    started, (key, _) = guest_of(root="", cmdline=TIMEOUT)
    with started as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert guest.check(f"ls {rootvm.SECRETS}") == known.OTHER
        expect.gone(guest, key, control=TIMEOUT)
        print(f"agent after {guest.age():.1f} s, key nowhere")


DOORS = {
    "emergency": "rd.systemd.unit=emergency.target rd.systemd.debug_shell",
    "no root": f"root={known.NOWHERE} rd.systemd.debug_shell",
}


@pytest.mark.parametrize("door", DOORS)
def test_no_shell(door):
    """What would give one ends the machine, with the secrets wiped."""
    started, secrets = guest_of(
        cmdline=f"{DOORS[door]} {TIMEOUT}",
        files=units.reporting(*units.SHELLS))
    with started as guest:
        report = guest.wait_report(LIMIT)
        assert guest.wait_off(60) == "guest-shutdown"
        expect.gone(guest, *secrets, control=TIMEOUT)
        print(f"off after {guest.age():.1f} s; " + "; ".join(
            line.split("] ")[-1] for line in report.lines[-2:]))


def test_plain_root(folder):
    """A disk that was not unlocked is not booted, whatever names it."""
    started, secrets = guest_of(cmdline=f"{intruder.PLAIN_ROOT} {TIMEOUT}",
                                after=[intruder.disk(folder)],
                                files=units.reporting(units.VERIFY_ROOT))
    with started as guest:
        expect.refused(guest, 5, limit=LIMIT)
        expect.gone(guest, *secrets, control=TIMEOUT)
