# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret remove: the token and its key slot go, all else stays, also where
it is killed, or where two remove at once."""

import concurrent.futures
import json
import os
import re
import shutil

import pytest

from attacks import catalogue, luks2
from attacks.catalogue import COCOSECRET, call
from harness import known

DISK, OTHER, THIRD = known.DISK, known.OTHERS[0], known.OTHERS[1]


@pytest.fixture(name="volume")
def fixture_volume(tmp_path):
    """One with an owner's key slot and two secrets, whose second key is
    other.key."""
    volume = catalogue.good(tmp_path / "disk")
    add(volume, OTHER, other(volume))
    return volume


def other(volume):
    """The file of the second secret's key."""
    return volume.path.with_name("other.key")


def add(volume, secret, key, *words):
    """Another secret."""
    key.write_bytes(os.urandom(32))
    catalogue.must(COCOSECRET, "enroll", volume.path, "--secret", secret,
                   "--key-file", volume.owner, "--new-key-file", key,
                   "--name", "root", "--also", f"{DISK}={volume.key}", *words)


def remove(volume, *words):
    """The command."""
    return call(COCOSECRET, "remove", volume.path, *words)


def refused(volume, *words, status, says):
    """It must leave the disk as it is, and say why."""
    before = volume.path.read_bytes()
    done = remove(volume, *words)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert volume.path.read_bytes() == before


def sealed(volume, secret, key):
    """Whether a boot opens it with that secret."""
    return call(COCOSECRET, "verify", volume.path, "--secret", secret,
                "--key-file", key).returncode == 0


def opens(volume, key):
    """Whether any key slot does."""
    return call("cryptsetup", "open", "--test-passphrase", "--key-file", key,
                volume.path).returncode == 0


def shown(volume):
    """What the header says."""
    return json.loads(call(COCOSECRET, "show", "-j", volume.path).stdout)


@pytest.mark.parametrize("words", [("--secret", OTHER), ("-t", "1")])
def test_goes(volume, words):
    """It and its key slot, whose area is cleared; the other opens as before."""
    header = luks2.Header(volume.path).json["keyslots"]["2"]["area"]
    at, size = int(header["offset"]), int(header["size"])
    old = volume.path.read_bytes()[at:at + size]
    done = remove(volume, *words, "--key-file", volume.key)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "removed token 1 and key slot 2" in done.stdout
    assert sealed(volume, DISK, volume.key)
    assert not opens(volume, other(volume)) and opens(volume, volume.owner)
    now = volume.path.read_bytes()[at:at + size]
    assert not any(now[block:block + 512] == old[block:block + 512]
                   for block in range(0, 32 * 4000, 512))
    said = shown(volume)
    assert [token["secret"] for token in said["tokens"]] == [DISK]
    assert [slot["id"] for slot in said["key_slots"]] == [0, 1]
    done = remove(volume, *words, "--key-file", volume.key)
    assert done.returncode == 0 and "there is no such token" in done.stderr
    assert sealed(volume, DISK, volume.key)


def test_all_that_stay_are_sealed(volume, tmp_path):
    """With each key that is given, by either option; or left by --force."""
    third = tmp_path / "third.key"
    add(volume, THIRD, third, "--also", f"{OTHER}={other(volume)}")
    good = tmp_path / "good"
    shutil.copy(volume.path, good)
    refused(volume, "-s", OTHER, "-d", volume.key, status=5,
            says=f"token 2 is for secret {THIRD}")
    for words in (("-d", third), ("-a", f"{THIRD}={third}")):
        shutil.copy(good, volume.path)
        done = remove(volume, "-s", OTHER, "-d", volume.key, *words)
        assert done.returncode == 0, done.stderr
        assert sealed(volume, DISK, volume.key)
        assert sealed(volume, THIRD, third)
    shutil.copy(good, volume.path)
    done = remove(volume, "-s", OTHER, "-d", volume.key, "--force")
    assert done.returncode == 0 and "token 2 is left without" in done.stderr
    assert sealed(volume, DISK, volume.key)
    assert not sealed(volume, THIRD, third)


