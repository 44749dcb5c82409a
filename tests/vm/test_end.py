# SPDX-License-Identifier: GPL-2.0-or-later
"""How a failed boot ends where the power-off does not come, and where the
owner asked for a shell."""

import contextlib
import os
import re
import time

import pytest

from harness import (expect, image, initrd, intruder, known, modulevm,
                     packages, rootvm, table, units)

UNLOCK = "cocosecret-unlock"
UNIT = "etc/systemd/system/{}.service.d/{}.conf"
LIMIT = 150


def wrong():
    """A launch with another secret than the disk's."""
    return {"launch_table": table.build({known.OTHER: os.urandom(32)})}


def nopoweroff(*lines):
    """Files: from the unlocker's start, the host ignores a power-off."""
    text = "\n".join(["[Service]", "ExecStartPre=/load /nopoweroff.ko",
                      *lines])
    return {"load": modulevm.program("load"),
            "nopoweroff.ko": packages.build_module("nopoweroff").read_bytes(),
            UNIT.format(UNLOCK, "zzz-last"): text.encode() + b"\n"}


def instructions(guest):
    """Where each processor is, and whether it has halted."""
    text = guest.qmp("human-monitor-command",
                     **{"command-line": "info registers -a"})
    return re.findall(r"RIP=(\w+) RFL=(\w+) .* HLT=(\d)", text)


@pytest.mark.parametrize("cpus", [
    pytest.param(1, marks=pytest.mark.slow),
    pytest.param(2, marks=pytest.mark.spare)])
def test_power_off_ignored(cpus):
    """The machine stands still: no panic, for which a kernel may write its
    memory to a disk, and no restart."""
    with rootvm.guest("amdsev", files=nopoweroff(), cpus=cpus,
                      **wrong()) as guest:
        assert guest.wait_report(LIMIT).exit == "3"
        guest.wait_console("the host ignores the power-off")
        time.sleep(30)
        assert guest.qmp("query-status")["status"] == "running"
        assert guest.off_reason is None
        seen = []
        for _ in range(5):
            seen.append(instructions(guest))
            time.sleep(1)
        console = guest.log_path("console").read_bytes()
        assert b"panic" not in console
        print(f"{cpus} processors, 30 s later: {seen[-1]}")
        assert len(set(map(str, seen))) == 1
        # reboot(2) takes a lock that the ignored one never gave back: a processor
        # may spin on it in the kernel, mutex_spin_on_owner(), and not halt.
        assert all(halted == "1" or int(place, 16) >> 63
                   for place, _, halted in seen[-1])


@pytest.mark.slow
def test_power_off_by_the_unit():
    """That can be told: with the unit's failure action alone, process 1 asks
    for the power-off, and the kernel panics when it comes back."""
    files = nopoweroff("ExecStopPost=")
    with rootvm.guest("amdsev", files=files, **wrong()) as guest:
        guest.wait_console("the host ignores the power-off", LIMIT)
        guest.wait_console("Attempted to kill init")
        print("process 1 powers off: Attempted to kill init")


def assert_shell(guest):
    """A line typed on the console is carried out."""
    for _ in range(20):
        guest.type("echo shell-$((6 * 7))")
        with contextlib.suppress(AssertionError):
            return guest.wait_console("shell-42", 3)
    raise AssertionError(guest.hint())


SHELL = "rd.cocosecret.on-failure=shell"


@pytest.mark.spare
@pytest.mark.parametrize("variant", [
    "generic", pytest.param("debug", marks=pytest.mark.slow)])
def test_shell(variant, folder, other):
    """Only where the command line asks for it; it finds no secret, no root
    and no mapping, and the machine ends with it."""
    with rootvm.guest("amdsev", variant, others={known.OTHER: other},
                      cmdline=f"{intruder.PLAIN_ROOT} {SHELL}",
                      after=[intruder.disk(folder)],
                      files=units.reporting(units.VERIFY_ROOT)) as guest:
        assert guest.wait_report(LIMIT).exit == "5"
        assert_shell(guest)
        guest.type("ls -d /sys/block/dm-*; findmnt -R /sysroot; "
                   f"ls {rootvm.SECRETS}; echo end-$((1 + 1))")
        guest.wait_console("end-2")
        console = guest.log_path("console").read_text(errors="replace")
        said = console.split("shell-42")[-1].split("echo end-")[-1]
        print(f"{variant}: " + " | ".join(said.split("\n")[1:-1]))
        assert "cannot access '/sys/block/dm-*'" in said
        expect.gone(guest, other, image.disk().key, control=known.OTHER)
        guest.type("exit")
        assert guest.wait_off(60) == "guest-shutdown"


def test_shell_after_a_malformed_table():
    """No secret has a name by which it could be unlinked then: the shell comes
    after the module has wiped all of it."""
    bad = table.malformed({known.DISK: image.disk().key})["duplicate"]
    with rootvm.guest("amdsev", cmdline=SHELL, launch_table=bad) as guest:
        report = guest.wait_report(LIMIT)
        assert report.exit == "3" and "malformed" in report.faults()[0]
        assert_shell(guest)
        expect.gone(guest, image.disk().key, control=SHELL)
        guest.type("exit")
        assert guest.wait_off(60) == "guest-shutdown"


def gone():
    """Files: a link to nothing in the module's place."""
    folder = f"usr/lib/modules/{packages.Kernel().version}/updates"
    return {"files": {f"{folder}/efi_secret.ko": "nothing"}}


MISSING = {  # what the unlocker says where the module is not, or is refused
    "gone": ("not in this image", gone),
    "refused": ("refuses the module", lambda: {
        "cmdline": "module_blacklist=efi_secret"}),
}


@pytest.mark.spare
@pytest.mark.parametrize("why", [
    "gone", pytest.param("refused", marks=pytest.mark.slow)])
def test_no_shell_without_the_module(why):
    """The key is in the launch page, where a shell could read it."""
    says, boot = MISSING[why]
    settings = {"cmdline": "", **boot()}
    settings["cmdline"] += " " + SHELL
    with rootvm.guest("amdsev", **settings) as guest:
        expect.refused(guest, 3, says, limit=LIMIT, off=60)
        console = guest.log_path("console").read_text(errors="replace")
        assert "cocosecret: no shell, since a secret may be left" in console
        assert f"{says} " in console.split("launch secrets may be left")[1]


@pytest.mark.slow
@pytest.mark.parametrize("left, says", [
    (f"touch {rootvm.STATE}/lost", "since a secret may be left"),
    (":", "since a volume is open")])
def test_no_shell_beside_what_is_left(left, says):
    """A process that held a secret was lost, or a volume cannot be closed."""
    with rootvm.guest("amdsev",
                      cmdline="rd.cocosecret.on-failure=shell") as guest:
        guest.wait_ready()
        guest.check(left)
        guest.send("cocosecret-unlock fail")
        assert guest.wait_off(60) == "guest-shutdown"
        guest.wait_console(f"no shell, {says}")


@pytest.mark.slow
def test_shell_of_a_debugging_image(other):
    """systemd's own, without being asked for: the secrets are gone first. The
    image's build has said it loudly."""
    with rootvm.guest("amdsev", "debug", others={known.OTHER: other},
                      cmdline="rd.systemd.unit=emergency.target",
                      files=units.reporting(*units.SHELLS)) as guest:
        assert_shell(guest)
        expect.gone(guest, other, image.disk().key, control=known.OTHER)
    log = initrd.log_path("debug").read_text()
    (said,) = [line for line in log.splitlines() if "cocosecret_debug" in line]
    print(said)
    assert "THIS IMAGE IS OPEN" in said
