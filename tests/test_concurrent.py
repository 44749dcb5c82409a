# SPDX-License-Identifier: GPL-2.0-or-later
"""Two commands at once on one image, ours and cryptsetup's: each key of a
command that reported success opens the volume, and no other key got lost.
"""

import concurrent.futures
import fcntl
import itertools
import os
import pathlib
import random
import shutil
import tempfile
import time

import pytest

from attacks import catalogue
from attacks.catalogue import COCOSECRET, call
from harness import known

FEW, MANY = 36, 500
HEADERS = 16 << 20  # where the data begins
DELAY = 0.04  # of the second; a command takes about as long
# What may be said by the one that comes second: it changed nothing.
REFUSALS = (
    "does not open the key slot of secret",  # which another one rotated
    "is enrolled already",  # with another one's key
    "the header of",  # is refused: another one changed it
    "which no key given opens",  # of another one's token
    "concurrent LUKS2 metadata update",  # cryptsetup's
    "No key available",  # the same
)


class Disk:
    """An image with a key of the owner's and a launch secret, and two files
    with keys that are not in it yet."""

    def __init__(self, folder):
        self.volume = catalogue.good(folder / "disk")
        self.path = self.volume.path
        self.good = folder / "good"
        shutil.copy(self.path, self.good)
        self.new = []
        for number in range(2):
            key = folder / f"new{number}"
            key.write_bytes(os.urandom(32))
            self.new.append(key)

    def reset(self):
        """As it was; the same file."""
        with open(self.path, "r+b") as file:
            file.write(self.good.read_bytes()[:HEADERS])

    def rotate(self, key):
        """The launch secret's new key."""
        return [COCOSECRET, "rotate", self.path, "--key-file",
                self.volume.key, "--new-key-file", key]

    def enroll(self, key):
        """A second key of the launch secret."""
        return [COCOSECRET, "enroll", self.path, "--key-file",
                self.volume.owner, "--new-key-file", key,
                "--also", f"{known.DISK}={self.volume.key}"]

    def add(self, key):
        """A key slot without a token."""
        return ["cryptsetup", "luksAddKey", "-q", *catalogue.CHEAP,
                "--key-file", self.volume.owner, self.path, key]

    def opens(self, key):
        """Whether any key slot does."""
        return call("cryptsetup", "open", "--test-passphrase", "--key-file",
                    key, self.path).returncode == 0

    def sealed(self, key):
        """Whether a boot would take it."""
        return call(COCOSECRET, "verify", self.path, "--key-file",
                    key).returncode == 0


def start(command, delay):
    """Runs it, later."""
    time.sleep(delay)
    return call(*command)


def at_once(commands, delays):
    """What became of each."""
    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(start, commands, delays))


def check(disk, kinds, done):
    """What has to hold of the volume; what was said, for a message."""
    said = [(kind, one.returncode, one.stderr)
            for kind, one in zip(kinds, done)]
    ours, adds = [], []
    for kind, one, key in zip(kinds, done, disk.new):
        if one.returncode == 0:
            (adds if kind == "add" else ours).append(key)
        else:
            assert any(text in one.stderr for text in REFUSALS), said
    assert ours or adds, said
    assert disk.opens(disk.volume.owner), said
    rotated = [key for kind, one, key in zip(kinds, done, disk.new)
               if kind == "rotate" and one.returncode == 0]
    # Of two rotations from one key, one finds that key.
    assert len(rotated) < 2, said
    for key in ours + adds:
        assert disk.opens(key), said
    assert disk.opens(disk.volume.key) != bool(rotated), said
    if adds:
        # cryptsetup breaks the seal; nothing else is wrong with the header.
        key = ours[0] if ours else disk.volume.key
        also = [f"--also={known.DISK}={key}" for key in ours[1:]]
        if ours and not rotated:
            also = [f"--also={known.DISK}={disk.volume.key}", *also]
        sealed = call(COCOSECRET, "seal", disk.path, "--force", "--key-file",
                      key, *also)
        assert sealed.returncode == 0, said
    for key in ours or [disk.volume.key]:
        assert disk.sealed(key), said
    return len(ours + adds)


def scratch():
    """A folder in memory: each command waits for what it wrote."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(dir=shared)


def run(disk, count):
    """So many pairs, of all kinds, in an order that can be had again."""
    dice = random.Random(14)
    kinds = itertools.cycle(itertools.combinations_with_replacement(
        ("rotate", "enroll", "add"), 2))
    both = 0
    for pair in itertools.islice(kinds, count):
        disk.reset()
        commands = [getattr(disk, kind)(key)
                    for kind, key in zip(pair, disk.new)]
        delays = [0, dice.uniform(0, DELAY)]
        dice.shuffle(delays)
        both += check(disk, pair, at_once(commands, delays)) == 2
    print(f"{count} pairs; in {both} both succeeded")


def test_pairs():
    """Of each kind of pair some."""
    with scratch() as folder:
        run(Disk(pathlib.Path(folder)), FEW)


@pytest.mark.slow
def test_many_pairs():
    """As many as an audit wants."""
    with scratch() as folder:
        run(Disk(pathlib.Path(folder)), MANY)


def test_block_device():
    """Which is locked by its number, in a folder of cryptsetup's."""
    with scratch() as folder:
        disk = Disk(pathlib.Path(folder))
        done = call("losetup", "--find", "--show", disk.path)
        if done.returncode:
            pytest.skip("no loop device: " + done.stderr.strip())
        disk.path = pathlib.Path(done.stdout.strip())
        try:
            run(disk, FEW // 3)
            number = os.stat(disk.path).st_rdev
        finally:
            catalogue.must("losetup", "--detach", disk.path)
    assert not os.path.exists("/run/cryptsetup/L_"
                              f"{os.major(number)}:{os.minor(number)}")


def test_waiting(tmp_path):
    """It is said, and what was replaced meanwhile is not changed."""
    disk = Disk(tmp_path)
    with open(disk.path, "r+b") as file, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        running = pool.submit(call, *disk.rotate(disk.new[0]))
        time.sleep(1.5)
        assert disk.sealed(disk.volume.key) and not running.done()
        shutil.copy(disk.good, tmp_path / "other")
        os.replace(tmp_path / "other", disk.path)
        fcntl.flock(file, fcntl.LOCK_UN)
        done = running.result()
        file.seek(0)
        assert file.read() == disk.good.read_bytes()
    assert done.returncode == 7
    assert done.stderr == (
        f"cocosecret: rotate: {disk.path}: another command is changing "
        f"it; waiting for it to end\ncocosecret: rotate: {disk.path}: somebody "
        "else replaced it meanwhile; nothing was changed, try again\n")
    assert disk.sealed(disk.volume.key)
