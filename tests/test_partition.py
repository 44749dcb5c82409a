# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret on images of whole disks: only the one partition is changed."""

import uuid

import pytest

from attacks import catalogue, disks
from attacks.catalogue import COCOSECRET, call


def part(path, at):
    """What is in a partition, and all around it."""
    whole = path.read_bytes()
    end = at + catalogue.SIZE
    return whole[at:end], whole[:at] + whole[end:]


def run(command, path, *words):
    """(exit status, what was said)"""
    done = call(COCOSECRET, command, path, *words)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", disks.TABLES)
def test_only_one(tmp_path, kind):
    """It is found, enrolled, sealed and rotated; the rest stays as it is."""
    volume = catalogue.luks_format(catalogue.keys(tmp_path / "volume"))
    path = disks.image(tmp_path, {disks.FIRST: volume}, kind)
    around = part(path, disks.FIRST)[1]
    new = tmp_path / "new"
    catalogue.must(COCOSECRET, "keygen", "-o", new)
    for words in (("enroll", "--new-key-file", volume.key, "--key-file",
                   volume.owner, "--name", "root"),
                  ("verify", "--key-file", volume.key),
                  ("seal", "--key-file", volume.key),
                  ("rotate", "--key-file", volume.key, "--new-key-file", new),
                  ("verify", "--key-file", new)):
        status, said = run(words[0], path, *words[1:])
        assert status == 0 and f"{path}, partition 2: sealed" in said, said
    within, rest = part(path, disks.FIRST)
    assert rest == around and within != volume.path.read_bytes()
    volume.path.write_bytes(within)
    assert run("verify", volume.path, "--key-file", new)[0] == 0
    assert run("verify", path, "--key-file", volume.key)[0] == 6


def test_chosen(tmp_path):
    """Of two, by number, label or UUID; else nothing is done."""
    good = catalogue.good(tmp_path / "one")
    other = catalogue.good(tmp_path / "two")
    path = disks.image(tmp_path, {disks.FIRST: good, disks.SECOND: other})
    before = path.read_bytes()
    status, said = run("verify", path, "--key-file", good.key)
    assert status == 2 and "2 of its partitions hold LUKS; choose" in said
    for which, key in (("2", good.key), ("root", good.key), ("3", other.key),
                       (disks.UUID.upper(), good.key), ("data", other.key)):
        status, said = run("verify", path, "--partition", which,
                           "--key-file", key)
        assert status == 0 and ", partition " in said, said
    assert run("verify", path, "--partition", "root", "--key-file",
               other.key)[0] == 6
    status, said = run("verify", path, "--partition", str(uuid.uuid4()),
                       "--key-file", good.key)
    assert status == 2 and "has 0 partitions that are called" in said
    status, said = run("seal", path, "--partition", "esp", "--key-file",
                       good.key)
    assert status == 5 and "partition 1 has no LUKS2 header" in said, said
    assert path.read_bytes() == before


def test_no_partition(tmp_path):
    """A volume that is the whole file stays that; what has neither says so."""
    good = catalogue.good(tmp_path / "one")
    status, said = run("verify", good.path, "--partition", "1", "--key-file",
                       good.key)
    assert status == 2 and "has no partition table" in said
    path = disks.image(tmp_path, {})
    status, said = run("verify", path, "--key-file", good.key)
    assert status == 2 and "0 of its partitions hold LUKS" in said
    status, said = run("verify", "/dev/null", "--partition", "1",
                       "--key-file", good.key)
    assert status == 2 and "nor an image file" in said


def test_cut_off(tmp_path):
    """An image that ends within the header is refused, and left alone."""
    good = catalogue.good(tmp_path / "one")
    path = disks.image(tmp_path, {disks.FIRST: good})
    with open(path, "r+b") as file:
        file.truncate(disks.FIRST + 8 * disks.MIB)
    before = path.read_bytes()
    status, said = run("seal", path, "--key-file", good.key)
    assert status != 0 and "disk.raw" in said, said
    assert path.read_bytes() == before
    print(status, said.strip().splitlines()[-1])
