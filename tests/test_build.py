# SPDX-License-Identifier: GPL-2.0-or-later
"""What needs no VM: static checks, unit tests, a short run of the fuzzers."""

import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
UNIT = sorted(path.stem for path in (TOP / "tests/unit").glob("*.c")
              if path.stem not in ("sealed", "support"))
FUZZ = sorted(path.name for path in (TOP / "tests/fuzz/corpus").iterdir())


def run(*command, limit):
    done = subprocess.run(command, cwd=TOP, timeout=limit, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("target", [
    pytest.param("lint-tidy", marks=pytest.mark.spare), "lint-cppcheck",
    "lint-sparse", "lint-shell", "lint-man", "lint-spell"])
def test_static(target):
    assert run("make", "--no-print-directory", "-s", target,
               limit=900) == ""


@pytest.mark.parametrize("name", UNIT)
def test_unit(name):
    output = run(BUILD / "tests/unit" / name, limit=900)
    (passed,) = [line for line in output.splitlines() if "  PASSED  " in line]
    print(passed)


@pytest.mark.parametrize("name", FUZZ)
def test_fuzz(name):
    output = run("make", "--no-print-directory", "-s", f"fuzz-run-{name}",
                 "FUZZ_SECONDS=10", limit=60)
    assert int(output.split("no finding in ")[1]) > 1000
    print(output)


def test_help_names_every_option():
    """--help of each program runs, and bad usage is exit status 2."""
    for program in ("cocosecret", "cocosecret-unlock"):
        assert "--help" in run(BUILD / program, "--help", limit=10)
        bad = subprocess.run([BUILD / program, "--no-such-option"],
                             capture_output=True, timeout=10, check=False)
        assert bad.returncode == 2
        assert bad.stderr