def test_last_way(volume):
    """A key must open a key slot that stays, even by force."""
    refused(volume, "-t", "0", "-d", volume.key, "-f", status=6,
            says="none of the keys given opens a key slot that stays")
    catalogue.must("cryptsetup", "luksKillSlot", "-q", volume.path, "0")
    catalogue.must(COCOSECRET, "seal", volume.path, "--key-file", volume.key,
                   "--also", f"{OTHER}={other(volume)}", "--force")
    assert remove(volume, "-t", "1", "-d", volume.key).returncode == 0
    refused(volume, "-t", "0", "-d", volume.key, "-f", status=5,
            says="it is the last key slot")
    assert sealed(volume, DISK, volume.key)


def test_last_token(volume):
    """May go where an owner's own key stays, with a warning."""
    assert remove(volume, "-t", "1", "-d", volume.key).returncode == 0
    done = remove(volume, "-s", DISK, "-d", volume.owner)
    assert done.returncode == 0 and "no token is left" in done.stderr
    assert opens(volume, volume.owner) and not opens(volume, volume.key)


def test_what_is_not_sealed(volume):
    """By whom a key is: a host's change is not sealed by the way."""
    header = luks2.Header(volume.path)
    header.json["config"]["flags"] = ["allow-discards"]
    header.seqid += 1
    header.write()
    for key in (volume.key, other(volume)):
        refused(volume, "-t", "1", "-d", volume.key, "-d", key, "-f",
                status=5, says="did not seal what it says")


def test_others(volume):
    """Neither another program's token nor a key slot that has two."""
    header = luks2.Header(volume.path)
    header.json["tokens"]["5"] = {"type": "x", "keyslots": ["2"]}
    header.seqid += 1
    header.write()
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", volume.key, "-a",
                   f"{OTHER}={other(volume)}", "-f")
    refused(volume, "-t", "5", "-d", volume.key, status=5,
            says="token 5 is not one of cocosecret's")
    refused(volume, "-t", "1", "-d", volume.key, status=5,
            says="key slot 2 is also that of token 5")


def test_two_of_a_secret(volume, tmp_path):
    """As while a key is changed: one must be named."""
    second = tmp_path / "second.key"
    second.write_bytes(os.urandom(32))
    catalogue.must(COCOSECRET, "enroll", volume.path, "-d", volume.key, "-N",
                   second, "-n", "root", "-a", f"{OTHER}={other(volume)}",
                   "-a", f"{DISK}={volume.key}")
    refused(volume, "-s", DISK, "-d", volume.key, status=2,
            says="tokens 0 and 2 are both for secret")
    done = remove(volume, "-t", "0", "-d", second, "-d", other(volume))
    assert done.returncode == 0, done.stderr
    assert sealed(volume, DISK, second)
    assert not sealed(volume, DISK, volume.key)


def test_token_without_key_slot(volume):
    """Goes alone."""
    catalogue.must("cryptsetup", "luksKillSlot", "-q", volume.path, "2")
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", volume.key, "-f")
    done = remove(volume, "-s", OTHER, "-d", volume.key)
    assert done.returncode == 0, done.stderr
    assert "removed token 1, which had no key slot" in done.stdout
    assert sealed(volume, DISK, volume.key)
    assert len(shown(volume)["key_slots"]) == 2


