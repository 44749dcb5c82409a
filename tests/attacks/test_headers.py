# SPDX-License-Identifier: GPL-2.0-or-later
"""Volumes that their owner did not make, as image files.

`cocosecret verify` runs the very checks of cocosecret-unlock. Beside it, in
the same run, what cryptsetup of this system says with the owner's right key.
In a guest, through cocosecret-unlock: tests/vm/test_attacks.py.
"""

import os
import shutil
import subprocess
import time

import pytest

from harness import place

from . import catalogue


def verify(path, key):
    """(exit status, seconds, message) of ours; that it is refused comes after
    what else there is to say of it."""
    begin = time.monotonic()
    done = catalogue.call(catalogue.COCOSECRET, "verify", path,
                          "--key-file", key)
    seconds = time.monotonic() - begin
    lines = (done.stderr or done.stdout).strip().split("\n")
    return (done.returncode, seconds,
            next((line for line in lines if "refused" in line), lines[0]))


def cryptsetup(path, key):
    """What cryptsetup makes of a copy with the right key."""
    scratch = path.with_name("for-cryptsetup")
    shutil.copy(path, scratch)
    try:
        done = catalogue.call("cryptsetup", "open", "--test-passphrase",
                              "--key-file", key, scratch, limit=4)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "opens" if done.returncode == 0 else "refuses"


@pytest.mark.parametrize("name", catalogue.REFUSED)
def test_refused(good, name):
    """Exit 5, at once, nothing written."""
    volume = catalogue.victim(good)
    catalogue.REFUSED[name](volume)
    before = place.sha256(volume.path)
    status, seconds, refusal = verify(volume.path, volume.key)
    assert place.sha256(volume.path) == before
    print(f"{name:30} exit {status} in {seconds * 1000:2.0f} ms, cryptsetup "
          f"{cryptsetup(volume.path, volume.key)}; "
          f"{refusal.replace(str(volume.path), 'it')}")
    assert status == catalogue.VERIFY_STATUS.get(name, 5)
    assert any(words in refusal for words in (
        "is refused", "no LUKS2 header", "is LUKS1;", "is not the key of"))
    assert seconds < catalogue.LIMIT


def test_wrong_key(good, tmp_path):
    """A key that nobody enrolled is told from a header that was changed."""
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    assert verify(good.path, key)[0] == 6


@pytest.mark.parametrize("name", catalogue.ACCEPTED)
def test_accepted(good, name):
    """Still the owner's own header; nothing is written to mend it."""
    volume = catalogue.victim(good)
    catalogue.ACCEPTED[name](volume)
    before = place.sha256(volume.path)
    status, seconds, message = verify(volume.path, volume.key)
    assert (status, place.sha256(volume.path)) == (0, before), message
    print(f"{name}: accepted in {seconds * 1000:.0f} ms, image unchanged")
