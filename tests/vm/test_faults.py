# SPDX-License-Identifier: GPL-2.0-or-later
"""The unlocker under faults, one a run, in one booted guest: system calls and
allocations that fail, processes that are killed.

A run opens a small sealed volume on a second disk, or must refuse a third one,
whose header a host changed. COCOSECRET_FAULTS=all lets every point fail, for
hours; the default is a sample. Each allocation of the checks themselves fails
in tests/unit/shortage.c.
"""

import collections
import contextlib
import os
import shutil
import typing

import pytest

from attacks import catalogue, luks2
from harness import known, memory, place, qemu, ram, rootvm, table

pytestmark = pytest.mark.slow
ALL = os.environ.get("COCOSECRET_FAULTS") == "all"
NAME = catalogue.NAME
FOLDER = "/run/faults"
PROGRAMS = "/usr/libexec/cocosecret-tests"
GOOD, BAD = "good", "bad"
DISKS = {GOOD: "/dev/vdb", BAD: "/dev/vdc"}
KILLED = 128
# Before it the loader is at work, and nothing was begun.
FIRST_OWN_CALL = "prctl"
MEMORY_CALLS = {"mmap", "mprotect", "mlock", "madvise", "clone"}
# They have no error, with futex libc aborts, and nothing comes after the last.
NO_ERROR = {"brk", "getpid", "getppid", "umask", "uname", "sysinfo",
            "set_robust_list", "futex", "exit_group", "execve"}
# Of these the first and the last, of all others the last.
MUCH_USED = {"openat", "read", "write", "ioctl", "mmap", "newfstatat"}
KILL_AT = MUCH_USED | {"semtimedop", "munlock", "add_key", "renameat", "clone",
                       "unlinkat", "poll", "wait4", "getdents64"}
TERMINATE_AT = {"mkdirat", "faccessat2", "clone", "poll", "wait4", "unlinkat",
                "renameat"}


class Outcome(typing.NamedTuple):
    """What tests/harness/guest/fault.sh says of a run."""

    status: int
    left: set
    lines: list

    def last_word(self):
        """The last line that names an exit status."""
        return ([""] + [line for line in self.lines if "(exit " in line])[-1]

    def began(self):
        """Else the loader failed."""
        return any("cocosecret: " in line for line in self.lines)


def parse(text):
    """An Outcome."""
    before, _, lines = text.partition("lines")
    status, *left = before.split("\n")
    return Outcome(int(status.split()[1]), {word for word in left if word},
                   lines.splitlines())


def complaint(outcome, which, killed):
    """What is wrong with it, or None. killed: a process was, by the test."""
    status, left = outcome.status, outcome.left
    if "mapped" in left and which == BAD:
        return "a refused header was opened"
    if not outcome.began() and (status == 127 or status > KILLED):
        return None if "secret" in left and "mapped" not in left else \
            "did something before it began"
    if left - {"secret", "record", "mapped"}:
        return "a core"
    if status == 0:
        good = which == GOOD and left == {"record", "mapped"}
        return None if good else "says that all is well"
    if 2 <= status <= 8:
        if left - ({"secret"} if status == 8 else set()):
            return "failed, and left something"
        return None if outcome.last_word().endswith(f"(exit {status})") else \
            "did not say why"
    if killed and status > KILLED:
        return "wiped before it was open" if not left else None
    return "an exit status that is none"


