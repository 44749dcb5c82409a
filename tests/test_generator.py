# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-generator outside of an initramfs: in mounts that end with it, on
a kernel command line of the test's."""

import re
import subprocess

import pytest

from attacks import catalogue

# No kernel log, so that messages come to standard error.
SCRIPT = """
cmdline=$1
shift
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc
: >/etc/initrd-release
mkfifo /run/none
mount --bind /run/none /dev/kmsg
echo "$cmdline" >/run/cmdline
mount --bind /run/cmdline /proc/cmdline
mkdir /run/units
"""
GENERATOR = catalogue.TOP / "build/cocosecret-generator"
DROP_IN = "cocosecret-unlock.service.d/60-cocosecret.conf"
HALT = "rd.cocosecret.on-failure=halt"


def run(opens_fail="", cmdline=HALT, file=DROP_IN, before=""):
    """(what it said, the drop-in), where some of its opens of the command line
    fail. before: more of the script."""
    outcome = f"cat /run/units/{file} 2>/dev/null || echo none"
    inject = ["strace", "-o/dev/null", "-P/proc/cmdline",
              f"-einject=openat:error=EIO:when={opens_fail}"] \
        if opens_fail else []
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", f'{SCRIPT}{before}\n"$@"\n{outcome}', "sh",
         cmdline, *inject, GENERATOR, "/run/units"], timeout=60, check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="backslashreplace")
    print(done.stderr, done.stdout)
    return done.stderr, done.stdout


def test_on_failure():
    """The drop-in that the command line asks for."""
    said, drop_in = run()
    assert said == "" and "OnFailure=halt.target" in drop_in


def test_unreadable():
    """It says what it could not read, and leaves the unit's own power-off."""
    said, drop_in = run("1")
    assert said == ("cocosecret: /proc/cmdline: Input/output error; a failure "
                    "will power off\n")
    assert drop_in == "none\n"


def test_read_once():
    """A second read could fail, or bring something else than the first."""
    assert run("2+") == run()


def test_root():
    """The unlocker's word, where the command line leaves it to somebody."""
    for cmdline in ("quiet", "root=", "root=gpt-auto", "root=gpt-auto rw"):
        said, unit = run(cmdline=cmdline, file="sysroot.mount")
        assert said == "" and "\nWhat=/run/cocosecret/root\n" in unit
    assert "\nOptions=rw\n" in unit
    for cmdline in ("root=/dev/vda", "root=UUID=gpt-auto", "rd.cocosecret=0"):
        assert run(cmdline=cmdline, file="sysroot.mount")[1] == "none\n"


UNITS = {"cocosecret-agent.service": "TimeoutStartSec",
         "cocosecret-unlock.service": "TimeoutStartSec",
         "initrd-root-device.target": "JobTimeoutSec"}
KBS = "mkdir /etc/cocosecret; : >/etc/cocosecret/kbs"


def limit(unit, timeout=None, kbs="", before=""):
    """Of a unit, in seconds."""
    words = f"rd.cocosecret.timeout={timeout} {kbs}" if timeout else kbs
    said, text = run(cmdline=words, file=f"{unit}.d/61-cocosecret-timeout.conf", before=before)
    assert said == ""
    (value,) = re.findall(rf"^{UNITS[unit]}=(\d+)$", text, re.M)
    return int(value)


@pytest.mark.parametrize("timeout", [1, 30, 400])
@pytest.mark.parametrize("kbs, before", [("", ""), ("rd.cocosecret.kbs=serial:a", ""), ("", KBS)])
def test_timeouts(timeout, kbs, before):
    """Each program's own limit comes before its unit's, and the root's device is
    waited for until all units before it must have ended."""
    agent, unlock, root = (limit(unit, timeout, kbs, before) for unit in UNITS)
    assert agent > timeout + 60 and unlock > 2 * timeout  # a report, a volume
    assert root >= unlock + (agent if kbs or before else timeout)


def test_timeouts_of_the_units():
    """What the files have, where the generator does not run, is for the default."""
    for unit, setting in UNITS.items():
        name = "initrd-root-device.conf" if unit.startswith("initrd") else f"{unit}.in"
        (value,) = re.findall(rf"^{setting}=(\d+)$",
                              (catalogue.TOP / "dracut" / name).read_text(), re.M)
        assert int(value) == limit(unit)


def test_failing_units():
    """The list has each unit of ours that powers off where it fails; but for
    the shell, which is what a failure may end in."""
    listed = re.findall(r'^"(.*)",$', (
        catalogue.TOP / "unlock/generator/failing-units.inc").read_text(),
        re.M)
    ours = [path.stem for path in
            (catalogue.TOP / "dracut").glob("cocosecret-*.service.in")
            if "\nFailureAction=poweroff-immediate\n" in path.read_text()]
    assert sorted([*listed, "cocosecret-shell.service"]) == sorted(ours)
