# SPDX-License-Identifier: GPL-2.0-or-later
"""Every Debian with every initramfs on either firmware: `make check-matrix`.

A cell that has passed with the same source is not run again.
"""

import contextlib
import os
import re

import pytest

from attacks import booted, luks2, scenes
from harness import (expect, firmware, hostile, known, matrix, memory, place,
                     qemu, rootvm, table)
from host import shown

CHOSEN = os.environ.get("MATRIX", "").split()
pytestmark = pytest.mark.skipif(not CHOSEN, reason="see make check-matrix")

LIMIT = 300
MEMORY = 768
VERSIONS = r"""
uname -r
systemctl --version | sed -n 's/^systemd \([0-9]*\).*/systemd \1/p'
dpkg-query -W -f 'libcryptsetup ${Version}\n' libcryptsetup12
dpkg-query -W -f 'dracut ${Version}\n' dracut-core
"""


def cells():
    """Those that were asked for, each suite's by one worker."""
    for cell in matrix.CELLS:
        if CHOSEN == ["all"] or str(cell) in CHOSEN or cell.suite in CHOSEN:
            yield pytest.param(cell, id=str(cell),
                               marks=pytest.mark.xdist_group(cell.suite))


@contextlib.contextmanager
def guest(cell, secrets, disk):
    """The cell's system, started."""
    maker = firmware.KINDS[cell.firmware](
        matrix.kernel(cell.suite), matrix.initramfs(cell.suite, cell.kind),
        f"{rootvm.CMDLINE} {rootvm.ROOT}", table.build(secrets))
    with qemu.Machine(f"matrix-{cell}", maker, disks=[disk],
                      memory_mib=MEMORY) as machine:
        yield machine


def versions(machine):
    """Of what the system is made of, in short."""
    words = machine.check(VERSIONS).split("\n")
    kernel, *rest = [re.sub(r" (?:\d+:)?([\d.]+\d).*", r" \1", word)
                     for word in words]
    return ", ".join([f"Linux {re.split('[-+]', kernel)[0]}", *rest])


def boots(cell, folder):
    """The root is up on the mapping, and its key nowhere; what it showed."""
    disk = matrix.disk(cell.suite)
    other = os.urandom(32)
    with guest(cell, {known.DISK: disk.key, known.OTHER: other},
               disk.overlay(folder)) as machine:
        machine.wait_ready(LIMIT)
        seconds = machine.age()
        source = machine.check("findmnt -no SOURCE /")
        assert source == known.MAPPED
        machine.check("cocosecret-unlock verify-root /")
        assert machine.check(f"ls {rootvm.SECRETS}") == known.OTHER
        dump = machine.dump(folder + "/dump")
        assert memory.whole(dump, other)
        assert memory.find(dump, disk.key) == []
        return {"seconds": seconds, "versions": versions(machine)}


def refuses(cell, folder):
    """A header that the host changed: power-off, and the disk as it was."""
    disk = matrix.disk(cell.suite)
    path = disk.copy(folder)
    header = luks2.Header(path)
    header.json["segments"]["0"]["encryption"] = "aes-ecb"
    header.write()
    with guest(cell, {known.DISK: disk.key}, path) as machine:
        assert machine.wait_off(LIMIT) == "guest-shutdown"
        assert machine.disk_writes() == {"disk0": 0}
        console = machine.log_path("console").read_bytes()
        line = re.search(rb"cocosecret: (.*\(exit 5\))", console)
        assert line, machine.hint()
        expect.gone(machine, disk.key, control=rootvm.ROOT)
        return line[1].decode()


@pytest.mark.parametrize("cell", cells())
def test_cell(cell):
    """Boots as installed, and refuses a hostile header."""
    found = matrix.kept(cell)
    if found:
        print(f"passed on {found['day']} with this source")
        return
    with place.scratch() as folder:
        found = boots(cell, folder)
        print(f"root's agent after {found['seconds']:.0f} s;",
              found["versions"])
        if cell.firmware == "amdsev":
            print(refuses(cell, folder))
    matrix.keep(cell, **found)


# With this machine's own release, whose images are those of the other tests.
IMAGES = {"dracut-systemd": "generic", "dracut-plain": "dracut-plain",
          "initramfs-tools": "initramfs-tools", "mkosi-initrd": "mkosi"}


attacks = pytest.mark.skipif(CHOSEN != ["all"] and "attacks" not in CHOSEN,
                             reason="see make check-matrix")


@attacks
@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=pytest.mark.xdist_group(f"attacks on {kind}"))
    for kind in matrix.SHELLS])
def test_attacks_on(kind, tmp_path):
    """Each hostile disk is shown to the unlocker in the initramfs."""
    name = f"attacks-{kind}"
    found = matrix.kept(name)
    if found:
        print(f"passed on {found['day']} with this source")
        return
    with hostile.host_of_initramfs(IMAGES[kind]) as host:
        lines, wrong = scenes.show_all(host, tmp_path, False)
    print(f"{len(lines)} scenes in the initramfs")
    assert not wrong
    matrix.keep(name, scenes=len(lines))


@attacks
@pytest.mark.xdist_group("attacks on cocosecret-init")
def test_attacks_on_init(tmp_path):
    """Each is shown to cocosecret-init, by a boot."""
    found = matrix.kept("attacks-cocosecret-init")
    if found:
        print(f"passed on {found['day']} with this source")
        return
    lines, wrong = booted.show_all(tmp_path)
    print(f"{len(lines)} scenes, each a boot")
    assert not wrong
    matrix.keep("attacks-cocosecret-init", scenes=len(lines))


hosts = pytest.mark.skipif(
    CHOSEN != ["all"] and "host" not in CHOSEN, reason="see make check-matrix")


def host_param(suite, *more):
    """A suite's are one worker's."""
    return pytest.param(suite, *more, id="-".join((suite, *more)),
                        marks=pytest.mark.xdist_group(suite))


@hosts
@pytest.mark.parametrize("suite, kind", [
    host_param(suite, kind) for suite in matrix.SUITES for kind in matrix.KINDS])
def test_host_on(suite, kind, tmp_path, record_property):
    """What a host says by anything but the disk's header is not heard."""
    name = f"host-{suite}-{kind}"
    found = matrix.kept(name)
    if not found:
        heard = shown.show_all(matrix.host_system(suite, kind), tmp_path)
        found = {"scenes": len(heard), "heard": heard}
        if not shown.broken(heard):
            matrix.keep(name, **found)
    shown.record(record_property, f"{suite}-{kind}", found["heard"])
    assert not shown.broken(found["heard"])


# What systemd 262 does not heed by itself, as seen.
QUIET = {"sid": {"EFI variable: a credential",
                 "EFI variable: a root shell on tty9",
                 "EFI variable: environment of services"}}


@hosts
@pytest.mark.parametrize("suite", [host_param(suite)
                                   for suite in matrix.SUITES])
def test_host_without_us(suite, tmp_path, record_property):
    """The same, and all is heard."""
    heard = shown.show_all(matrix.host_system_without(suite), tmp_path)
    shown.record(record_property, f"{suite}, without us", heard)
    assert set(shown.unheard("generic", heard)) <= QUIET.get(suite, set())
