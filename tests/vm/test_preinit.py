# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs with systemd that does not begin with our /init, and what an
owner lets in. What a host says otherwise is in tests/host."""

import base64

import pytest

from harness import expect, image, rootvm

NOT_OURS = "rdinit=/usr/lib/systemd/systemd"
LIMIT = 150
# What systemd does with it shows that it was heard.
CREDENTIAL = "f /run/heard 0644 - - - credential\n"


def smbios(name, text):
    """QEMU's arguments for a credential."""
    value = base64.b64encode(text.encode()).decode()
    return ["-smbios", "type=11,value=io.systemd.credential.binary:"
                       f"{name}={value}"]


def guest_of(cmdline):
    """Of the sealed disk, whose host passes a credential."""
    return rootvm.guest("amdsev", disk=image.sealed(), volumes="",
                        cmdline=cmdline,
                        more=smbios("tmpfiles.extra", CREDENTIAL))


@pytest.mark.spare
def test_not_our_init():
    """No secret is looked for; the line says what to do."""
    with guest_of(NOT_OURS) as guest:
        report = expect.refused(guest, 2, "make it again", LIMIT)
        assert len(report.faults()) == 1


@pytest.mark.slow
def test_allowed():
    """Where the owner says so, it is heard: so the others can fail."""
    with guest_of("rd.cocosecret.allow=credentials") as guest:
        guest.wait_ready()
        assert guest.check("cat /run/heard") == "credential"
