# SPDX-License-Identifier: GPL-2.0-or-later
"""make long-rotate: one volume's key changes again and again, and SIGKILL ends most
of the commands at a time that is drawn by lot. The old key or the new one opens the
volume then, the owner's always, and the same command again ends what was begun."""

import json
import pathlib
import random
import secrets
import subprocess
import sys
import tempfile
import time

from harness import marked, place

from . import catalogue

PAGE = place.TOP / "doc/long-runs.md"
BEGIN, END = "<!-- make long-rotate -->\n", "<!-- end of long-rotate -->\n"
KILLED = 0.8  # of the rotations
# A share of what a whole rotation takes; beyond 1 it may have ended.
LATEST = 1.2


class Wrong(Exception):
    """What must not be."""


class Volume:
    """One with an owner's key and a launch secret."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.path, self.old, self.owner = catalogue.good(self.folder / "volume")
        self.shape = self.parts()

    def key(self, name):
        """A new file."""
        path = self.folder / f"key-{name}"
        path.write_bytes(secrets.token_bytes(32))
        return path

    def parts(self):
        """How many tokens and key slots its header has."""
        header = json.loads(place.run("cryptsetup", "luksDump",
                                      "--dump-json-metadata", self.path))
        return {name: len(header[name]) for name in ("tokens", "keyslots")}

    def opens(self, key):
        """Cryptsetup's word."""
        return catalogue.call("cryptsetup", "open", "--test-passphrase",
                              "--key-file", key, self.path).returncode == 0

    def sealed(self, key):
        """Ours, as a boot would see it."""
        return catalogue.call(catalogue.COCOSECRET, "verify", self.path,
                              "--key-file", key).returncode == 0

    def rotate(self, new, after=None):
        """Whether it ended by itself; after: seconds until SIGKILL."""
        with subprocess.Popen(
                [catalogue.COCOSECRET, "rotate", self.path, "--key-file", self.old,
                 "--new-key-file", new], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            try:
                _, said = running.communicate(timeout=after)
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
                return False
        if running.returncode:
            raise Wrong(said.decode(errors="replace").strip())
        return True

    def check_cut(self, new):
        """Whether the new key has taken over."""
        good = [self.sealed(key) and self.opens(key) for key in (self.old, new)]
        if not any(good):
            raise Wrong("neither key opens it")
        if not self.opens(self.owner):
            raise Wrong("the owner's key does not open it")
        return good[1]

    def check_whole(self, new):
        """Nothing is left of the old key."""
        if not (self.sealed(new) and self.opens(new) and self.opens(self.owner)):
            raise Wrong("a rotation that ended left a volume that does not open")
        if self.opens(self.old) or self.parts() != self.shape:
            raise Wrong(f"something of the old key is left: {self.parts()}")


def run(count, lot, folder):
    """(killed, of them with the new key in force, cut again while it was ended)"""
    volume = Volume(folder)
    killed = taken = again = 0
    begin = time.monotonic()
    new = volume.key("first")
    volume.rotate(new)
    whole = time.monotonic() - begin
    volume.old = new
    for number in range(count):
        new = volume.key(f"next-{number}")
        cut = lot.random() < KILLED
        while cut and not volume.rotate(new, lot.uniform(0, LATEST) * whole):
            killed += 1
            taken += volume.check_cut(new)
            cut = lot.random() < KILLED / 2
            again += cut
        if not volume.sealed(new) or volume.opens(volume.old):
            volume.rotate(new)
        volume.check_whole(new)
        volume.old.unlink()
        volume.old = new
    return killed, taken, again


def main(count, seed):
    """What came of it, in a line for the page."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        killed, taken, again = run(count, random.Random(seed), folder)
        line = (f"Seed {seed}: {count} rotations of one volume, SIGKILL {killed} "
                f"times, {again} of them at a command that was to end what another "
                f"had begun; after {taken} the new key was in force, after "
                f"{killed - taken} the old one; none left a volume that no key "
                f"opened, and nothing of an old key was left at the end of any; "
                f"{time.monotonic() - begin:.0f} s.")
    print(line)
    return line


if __name__ == "__main__":
    try:
        marked.put(PAGE, BEGIN, END,
                   main(int(sys.argv[1]), sys.argv[2]) + "\n")
    except Wrong as problem:
        sys.exit(f"long-rotate: {problem}")
