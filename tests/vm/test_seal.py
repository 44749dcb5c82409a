# SPDX-License-Identifier: GPL-2.0-or-later
"""A sealed root, and one that a host changed, booted for real."""

import base64
import hashlib
import hmac
import json

import pytest

from attacks import catalogue, luks2
from harness import expect, image, known, place, rootvm

VOLUME = rootvm.volume(options="")


def derived(secret, uuid, info):
    """A key of 32 bytes by HKDF-SHA256, as cocosecret-seal(5) tells it."""
    first = hmac.digest(uuid.lower().encode(), secret, "sha256")
    return hmac.digest(first, info.encode() + b"\1", "sha256")


def wrapping_key(path, secret):
    """What the volume key in the token is wrapped with."""
    metadata = luks2.Header(path).json
    salt = metadata["keyslots"][catalogue.our_slot(metadata)]["kdf"]["salt"]
    return derived(secret, known.LUKS_UUID, "cocosecret volume key v1 " + salt)


def seal(header, secret):
    """Seals its one token as cocosecret-seal(5) tells it."""
    (token,) = header.json["tokens"].values()
    del token["seal"]["value"]
    text = json.dumps({"label": "", "metadata": header.json, "subsystem": "",
                       "uuid": known.LUKS_UUID}, sort_keys=True,
                      separators=(",", ":"), ensure_ascii=False)
    key = derived(secret, known.LUKS_UUID, "cocosecret seal v1")
    token["seal"]["value"] = base64.b64encode(
        hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def assert_status(guest):
    """What the owner's command tells of this boot, in the guest."""
    status = json.loads(guest.check("cocosecret status --json"))
    (volume,) = status["volumes"]
    assert volume["name"] == known.MAPPING and volume["sealed"]
    assert volume["active"] and volume["secret"] == known.DISK
    print(guest.check("cocosecret status; cocosecret list"))


@pytest.mark.spare
def test_sealed_boot():
    """No word of `unsealed` anywhere; the key is gone afterwards."""
    disk = image.sealed()
    with rootvm.guest("amdsev", "bare", disk=disk, volumes=VOLUME) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert_status(guest)
        assert rootvm.cookies(guest) == []
        expect.gone(guest, disk.key, wrapping_key(disk.image, disk.key))
        print(f"sealed root's agent after {guest.age():.1f} s, key nowhere")


@pytest.mark.spare
def test_another_volumes_key():
    """One in the token that the owner sealed, but that is not the volume's:
    its key slot opens it."""
    disk = image.sealed()

    def spoil(path):
        header = luks2.Header(path)
        catalogue.token(volume_key={"alg": "aes256-kw", "value": "A" * 96})(
            header)
        seal(header, disk.key)
        header.write()

    with rootvm.guest("amdsev", disk=disk, volumes=VOLUME,
                      spoil=spoil) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        log = guest.check("journalctl -b -o cat -u cocosecret-unlock; dmesg")
        assert "is not this volume's, so its key slot is used" in log
        expect.gone(guest, disk.key, wrapping_key(disk.image, disk.key))


def test_refused():
    """Exit 5, nothing mapped, nothing written, secrets gone, power off. Other
    attacks: test_attacks.py."""
    disk = image.sealed()
    written = []

    def spoil(path):
        catalogue.REFUSED["data cipher null"](catalogue.Volume(path))
        written.append(place.sha256(path))

    with rootvm.guest("amdsev", disk=disk, volumes=VOLUME,
                      spoil=spoil) as guest:
        report = expect.refused(guest, 5)
        (line,) = report.faults()
        assert line.endswith("(exit 5)")
        assert "opened" not in "\n".join(report.lines)
        expect.untouched(guest, written[0])
        expect.gone(guest, disk.key)