def test_signature(volume, tmp_path):
    """Never lost unasked: neither that of a token that stays, which no longer
    holds, nor the only one with the token that goes."""
    own = catalogue.keygen_owner(tmp_path / "own")
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", other(volume), "-s",
                   OTHER, "-a", f"{DISK}={volume.key}", "-S", own)
    refused(volume, "-t", "1", "-d", volume.key, status=5,
            says="signature of token 0 no longer holds")
    good = tmp_path / "good"
    shutil.copy(volume.path, good)
    assert remove(volume, "-t", "1", "-d", volume.key, "-S",
                  own).returncode == 0
    check = call(COCOSECRET, "verify", volume.path, "-d", volume.key, "-O",
                 catalogue.public(own))
    assert check.returncode == 0, check.stderr
    shutil.copy(good, volume.path)
    assert remove(volume, "-t", "1", "-d", volume.key, "-f").returncode == 0
    assert shown(volume)["signatures"] == []
    header = luks2.Header(good)
    del header.json["tokens"]["0"]["signature"]
    header.seqid += 1
    header.write()
    shutil.copy(good, volume.path)
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", volume.key, "-a",
                   f"{OTHER}={other(volume)}", "-f")
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", other(volume), "-s",
                   OTHER, "-f", "-S", own)
    catalogue.must(COCOSECRET, "seal", volume.path, "-d", volume.key, "-a",
                   f"{OTHER}={other(volume)}", "-f")
    said = shown(volume)["signatures"]
    assert [(one["token"], one["holds"]) for one in said] == [(1, True)]
    refused(volume, "-t", "1", "-d", volume.key, status=5,
            says="token 1 has the owner's only signature")


def traced(volume, *injection):
    """A removal under strace, and its writes to the image."""
    log = volume.path.with_suffix(".strace")
    done = call("strace", "-qq", "-y", "-o", log, "-e", "trace=pwrite64",
                *injection, COCOSECRET, "remove", volume.path, "-s", OTHER,
                "-d", volume.key)
    lines = [line for line in log.read_text().splitlines()
             if line.startswith("pwrite64")]
    return done, [number for number, line in enumerate(lines, 1)
                  if f"<{volume.path}>" in line]


def test_killed(volume, tmp_path):
    """At some of its writes: the volume is as it was, or the token is gone;
    the same command then ends it."""
    good = tmp_path / "good"
    shutil.copy(volume.path, good)
    done, writes = traced(volume)
    assert done.returncode == 0, done.stderr
    middle = len(writes) // 2
    outcome = ""
    for number in sorted({*writes[:3], *writes[middle - 1:middle + 2],
                          *writes[-2:]}):
        shutil.copy(good, volume.path)
        done, _ = traced(volume, "-e",
                         f"inject=pwrite64:signal=KILL:when={number}")
        assert done.returncode == -9
        assert sealed(volume, DISK, volume.key), number
        assert opens(volume, volume.owner)
        there = sealed(volume, OTHER, other(volume))
        assert there == opens(volume, other(volume)), number
        outcome += "o" if there else "n"
        assert remove(volume, "-s", OTHER, "-d",
                      volume.key).returncode == 0
        assert sealed(volume, DISK, volume.key)
        assert not opens(volume, other(volume))
        area = luks2.Header(good).json["keyslots"]["2"]["area"]
        at, size = int(area["offset"]), int(area["size"])
        rest = volume.path.read_bytes()[at:at + size]
        was = good.read_bytes()[at:at + size]
        assert not any(rest[block:block + 512] == was[block:block + 512]
                       for block in range(0, 32 * 4000, 512)), number
    assert re.fullmatch("o+n+", outcome)
    print(f"{len(writes)} writes; old or new: {outcome}")


def test_two_at_once(volume, tmp_path):
    """Each would take away what the other one needs: one of them finds that."""
    good = tmp_path / "good"
    shutil.copy(volume.path, good)
    commands = (("-t", "0", "-d", other(volume)), ("-t", "1", "-d", volume.key))
    for _ in range(6):
        with open(volume.path, "r+b") as file:
            file.write(good.read_bytes())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda words: remove(volume, *words),
                                 commands))
        assert sorted(one.returncode for one in done) in ([0, 5], [0, 6]), done
        assert opens(volume, volume.owner)
        assert sealed(volume, DISK, volume.key) != \
            sealed(volume, OTHER, other(volume))
