# SPDX-License-Identifier: GPL-2.0-or-later
"""make check-kernel: the module under KASAN, lockdep and kmemleak, found by
way of efi.coco_secret, and the in-tree driver of that name beside it."""

import os
import pathlib
import re

import pytest

from harness import firmware, modulevm, place, rootvm, table

FOLDER = rootvm.SECRETS
DEBUG = place.BUILD / "kernels/debug"
REPORT = re.compile(r"BUG:|WARNING:|KASAN|=====|possible .* lock|unreferenced")

pytestmark = pytest.mark.skipif(
    not (DEBUG / "module/efi_secret.ko").exists(),
    reason="needs the debugging kernel: make check-kernel")


class DebugKernel:
    """The kernel of tests/kernels/debug.sh."""

    version = "debug"
    image = DEBUG / "source/arch/x86/boot/bzImage"
    module = DEBUG / "module/efi_secret.ko"


def in_tree():
    return (DEBUG / "source/drivers/virt/coco/efi_secret/efi_secret.ko"
            ).read_bytes()


def assert_no_report(guest):
    """Of any of the kernel's checkers, kmemleak's included."""
    guest.check("mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; "
                "for i in 1 2; do sleep 6; echo scan >/sys/kernel/debug/kmemleak"
                "; done", timeout=120)
    leaks = guest.check("cat /sys/kernel/debug/kmemleak")
    assert "efi_secret" not in leaks and "table_test" not in leaks, leaks
    log = guest.check("dmesg")
    reports = [line for line in log.splitlines() if REPORT.search(line)]
    assert reports == [], "\n".join(reports)


# make check-kernel RACE_SECONDS= has them race for longer.
RACE_SECONDS = int(os.environ.get("RACE_SECONDS") or 60)


@pytest.mark.timeout(RACE_SECONDS + 600)
def test_race_under_checkers():
    """Readers, unlinkers, load and unload, all at once."""
    base, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    with modulevm.guest(DebugKernel, "amdsev", None, cpus=2) as guest:
        assert re.search(r"CocoSecret=0x", guest.check("dmesg"))
        said = guest.check(f"race /efi_secret.ko {base:#x} {size:#x} "
                           f"{RACE_SECONDS}", timeout=RACE_SECONDS + 180)
        assert_no_report(guest)
        print(f"{said}; no report of KASAN, lockdep, kmemleak")


def test_parser_under_checkers():
    """Thousands of spoilt tables."""
    module = pathlib.Path(DEBUG / "parser/table_test.ko").read_bytes()
    with modulevm.guest(DebugKernel, "amdsev", None,
                        files={"table_test.ko": module}) as guest:
        guest.check("load /table_test.ko", timeout=240)
        assert_no_report(guest)
        print(guest.check("dmesg | grep 'table_test: '"))


def shown(guest, module):
    """What a driver makes of the area: its files, or its last words."""
    guest.check("dmesg -c >/dev/null")
    loaded = guest.run(f"load {module}")[0] == 0
    files = guest.run(f"ls {FOLDER}")[1].decode().split() if loaded else []
    exists = guest.run(f"ls -d {FOLDER}")[0] == 0
    words = [line.split(": ", 1)[-1] for line in guest.check(
        "dmesg | grep -i 'efi_secret' || :").splitlines()
        if "taint" not in line]
    guest.run("rmmod efi_secret")
    return (f"{len(files)} files" if exists else
            "loads, shows nothing" if loaded else "refuses"), words[-1:]


def tables():
    """Good ones, bad ones, and more entries than the in-tree driver takes."""
    result = {}
    for what, (secrets, tail) in table.GOOD.items():
        body = b"".join(table.entry(*item) for item in secrets.items())
        result[what] = table.wrap(body + tail)
    result["72 entries"] = table.build(
        dict(zip(table.names(72), table.contents(72))))
    return result | table.BAD


# What differs, and is wanted: ours, the in-tree driver's.
DIFFERENCES = {
    "slack of zeros": ("1 files", "loads, shows nothing"),
    "72 entries": ("72 files", "64 files"),
    **{what: ("refuses", "loads, shows nothing") for what in table.BAD},
}


def test_beside_the_in_tree_driver():
    """On the same tables, the two differ where documented and nowhere else."""
    with modulevm.guest(DebugKernel, "amdsev", None,
                        files={"in-tree.ko": in_tree()}) as guest:
        for what, data in tables().items():
            modulevm.write_area(guest, data)
            ours, our_words = shown(guest, "/efi_secret.ko keep_on_unload=1")
            modulevm.write_area(guest, data)
            theirs, their_words = shown(guest, "/in-tree.ko")
            print(f"{what}: ours {ours}, in-tree {theirs} "
                  f"{our_words} {their_words}")
            if ours != theirs:
                assert DIFFERENCES[what] == (ours, theirs), what
