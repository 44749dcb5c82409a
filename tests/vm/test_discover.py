# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is configured: the tokens decide what is opened, and what of it is
the root."""

import os
import pathlib

import pytest

from harness import disks, expect, image, intruder, known, place, rootvm, units

LIMIT = 150
KINDS = ("generic", pytest.param("initramfs-tools", marks=pytest.mark.slow),
         pytest.param("dracut-plain", marks=pytest.mark.slow))
DATA_UUID = known.OTHERS[1]
CONFIGURED = (f"{rootvm.volume(options='')} "
              f"rd.cocosecret=data:UUID={DATA_UUID}")


def guest_of(kind, **settings):
    """Without a volume or a root on the command line, unless asked."""
    return rootvm.guest("amdsev", kind, disk=image.sealed(),
                        **{"root": "", "volumes": ""} | settings)


@pytest.mark.spare
@pytest.mark.parametrize("kind", KINDS)
def test_boot(kind, folder):
    """No cocotab, no rd.cocosecret=, no root=; a second volume that has no
    token, and a plain disk with the root's names, are left alone."""
    with guest_of(kind, after=[intruder.disk(folder),
                               formatted(folder, "stranger")[0]]) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert guest.check(f"readlink {rootvm.STATE}/root") == known.MAPPED
        assert guest.check("ls /dev/mapper").split() == ["control",
                                                         known.MAPPING]
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


def another(folder, *words, uuid=known.FS_UUID):
    """Another volume of the owner's, sealed with the root's own secret: its
    file system has an init and may have the UUID of the root's."""
    path = intruder.disk(folder, uuid=uuid)
    key = path.with_suffix(".key")
    key.write_bytes(image.sealed().key)
    image.encrypt(path, key, DATA_UUID)
    place.run(place.BUILD / "cocosecret", "enroll", path, *words,
              "--new-key-file", key, "--key-file", key)
    return path


def of_root_type(folder, *words):
    """It, on a partition that says that the root is there."""
    path = pathlib.Path(folder) / "typed"
    return disks.partitioned(path, "gpt", [
        (another(folder, *words), f"type={known.ROOT_TYPE}")])


def assert_off(guest, says, status="5"):
    """Refused, with a line that says why; the machine is off then."""
    report = expect.refused(guest, status, limit=LIMIT, off=60)
    assert any(says in fault for fault in report.faults()), report.lines


@pytest.mark.spare
@pytest.mark.parametrize("kind", KINDS)
def test_partition_type(kind, folder):
    """An unnamed volume on a partition of the root type is opened beside the
    one that is sealed as the root, which is booted."""
    with guest_of(kind, after=[of_root_type(folder)]) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert guest.check(f"readlink {rootvm.STATE}/root") == known.MAPPED
        names = guest.check("ls /dev/mapper").split()
        assert names == ["control", f"luks-{DATA_UUID}", known.MAPPING]
        print(" ".join(names))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_root_withheld(kind, folder):
    """The only volume there is sealed without a name, on a partition of the
    root type, with a root in it."""
    with guest_of(kind, plugged=False, after=[of_root_type(folder)],
                  cmdline="rd.cocosecret.timeout=8") as guest:
        assert_off(guest, "none that is sealed under the name root")


@pytest.mark.slow
@pytest.mark.parametrize("root", ["", f"root=UUID={known.FS_UUID}"])
def test_other_name_is_no_root(root, folder):
    """The only volume there, but sealed under another name."""
    with guest_of("generic", plugged=False, root=root,
                  after=[another(folder, "--name", "data")],
                  cmdline="rd.cocosecret.timeout=8") as guest:
        assert_off(guest, "volume data was found, but none")


@pytest.mark.spare
@pytest.mark.parametrize("volumes", [
    "", pytest.param(CONFIGURED, id="configured", marks=pytest.mark.slow)])
def test_uuid_of_another_volume(volumes, folder):
    """root=UUID= is the file system of another volume of the owner's: what a
    host could bring about with two that have the same one."""
    data = another(folder, "--name", "data", uuid=known.OTHER)
    with guest_of("generic", after=[data], volumes=volumes,
                  root=f"root=UUID={known.OTHER}",
                  files=units.reporting(units.VERIFY_ROOT)) as guest:
        assert_off(guest, "but the root is the volume root")


@pytest.mark.slow
@pytest.mark.parametrize("order", ["before", "after"])
def test_same_uuid(order, folder):
    """Both have one UUID: the root, or none, whatever udev found first."""
    with guest_of("generic", root=f"root=UUID={known.FS_UUID}",
                  files=units.reporting(units.VERIFY_ROOT),
                  **{order: [another(folder, "--name", "data")]}) as guest:
        report = guest.wait_outcome(LIMIT)
        if not report:
            source = guest.check("findmnt -no SOURCE /")
            assert source == known.MAPPED
            print(f"disk {order}: the root is booted")
            return
        assert report.exit == "5"
        assert guest.wait_off(60) == "guest-shutdown"
        print(f"disk {order}: {report.faults()[0]}")


@pytest.mark.slow
def test_named_by_the_command_line(folder):
    """root=/dev/mapper/NAME is the owner's word."""
    with guest_of("generic", after=[another(folder, "--name", "data")],
                  root="root=/dev/mapper/data") as guest:
        print(expect.intruded(guest, LIMIT) + ", as asked")


@pytest.mark.spare
def test_two_of_one_name(folder):
    """A copy of the disk: neither is believed."""
    with guest_of("generic", after=[image.sealed().copy(folder)]) as guest:
        expect.refused(guest, 5, "two devices", LIMIT)