class Guest:
    """The booted guest, and how the runs in it ended."""

    def __init__(self, machine, shared, key):
        self.machine, self.ram, self.key = machine, shared, key
        self.table = table.build({known.DISK: key})

    def run(self, command, which=GOOD):
        """One run of the unlocker under the command; the Outcome."""
        self.ram.write(self.machine.area(), self.table)
        return parse(self.machine.check(
            f"ulimit -c unlimited; sh {FOLDER}/fault.sh {NAME} {known.DISK} "
            f"{command} cocosecret-unlock --cmdline {FOLDER}/{which}"))

    def sweep(self, which, runs, killed=False):
        """Each (what, command) in turn; prints how they ended."""
        seen, wrong = collections.Counter(), []
        for what, command in runs:
            outcome = self.run(command, which)
            seen[outcome.status] += 1
            if said := complaint(outcome, which, killed):
                wrong.append(f"{what}: {said}: {outcome}")
        print(f"{which} header, {sum(seen.values())} runs: " + ", ".join(
            f"{count} × {'killed' if status > KILLED else f'exit {status}'}"
            for status, count in sorted(seen.items())))
        assert not wrong, "\n".join(wrong)

    def calls(self, which):
        """{system call: (first, last)} of the unlocker and of its child.
        strace counts each process' calls by themselves: with a number that
        the loader needs, nothing would begin. What the child does before, its
        allocations reach."""
        outcome = self.run(f"strace -ff -s 0 -o {FOLDER}/calls", which)
        assert outcome.status == (0 if which == GOOD else 5), outcome
        traces = self.machine.check(
            f"cd {FOLDER}; for f in $(ls calls.* | sort -t. -nk2); do "
            "echo +; sed -n 's/^\\([a-z0-9_]*\\)(.*/\\1/p' $f; done; "
            "rm calls.*").split("+\n")[1:]
        names = traces[0].split()
        loader = collections.Counter(names[:names.index(FIRST_OWN_CALL)])
        for trace in traces:
            yield {name: (loader[name] + 1, count) for name, count
                   in collections.Counter(trace.split()).items()
                   if count > loader[name]}

    def allocations(self, which):
        """How many a run makes."""
        self.run(f"env LD_PRELOAD={FOLDER}/alloc.so "
                 f"ALLOC_COUNT={FOLDER}/count", which)
        return int(self.machine.check(f"cat {FOLDER}/count"))

    def copies(self):
        """Where guest memory holds the key."""
        assert memory.whole(self.ram.path, FOLDER.encode())
        return self.ram.find(self.key)


def sample(calls):
    """(system call, number) of one process."""
    for name, (first, last) in sorted(calls.items()):
        if ALL:
            yield from ((name, number) for number in range(first, last + 1))
        else:
            yield from {(name, last),
                        (name, first if name in MUCH_USED else last)}


