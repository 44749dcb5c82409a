# SPDX-License-Identifier: GPL-2.0-or-later
"""What cocosecret initrd refuses. Images are made and booted in tests/vm."""

import subprocess

import pytest

from harness import place

STARTED = "#!/bin/sh\ntouch {path}\n"


def initrd(*words):
    """(exit status, stderr)"""
    made = subprocess.run([place.BUILD / "cocosecret", "initrd", *words],
                          capture_output=True, text=True, check=False)
    return made.returncode, made.stderr


@pytest.mark.parametrize("words, says", [
    ([], "needs -o FILE or --list"),
    (["--list", "more"], "needs -o FILE or --list"),
    (["-o", "IMAGE", "--compress", "lzma"], "--compress lzma: is none of"),
    (["-o", "IMAGE", "--none"], "option --none"),
    (["-o", "IMAGE", "--kver", "../x"], "is no kernel's version"),
    (["-o", "IMAGE", "--kver", "1"] + ["--modules", "a"] * 17, "too often"),
    (["-o", "IMAGE", "--kver", "1", "--init", "/none"], "/none: No such file"),
])
def test_refused(words, says, tmp_path):
    """Nothing is made then, and the line says why."""
    words = [word.replace("IMAGE", str(tmp_path / "image")) for word in words]
    status, said = initrd(*words)
    assert says in said
    assert status == (7 if "No such" in says else 2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device, served", [
    ("UUID=736869e5-84f0-4973-92ec-06879ce3da0b", True), ("LABEL=a/b", True),
    ("/dev/vda", True), ("/dev/nvme0n1p2", True),
    ("/dev/mapper/group-volume", False), ("/dev/group/volume", False),
    ("/dev/disk/by-id/a", False), ("/dev/md0", False), ("/dev/dm-0", False),
    ("/a", False)])
def test_device(device, served, tmp_path):
    """What the image could never find is said when it is made."""
    tab = tmp_path / "cocotab"
    tab.write_text(f"root {device}\n")
    status, said = initrd("--list", "--kver", "1", "--cocotab", str(tab),
                          "--init", place.BUILD / "cocosecret-init")
    if served:
        assert "is there a kernel 1?" in said
    else:
        assert "root: no program in this image makes " + device in said
    assert status == 2


def test_program_does_not_start(tmp_path):
    """Which libraries it needs is a question for its loader."""
    script, mark = tmp_path / "init", tmp_path / "mark"
    script.write_text(STARTED.format(path=mark))
    script.chmod(0o755)
    status, said = initrd("--list", "--kver", "1", "--init", str(script))
    assert (status, mark.exists()) == (2, False)
    assert "no program for this kind of machine" in said
