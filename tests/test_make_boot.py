# SPDX-License-Identifier: GPL-2.0-or-later
"""make boot, up to where it would start QEMU: tests/vm/test_readme.py boots."""

import subprocess
import sys

import pytest

from harness import place

FILES = ("disk", "table", "kernel", "initrd")


def boot(*words):
    """Its status, and what it says."""
    done = subprocess.run([sys.executable, "-m", "harness.boot", *words],
                          cwd=place.TOP / "tests", text=True, timeout=60,
                          capture_output=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("missing", range(3))
def test_missing(missing, tmp_path):
    """The file that is not there is named, behind how it is used."""
    paths = [tmp_path / name for name in FILES]
    for number, path in enumerate(paths):
        if number != missing:
            path.write_bytes(b"x")
    status, said = boot(*map(str, paths))
    assert status == 2
    assert said.startswith("usage: make boot DISK=FILE ")
    assert f"argument {FILES[missing].upper()}: no file {paths[missing]}" \
        in said


def test_nothing_given():
    """As make boot alone calls it."""
    status, said = boot("", "", "", "")
    assert status == 2 and "argument DISK: it is missing" in said
