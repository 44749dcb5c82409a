# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is configured: the tokens decide what is opened, and what of it is
the root."""

import os
import pathlib

import pytest

from . import image, place, rootvm, table
from .test_boot import assert_root_is_unlocked
from .test_root import SHELLS, VERIFY_ROOT, plain as plain_disk, reporting

LIMIT = 150
KINDS = ("generic", pytest.param("initramfs-tools", marks=pytest.mark.slow),
         pytest.param("dracut-plain", marks=pytest.mark.slow))
OTHER = "4a6bd4f2-5a42-4f0c-8f2b-0d9a7a3c1e10"


def guest_of(kind, **settings):
    """Without a volume on the command line; with no root either, unless
    asked."""
    return rootvm.guest("amdsev", kind, disk=image.sealed(), volumes="",
                        **{"root": ""} | settings)


@pytest.mark.parametrize("kind", KINDS)
def test_boot(kind):
    """No cocotab, no rd.cocosecret=, no root=; a second volume that has no
    token, and a plain disk with the root's names, are left alone."""
    with place.scratch() as folder, guest_of(
            kind, after=[plain_disk(folder),
                         formatted(folder, "stranger")[0]]) as guest:
        guest.wait_ready()
        assert_root_is_unlocked(guest)
        assert guest.check(f"readlink {rootvm.STATE}/root") == \
            f"/dev/mapper/{image.MAPPING}"
        assert guest.check("ls /dev/mapper").split() == ["control",
                                                         image.MAPPING]
        print(guest.check("dmesg | grep 'found on\\|left alone'"))


def formatted(folder, name):
    """(disk, the file of its key), not enrolled."""
    path, key = (pathlib.Path(folder) / f"{name}.{kind}"
                 for kind in ("img", "key"))
    key.write_bytes(os.urandom(32))
    with open(path, "wb") as file:
        file.truncate(20 << 20)
    place.run("cryptsetup", "luksFormat", "--type", "luks2", "-q",
              "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
              "--key-file", key, path)
    return path, key


def data(folder):
    """(disk, key) of a volume that its owner sealed under the name data."""
    path, owner = formatted(folder, "data")
    key = owner.with_name("new.key")
    key.write_bytes(os.urandom(32))
    place.run(place.BUILD / "cocosecret", "enroll", path, "--name", "data",
              "--new-key-file", key, "--key-file", owner)
    return path, key.read_bytes()


@pytest.mark.slow
def test_other_name_is_no_root():
    """The only volume there, but sealed under another name: no root."""
    with place.scratch() as folder:
        path, key = data(folder)
        with guest_of("generic", plugged=False, after=[path],
                      launch_table=table.build({table.DISK: key}),
                      files=reporting(VERIFY_ROOT, *SHELLS)) as guest:
            report = guest.wait_report(LIMIT)
            assert guest.wait_off(30) == "guest-shutdown"
            assert "data: opened" in "\n".join(report.lines)
            assert report.faults()[0].startswith("nothing is mounted")
            print(report.faults()[0])


def test_two_of_one_name():
    """A copy of the disk: neither is believed."""
    with place.scratch() as folder:
        copy = image.sealed().copy(pathlib.Path(folder))
        with guest_of("generic", after=[copy]) as guest:
            report = guest.wait_report(LIMIT)
            assert report.exit == "5"
            assert "two devices" in report.faults()[0]
            assert guest.wait_off(30) == "guest-shutdown"
            print(report.faults()[0])
