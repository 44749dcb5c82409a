# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that is locked down by Secure Boot: our module must be signed with a
key that the firmware trusts."""

import pathlib

import pytest

from harness import expect, firmware, image, known, packages, place, rootvm

pytestmark = pytest.mark.slow
LIMIT = 200


def module():
    """Its path in the root."""
    (path,) = image.root().rglob("updates/efi_secret.ko")
    return path.relative_to(image.root())


def guest_of(files=(), kind="secureboot"):
    """The sealed disk."""
    return rootvm.guest(kind, disk=image.sealed(), files=files,
                        volumes=rootvm.volume(options=""))


def assert_locked_down(guest):
    """Nobody asked for it on the command line."""
    found = guest.check("cat /sys/kernel/security/lockdown")
    assert "[integrity]" in found
    said = guest.check("dmesg | grep -i 'secure boot'")
    print(said.split("] ")[-1])


@pytest.mark.parametrize("kind", ("secureboot", "walled-secureboot"))
def test_signed(kind):
    """It is loaded, and the root is up; behind the wall, too, where nobody sees
    the variables in which the keys are."""
    with place.scratch() as folder:
        signed = pathlib.Path(folder) / "efi_secret.ko"
        place.run("cp", image.root() / module(), signed)
        firmware.SecureBoot.sign_module(signed, packages.Kernel().version)
        with guest_of({str(module()): signed}, kind) as guest:
            guest.wait_ready(LIMIT)
            assert_locked_down(guest)
            assert guest.check("findmnt -no SOURCE /") == known.MAPPED
            assert guest.check(f"ls {rootvm.SECRETS}") == ""
            shows_variables = guest.run(
                "ls -d /sys/devices/platform/efivars.0")[0] == 0
            assert shows_variables == (kind == "secureboot")
            print(f"signed: root's agent after {guest.age():.1f} s")


def test_unsigned():
    """It is refused, and the line says why."""
    with guest_of() as guest:
        report = expect.refused(guest, 3, "must be signed", LIMIT, 60)
        assert len(report.faults()) == 1
