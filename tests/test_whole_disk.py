# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/whole-disk.md, in its words: the root of a whole disk's image is
encrypted and enrolled without root or a loop device."""

import json
import os
import subprocess

from attacks.catalogue import PATH
from harness import documents, known, place

PAGE = place.TOP / "doc/whole-disk.md"
MIB = 1 << 20
START, SIZE = 64 * MIB, 48 * MIB
# As a cloud's image has it: the root is number 1, and the last on the disk.
TABLE = f"""\
label: gpt
2: start={MIB // 512}, size={4 * MIB // 512}, type=uefi
1: start={START // 512}, size={SIZE // 512}, type=linux
"""


def disk(path):
    """One, with a file system; what it holds."""
    with open(path, "wb") as file:
        file.truncate(START + SIZE + MIB)
    place.run("sh", "-c", f"printf '%s' '{TABLE}' | sfdisk -q {path}")
    place.run("mke2fs", "-q", "-t", "ext4", "-E", f"offset={START}",
              "-U", known.FS_UUID, path, f"{SIZE // 1024}k")


def partitions(path):
    """{number: (start, bytes)}"""
    said = json.loads(place.run("sfdisk", "--json", path))
    return {int(one["node"].removeprefix(str(path))):
            (one["start"] * 512, one["size"] * 512)
            for one in said["partitiontable"]["partitions"]}


def test_whole_disk(tmp_path):
    """The commands as they stand there, up to the header that is right."""
    disk(tmp_path / "whole.img")
    before = partitions(tmp_path / "whole.img")
    script = "".join(documents.blocks(PAGE.read_text()))
    done = subprocess.run(["sh", "-euc", script], cwd=tmp_path, text=True,
                          env=os.environ | {"PATH": PATH}, capture_output=True,
                          check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "sealed for secret" in done.stdout
    after = partitions(tmp_path / "whole.img")
    assert after[2] == before[2] and after[1][0] == START
    assert after[1][1] >= SIZE + 32 * MIB
    assert not (tmp_path / "root.img").exists()
    assert known.FS_UUID.encode() not in \
        (tmp_path / "whole.img").read_bytes()
    print(f"{before[1][1] // MIB} MiB of root, {after[1][1] // MIB} now")
