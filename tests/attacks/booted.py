# SPDX-License-Identifier: GPL-2.0-or-later
"""The attack table shown to cocosecret-init, which is all of its initramfs: no
program could be started in it, so each scene is a boot. What opens, has a
root."""

import contextlib
import re
import shutil

from harness import (firmware, hostile, known, memory, packages, place, qemu,
                     rootvm, single, smallroot, table)

from . import catalogue, scenes

NAME = catalogue.NAME
CONTROL = f"rd.cocosecret={NAME}:"
LIMIT = 120
# What integrity tags need; nothing but a kernel could put a root under them.
TAGS = "dm_integrity", "authenc"
NO_ROOT = "no file system that it knows"
FAULT = re.compile(r"^\[ *([\d.]+)\] cocosecret: (.*\(exit (\d+)\))\r?$", re.M)


class Maker:
    """Makes the scenes' volumes: each good one is a copy of the first."""

    def __init__(self, folder):
        self.folder = folder / "first"
        smallroot.make(self.folder, name=NAME, key_bits=256)

    @staticmethod
    def good_with_integrity(path):
        """One that a guest made, without a root."""
        with hostile.host() as host:
            return host.good_with_integrity(path)

    def good(self, path):
        """A sealed volume, with a root on it."""
        volume = catalogue.Volume(path, path.with_suffix(".key"),
                                  path.with_suffix(".owner"))
        for name, file in zip(("disk.img", "key", "owner"), volume):
            shutil.copy(self.folder / name, file)
        return volume


class Boot(scenes.Row):
    """A row of the table."""

    def is_said(self, line):
        """Each is judged as it comes. A good one waits for its ciphers, so that
        its double is there by then."""
        first = self.scene.says_of_first
        return super().is_said(line) or (first and first in line)

    def judge_mapped(self, outcome):
        """Its root, which is read-only, could be read and has taken commands:
        no cipher or offset but the right one shows it."""
        if self.scene.table == scenes.AUTHENTICATED:
            self.must(any(NO_ROOT in line for line in outcome.lines), "opened")
            return
        self.must(outcome.mapped == [f"/dev/mapper/{NAME}"],
                  f"mounted: {outcome.mapped}")


@contextlib.contextmanager
def guest(scene):
    """It, started."""
    volume = f"{CONTROL}{scene.device or '/dev/vda'}::{scene.options}"
    words = (f"{rootvm.CMDLINE} ro root=/dev/mapper/{NAME} {volume} "
             f"rd.cocosecret.timeout={hostile.LIMIT_S} {scene.cmdline}")
    tagged = scene.table == scenes.AUTHENTICATED
    maker = firmware.KINDS["amdsev"](
        packages.Kernel().image,
        single.with_modules(*TAGS) if tagged else single.initramfs(), words,
        table.build({known.DISK: scene.secret}))
    disks = [str(disk) for disk in scene.disks]
    with qemu.Machine(rootvm.test_name(), maker, disks=disks,
                      memory_mib=rootvm.MEMORY) as machine:
        yield machine


def search(machine, secret):
    """(where it is in memory, whether the control is there)"""
    with place.scratch() as folder:
        dump = machine.dump(folder + "/dump")
        return (memory.find(dump, secret),
                bool(memory.whole(dump, CONTROL.encode())))


def outcome_of(machine, secret):
    """How the boot ended."""
    booted = machine.wait_end(LIMIT)
    console = machine.log_path("console").read_text(errors="replace")
    faults = FAULT.findall(console)
    stamp, said, status = (0, "", 0) if booted else (faults or [(0, "", -1)])[0]
    if NO_ROOT in said:  # it was opened
        status = 0
    mounted, left = [], False
    if booted:
        mounted = machine.check(
            "while read -r what where rest; do [ $where != / ] || "
            "echo $what; done </proc/mounts").split()
        left = machine.check(f"ls {rootvm.SECRETS}") != ""
    found, seen = search(machine, secret)
    return hostile.Outcome(
        int(status), round(1000 * float(stamp)), mounted[-1:], left,
        [line for _, line, _ in faults], sum(machine.disk_writes().values()),
        found, seen)


def show(name, maker, folder):
    """A row of the table."""
    with contextlib.ExitStack() as stack:
        row = scenes.build_row(name, maker, folder, stack, Boot)
        scenes.arm(row.scene)
        with guest(row.scene) as machine:
            row.judge(outcome_of(machine, row.scene.secret))
            row.must(machine.off_reason in (None, "guest-shutdown"),
                     machine.off_reason)
    return row


def show_all(folder, names=tuple(scenes.SCENES)):
    """The table's lines, and those of them that are wrong."""
    maker = Maker(folder)
    rows = [show(name, maker, folder / str(number))
            for number, name in enumerate(names)]
    return [str(row) for row in rows], [str(row) for row in rows if row.wrong]
