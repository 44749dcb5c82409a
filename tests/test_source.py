# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-unlock with the secrets of an agent: up to the devices, which
are not there, in mounts that end with the program.

With a root, in a guest: tests/vm/test_source.py.
"""

import os
import re

import pytest

from harness.known import DISK, OTHER
from harness.unlocker import RUN, run


def test_none():
    """No secret within the time: exit 3, and the folder is there."""
    status, seconds, said = run("unlock; s=$?; stat -f -c %T $run; "
                                "stat -c %a:%u $run; exit $s")
    assert status == 3 and 1 <= seconds < 10
    assert f"secret {DISK} is not there; there are: none (exit 3)" in said
    assert said.endswith("ramfs\n700:0\n")


@pytest.mark.skipif(os.path.exists("/usr/lib/cocosecret/cocosecret-agent"),
                    reason="it is installed here")
def test_no_agent():
    """A broker is named, and nobody in the image asks it: said at once."""
    status, seconds, said = run("sed -i 's/$/ rd.cocosecret.kbs=serial:a/' /run/cmdline; "
                                "unlock; s=$?; ls $run 2>/dev/null; exit $s")
    assert status == 2 and seconds < 1
    assert "there is no /usr/lib/cocosecret/cocosecret-agent in this image" in said


def test_late():
    """One that comes in time is waited for; then it is the device that is not
    there, and what a failed run wipes."""
    status, _, said = run(
        f"ramfs; (sleep .4; put {DISK}) & unlock; s=$?; ls -A $run; exit $s")
    assert status == 4
    assert "all agent's secrets wiped" in said
    assert said.rstrip().endswith("(exit 4)")


def test_one_time():
    """Secrets and devices have one time together."""
    _, seconds, _ = run(
        f"sed -i s/=1/=3/ /run/cmdline; ramfs; (sleep 2; put {DISK}) & "
        "unlock")
    assert 3 <= seconds < 4.5


def test_all_waited_for():
    """Each secret that a volume cannot do without, and no other."""
    tab = f"echo 'data /dev/disk/by-id/none2 {OTHER} {{}}' >>/run/cocotab; "
    status, _, said = run(tab.format("-") + f"ramfs; put {DISK}; unlock")
    assert status == 3 and (f"secret {OTHER} is not there; there are: {DISK} "
                            "(exit 3)") in said
    status, _, said = run(tab.format("nofail")
                          + f"ramfs; put {DISK}; unlock")
    assert status == 4 and (f"secret {OTHER} is not there; there are: {DISK}; "
                            "it is nofail") in said


def test_wiped():
    """A failed run, and wipe, write zeros before they unlink: also what is
    not whole yet, and in folders that a run would not have used."""
    for mount in ("ramfs", "mkdir $run", "mkdir -m 755 $run"):
        for command in ("unlock", '"$unlock" wipe'):
            status, _, said = run(
                f"{mount}; put {DISK}; put .half; exec 3<$run/{DISK} "
                f"4<$run/.half; {command}; s=$?; ls -A $run; "
                "for fd in 3 4; do tr -d '\\0' <&$fd | wc -c; done; exit $s")
            assert said.endswith("\n0\n0\n") and RUN + "/" not in said
            assert re.search("all agent's secrets wiped$", said, re.M)
            # Nobody can look into the launch page here.
            assert "launch secrets may be left" in said
            assert status == (8 if "wipe" in command else
                              4 if mount == "ramfs" else 3)


def test_rest_wiped():
    """An image for an agent's secrets may have no efi_secret: a boot goes on
    without it, and claims nothing. Where the launch page is the source, it
    does not."""
    script = (f"ramfs; put {DISK}; : >/run/cocosecret/wipe-rest; "
              "echo rd.cocosecret.source={} >/run/kernel; "
              "mount --bind /run/kernel /proc/cmdline; "
              '"$unlock" wipe-rest; s=$?; ls -A $run; '
              "ls /run/cocosecret; exit $s")
    for source, wanted in (("run", 0), ("securityfs", 8)):
        status, _, said = run(script.format(source))
        assert status == wanted
        assert "launch secrets may be left" in said
        assert "all agent's secrets wiped" in said
        assert said.endswith("\nsecrets\nvolumes\nwipe-rest\n")


def test_open_folder():
    """One that others may read, or that may be swapped, is not used."""
    for mount in ("mkdir $run", "ramfs; chmod 750 $run",
                  "ramfs; chown 1 $run"):
        status, seconds, said = run(f"{mount}; put {DISK}; unlock")
        assert status == 3 and seconds < 1
        assert "must be a ramfs that root owns, of mode 0700" in said


def test_discover():
    """Without a cocotab, the first secret is waited for."""
    script = ": >/run/cocotab; ramfs; put .half; "
    status, seconds, said = run(script + "unlock")
    assert status == 3 and seconds >= 1
    assert f"no secret came into {RUN} (exit 3)" in said
    status, _, said = run(
        script + f"(sleep .4; put {DISK}) & unlock")
    assert f"no secret came into {RUN}" not in said