def spread(count, samples):
    """Numbers from 1 to count."""
    if ALL or count <= samples:
        return range(1, count + 1)
    return [1 + i * (count - 1) // (samples - 1) for i in range(samples)]


def strace(name, inject, follow="-f --seccomp-bpf"):
    """Of the unlocker and its children, and never of what they read. It
    counts each process' calls by themselves."""
    return (f"strace {follow} -s 0 -o {FOLDER}/trace -e trace={name} "
            f"-e inject={name}:{inject}")


def preload(setting, number):
    """See tests/harness/guest/alloc.c"""
    return f"env LD_PRELOAD={FOLDER}/alloc.so ALLOC_{setting}={number}"


@contextlib.contextmanager
def booted(folder, cmdline=""):
    """A Guest. Nothing may be written to its two volumes."""
    place.make("unlock")
    good = catalogue.good(folder / GOOD)
    bad = folder / BAD
    shutil.copy(good.path, bad)
    header = luks2.Header(bad)
    header.set_text(luks2.LABEL, "a host's")
    header.seqid += 1
    header.write()
    with ram.Ram(rootvm.MEMORY * qemu.MIB) as shared, \
            rootvm.guest("amdsev", after=[good.path, bad], cmdline=cmdline,
                         more=shared.arguments()) as machine:
        machine.wait_ready()
        # Or udev, which a mapping waits for, is being started meanwhile.
        machine.run("systemctl is-system-running --wait", 180)
        machine.check(
            f"udevadm settle; mkdir -p {FOLDER} /run/cores; cp {PROGRAMS}/* {FOLDER}; "
            "echo /run/cores/core >/proc/sys/kernel/core_pattern; "
            "rmmod efi_secret; " + "".join(
                f"echo rd.cocosecret={NAME}:{disk} rd.cocosecret.timeout=20 "
                f">{FOLDER}/{which}; " for which, disk in DISKS.items()))
        yield Guest(machine, shared, good.secret)
        assert "cryptsetup" not in machine.check("cat /proc/keys")
        writes = machine.disk_writes()
        assert writes["disk1"] == writes["disk2"] == 0


@pytest.fixture(name="guest", scope="module")
def guest_fixture(tmp_path_factory):
    """Booted once for this file."""
    with booted(tmp_path_factory.mktemp("faults")) as guest:
        yield guest


@pytest.mark.parametrize("which", DISKS)
def test_system_calls_that_fail(guest, which):
    """Whatever fails: all open, or nothing, and then the secret is gone."""
    processes = list(guest.calls(which))
    if which == BAD and not ALL:
        del processes[0]  # until the child refuses it, all is as with the good
    points = {point for calls in processes for point in sample(calls)
              if point[0] not in NO_ERROR}
    guest.sweep(which, (
        (f"{name} {number}", strace(name, ":when=".join((
            "error=ENOMEM" if name in MEMORY_CALLS else "error=EIO",
            str(number)))))
        for name, number in sorted(points)))


@pytest.mark.parametrize("which", DISKS)
def test_allocations_that_fail(guest, which):
    """Evenly spread over all of a run."""
    guest.sweep(which, ((f"allocation {number}", preload("FAIL", number))
                        for number in spread(guest.allocations(which), 16)))


def test_killed(guest):
    """Unlocker or child: no secret is gone whose volume is closed, unless the
    unlocker lived to say so."""
    points = {point for calls in guest.calls(GOOD) for point in sample(calls)
              if ALL or point[0] in KILL_AT}
    guest.sweep(GOOD, (
        *((f"{name} {number}", strace(name, f"signal=KILL:when={number}"))
          for name, number in sorted(points)),
        *((f"allocation {number}", preload("KILL", number))
          for number in spread(guest.allocations(GOOD), 8))), killed=True)
    print(f"{len(guest.copies())} pieces of the key in freed memory of "
          "processes that were killed (none with init_on_free=1)")


def test_terminated(guest):
    """A signal that asks it to stop is answered: it wipes, and says why."""
    calls = next(guest.calls(GOOD))
    guest.sweep(GOOD, (
        (f"{name} {number}", strace(name, f"signal=TERM:when={number}", ""))
        for name, number in sorted(sample(calls)) if name in TERMINATE_AT))


def test_disk_that_stops_answering(guest):
    """The mapping is closed all the same, once another volume did not come."""
    guest.machine.check(
        f"echo rd.cocosecret={NAME}:/dev/mapper/lower rd.cocosecret.timeout=8 "
        f"rd.cocosecret=gone:{known.NOWHERE} >{FOLDER}/stalls; "
        f"dmsetup create lower --table \"0 $(blockdev --getsz {DISKS[GOOD]}) "
        f"linear {DISKS[GOOD]} 0\"; (until [ -e {rootvm.STATE}/volumes/"
        f"{NAME}.json ]; do sleep 0.1; done; dmsetup suspend lower) "
        ">/dev/null 2>&1 &")
    begin = guest.machine.age()
    outcome = guest.run("env", "stalls")
    took = guest.machine.age() - begin
    guest.machine.check("dmsetup resume lower; dmsetup remove lower")
    assert outcome.status == 4 and not outcome.left, outcome
    assert f"{NAME}: opened" in str(outcome.lines)
    assert f"{NAME}: closed again" in str(outcome.lines)
    assert took < 20
    print(f"exit 4 after {took:.1f} s, nothing mapped")


def test_freed_memory(tmp_path):
    """With init_on_free=1, nothing is left even of killed processes."""
    with booted(tmp_path, "init_on_free=1") as guest:
        guest.sweep(GOOD, (
            (f"allocation {number}", preload("KILL", number))
            for number in spread(guest.allocations(GOOD), 6)), killed=True)
        for which in DISKS:
            assert guest.run("env", which).began()
        assert guest.copies() == []
