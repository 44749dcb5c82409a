# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret show, and what the commands on volumes and tables print for
programs: every member, in the order of the manual pages."""

import json
import os

import pytest

from attacks import catalogue, disks, luks2
from attacks.catalogue import COCOSECRET, call
from harness import known

KDF = ["type", "hash", "iterations", "time", "memory_kib", "threads"]
CHEAP = dict(zip(KDF, ["pbkdf2", "sha256", 1000, None, None, None]))


def show(path, *words, status=0):
    """What it says of a disk that it leaves as it is."""
    before = path.read_bytes()
    done = call(COCOSECRET, "show", path, *words)
    assert done.returncode == status, done.stderr
    assert path.read_bytes() == before
    assert "\33" not in done.stdout + done.stderr
    return done


def as_json(path, *words, status=0):
    """The same for programs."""
    return json.loads(show(path, "--json", *words, status=status).stdout)


@pytest.fixture(name="volume")
def fixture_volume(tmp_path):
    """One with a launch secret."""
    return catalogue.good(tmp_path / "disk")


def test_members(volume):
    """All that the header says."""
    said = as_json(volume.path)
    header = luks2.Header(volume.path)
    uuid = header.binary[luks2.UUID:][:36].decode()
    assert list(said.items()) == [
        ("device", str(volume.path)), ("verified", False), ("refused", False),
        ("uuid", uuid), ("label", ""), ("subsystem", ""),
        ("data", {"cipher": "aes-xts-plain64",
                  "sector_size":
                      header.json["segments"]["0"]["sector_size"],
                  "offset": "16777216", "size": "dynamic",
                  "integrity": None}),
        ("flags", []), ("requirements", []),
        ("digests", [{"id": 0, "key_slots": [0, 1], "kdf": CHEAP}]),
        ("key_slots", [{"id": number, "key_size": 32, "cipher":
                        "aes-xts-plain64", "priority": None, "kdf": CHEAP}
                       for number in (0, 1)]),
        ("tokens", [{"id": 0, "type": "cocosecret", "secret": known.DISK,
                     "name": catalogue.NAME, "key_slots": [1],
                     "volume_key": True, "seal": True, "signature": False}]),
        ("sealed_tokens", 1), ("signatures", []), ("hints", [])]
    assert list(said["key_slots"][0]) == ["id", "key_size", "cipher",
                                          "priority", "kdf"]
    assert list(said["key_slots"][0]["kdf"]) == KDF
    assert list(said["data"]) == ["cipher", "sector_size", "offset", "size",
                                  "integrity"]
    assert list(said["tokens"][0]) == ["id", "type", "secret", "name",
                                       "key_slots", "volume_key", "seal",
                                       "signature"]


def test_words(volume):
    """So people read it, with the warning that nothing of it was checked."""
    said = show(volume.path).stdout
    print(said)
    for line in (f"{volume.path}: the header says:",
                 "  key slot 1: 32 bytes, aes-xts-plain64, pbkdf2 with sha256,"
                 " 1000 iterations",
                 f"  token 0: cocosecret, secret {known.DISK}, name "
                 f'"{catalogue.NAME}", key slots 1, a volume_key, a seal',
                 "  sealed by 1 of 1 cocosecret tokens",
                 f"{volume.path}: this is what the header says; without its "
                 "keys none of it is verified: see cocosecret verify"):
        assert line in said.splitlines()
    assert "signed" not in said


def test_owner(volume, tmp_path):
    """Whose signature it is, and that it no longer holds after a change."""
    own = catalogue.keygen_owner(tmp_path / "own")
    catalogue.sign(volume, own)
    key = catalogue.anchor(own)
    assert as_json(volume.path)["signatures"] == [
        {"token": 0, "owner": key, "holds": True}]
    assert (f"  signed in token 0 by owner {key}: good, if that is the "
            "owner's key\n") in show(volume.path).stdout
    catalogue.must("cryptsetup", "config", "--label", "other", volume.path)
    said = as_json(volume.path)
    assert said["signatures"] == [{"token": 0, "owner": key, "holds": False}]
    assert said["label"] == "other" and said["sealed_tokens"] == 1
    assert (f"owner {key}: not for what the header says now\n"
            in show(volume.path).stdout)


def test_what_a_host_wrote(volume):
    """It is shown, whether the policy takes it or not, and nothing of it
    reaches the terminal as it is."""
    header = luks2.Header(volume.path)
    header.json["tokens"]["7"] = {"type": "\33[2J\x9b", "keyslots": ["0"]}
    header.json["tokens"]["3"] = {"type": "cocosecret", "keyslots": []}
    header.json["keyslots"]["0"]["priority"] = 2
    header.set_text(luks2.LABEL, "\33]0;")
    header.seqid += 1
    header.write()
    said = as_json(volume.path)
    assert [token["id"] for token in said["tokens"]] == [0, 3, 7]
    assert said["tokens"][2]["type"] == "\\x1b[2J\\xc2\\x9b"
    assert said["label"] == "\\x1b]0;" and not said["refused"]
    assert said["tokens"][1] == {
        "id": 3, "type": "cocosecret", "secret": None, "name": None,
        "key_slots": [], "volume_key": False, "seal": False,
        "signature": False}
    assert said["key_slots"][0]["priority"] == 2
    words = show(volume.path).stdout
    assert words.isascii() and 'label "\\x1b]0;"' in words
    assert "sealed by 1 of 2 cocosecret tokens" in words
    header.json["segments"]["0"]["encryption"] = "cipher_null-ecb"
    header.json["keyslots"]["1"]["kdf"]["iterations"] = 2 * 10 ** 9
    header.seqid += 1
    header.write()
    done = show(volume.path, status=5)
    assert "is refused" in done.stderr and "cipher_null-ecb" in done.stdout
    said = as_json(volume.path, status=5)
    assert said["refused"] and said["data"]["cipher"] == "cipher_null-ecb"


def test_costs(volume):
    """What verify names, without a key."""
    header = luks2.Header(volume.path)
    header.json["keyslots"]["1"]["kdf"]["iterations"] = 5000
    header.json["digests"]["0"]["iterations"] = 5000
    header.seqid += 1
    header.write()
    hints = as_json(volume.path)["hints"]
    assert [hint.split(" takes ")[0] for hint in hints[:2]] == [
        "the volume key's digest", "key slot 1 (pbkdf2)"]
    assert "cocosecret rotate" in hints[1] and "luksFormat" in hints[2]
    words = show(volume.path).stdout
    for hint in hints:
        assert f"{volume.path}: hint: {hint}\n" in words


def test_where_it_is(volume, tmp_path):
    """In a partition of an image, one of two of them, or a file of its own."""
    path = disks.image(tmp_path, {disks.FIRST: volume, disks.SECOND: volume})
    done = call(COCOSECRET, "show", path)
    assert done.returncode == 2 and "choose" in done.stderr
    said = as_json(path, "--partition", "3")
    assert said["device"] == f"{path}, partition 3"
    assert said["sealed_tokens"] == 1
    done = call(COCOSECRET, "show", "--json", "--header", volume.path)
    assert json.loads(done.stdout)["device"] == str(volume.path)
    for words in (("--key-file", volume.key), ("--force",), ("more",)):
        assert show(volume.path, *words, status=2).stdout == ""
    none = tmp_path / "none"
    none.write_bytes(bytes(1 << 20))
    assert show(none, status=5).stdout == ""


def test_verify(volume, tmp_path):
    """Its members; nothing where the volume would not open."""
    def verify(*words):
        return call(COCOSECRET, "verify", volume.path, "--json", *words)

    def members(**changes):
        return {"device": str(volume.path), "secret": known.DISK, "token": 0,
                "key_slot": 1, "name": catalogue.NAME, "volume_key": True,
                "signature": None, "hints": []} | changes

    def said(*words):
        return list(json.loads(verify("--key-file", volume.key,
                                      *words).stdout).items())

    assert said() == list(members().items())
    own = catalogue.keygen_owner(tmp_path / "own")
    catalogue.sign(volume, own)
    assert said() == list(members(signature="unchecked").items())
    assert said("--owner", catalogue.public(own)) == list(
        members(signature="checked").items())
    done = verify("--key-file", volume.key, "--name", "another")
    assert (done.returncode, done.stdout) == (5, "")
    assert catalogue.NAME in done.stderr and "changed" not in done.stderr
    done = verify("--key-file", volume.owner)
    assert (done.returncode, done.stdout) == (6, "")


def test_table(tmp_path):
    """In its order."""
    for name, size in (("a", 32), ("b", 48)):
        (tmp_path / name).write_bytes(os.urandom(size))
    table = tmp_path / "table"
    catalogue.must(COCOSECRET, "table", "build", "-o", table,
                   f"{known.OTHER}={tmp_path / 'b'}", tmp_path / "a")
    done = call(COCOSECRET, "table", "show", "--json", table)
    assert list(json.loads(done.stdout).items()) == [
        ("bytes", 20 + 20 + 48 + 20 + 32),
        ("secrets", [{"secret": known.OTHER, "bytes": 48},
                     {"secret": known.DISK, "bytes": 32}])]
    table.write_bytes(b"none")
    done = call(COCOSECRET, "table", "show", "--json", table)
    assert (done.returncode, done.stdout) == (2, "")
