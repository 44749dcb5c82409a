# SPDX-License-Identifier: GPL-2.0-or-later
"""Only what was unlocked becomes the root, and no failure ends in a shell."""

import os
import pathlib
import subprocess

import pytest

from harness import (expect, image, initrd, intruder, known, place, rootvm,
                     units)

LIMIT = 240
REFUSED = "5"


def mapping_of(guest, path):
    """The dm UUID of the device that a file system is on."""
    number = guest.check(f"findmnt -no MAJ:MIN {path} | tail -n 1").strip()
    return guest.check(f"cat /sys/dev/block/{number}/dm/uuid")


@pytest.mark.parametrize("name", [
    f"UUID={known.FS_UUID}",
    pytest.param(f"LABEL={known.FS_LABEL}", marks=pytest.mark.spare)])
@pytest.mark.parametrize("order", [
    "before", pytest.param("after", marks=pytest.mark.spare)])
def test_same_name(order, name, folder, record_property):
    """A plain disk that calls itself the root: never booted."""
    row = f"root={name[:10]}, plain disk {order}"
    with rootvm.guest("amdsev", cmdline=f"root={name}",
                      files=units.reporting(units.VERIFY_ROOT),
                      **{order: [intruder.disk(folder)]}) as guest:
        report = guest.wait_outcome(LIMIT)
        if report:
            assert report.exit == REFUSED
            assert guest.wait_off(30) == "guest-shutdown"
            print(f"plain disk {order}: refused: {report.faults()[0]}")
            record_property("table", f"{row:36}    5 at verify-root")
            return
        assert mapping_of(guest, "/").startswith("CRYPT-LUKS2-")
        print(f"plain disk {order}: the unlocked root was mounted")
        record_property("table", f"{row:36}    0 the unlocked root is booted")


# In the place of a unit; a mask would not do, since others require it.
IDLE = b"""[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/true
"""


def test_plain_root(folder, other):
    """Even where the command line names a plain disk: refused, before its
    fstab is read; a secret that nobody used is wiped. Without the units it
    would have been booted."""
    disk = intruder.disk(folder)
    with rootvm.guest("amdsev", cmdline=intruder.PLAIN_ROOT, after=[disk],
                      others={known.OTHER: other},
                      files=units.reporting(units.VERIFY_ROOT)) as guest:
        (fault,) = expect.refused(guest, REFUSED, limit=LIMIT).faults()
        assert fault.startswith("/sysroot (ext4) is on vdb ")
        expect.gone(guest, other, control=known.OTHER)
    idle = {units.UNIT.format(unit): IDLE
            for unit in (units.VERIFY_ROOT, units.VERIFY_MOUNTS)}
    with rootvm.guest("amdsev", cmdline=intruder.PLAIN_ROOT, after=[disk],
                      files=idle) as guest:
        print("without verify-root:", expect.intruded(guest, LIMIT))


MOUNT_BELOW = (b"mount -t ext4 /dev/disk/by-id/virtio-disk1 /sysroot/mnt "
               b">/dev/kmsg 2>&1\n")
LATE = {  # the last hooks that others have, and who reports then
    "generic": units.reporting(units.VERIFY_MOUNTS, **{
        "usr/lib/dracut/hooks/pre-pivot/99-mount.sh": MOUNT_BELOW}),
    "dracut-plain": {"usr/lib/dracut/hooks/cleanup/99-mount.sh": MOUNT_BELOW},
}


@pytest.mark.parametrize("variant", [
    "generic", pytest.param("dracut-plain", marks=pytest.mark.spare)])
def test_mount_below(variant, folder):
    """What is mounted below the new root counts, too, until the very end."""
    with rootvm.guest("amdsev", variant, after=[intruder.disk(folder)],
                      files=LATE[variant]) as guest:
        report = expect.refused(guest, REFUSED, limit=LIMIT)
        assert report.faults()[0].startswith("/sysroot/mnt (ext4) is on vdb ")


def test_verify_root(folder):
    """Exit statuses in a booted guest, for the root and what is put below."""
    cases = {
        "the root": (0, "true", "/"),
        "a bind mount of it": (0, "mount --bind /usr /mnt", "/mnt"),
        "no mount": (5, "umount /mnt", "/mnt"),
        "memory": (5, "mount -t tmpfs none /mnt", "/mnt"),
        "memory below": (0, "true", "/"),
        "an overlay of the root in memory":
            (0, "mkdir /mnt/u /mnt/w /mnt/o && mount -t overlay none "
                "-o lowerdir=/usr,upperdir=/mnt/u,workdir=/mnt/w /mnt/o",
             "/mnt/o"),
        "a plain disk": (5, "umount /mnt/o && mkdir /mnt/p && mount "
                            "/dev/disk/by-id/virtio-disk1 /mnt/p", "/mnt/p"),
        "a plain disk below": (5, "true", "/"),
        "an overlay of a plain disk":
            (5, "mount -t overlay none -o lowerdir=/usr:/mnt/p/etc /mnt/o",
             "/mnt/o"),
        "a bind mount of a plain disk":
            (5, "umount /mnt/o && mkdir /run/b && mount --bind /mnt/p/etc "
                "/run/b && umount /mnt/p", "/run/b"),
        "without it again": (0, "umount /run/b", "/"),
        "a folder that is not there": (7, "true", "/no/such"),
        "no folder": (2, "true", ""),
    }
    with rootvm.guest("amdsev", after=[intruder.disk(folder)],
                      cmdline="rd.driver.pre=overlay") as guest:
        guest.wait_ready()
        for name, (expected, prepare, path) in cases.items():
            guest.check(prepare)
            status, _ = guest.run(f"cocosecret-unlock verify-root {path}")
            said = guest.check("dmesg | grep cocosecret: | tail -n 1")
            print(f"{status} {name}: {said.split('cocosecret: ')[-1]}")
            assert status == expected, name


def unpacked(folder, variant):
    """dracut's image as a tree."""
    packed = initrd.dracut(variant)
    subprocess.run(f"zcat {packed} | cpio -idm --quiet --no-absolute-filenames",
                   shell=True, cwd=folder, check=True,
                   stderr=subprocess.DEVNULL)
    return pathlib.Path(folder)


VENDOR = "usr/lib/systemd"
# Whatever releases call them: what may start is on a list.
DOORS = ("debug-shell", "getty", "systemd-ask-password", "hibernate",
         "dracut-cmdline-ask", "emergency", "rescue", "breakpoint", "gpt-auto",
         "debug-generator", "run-generator", "system-update", "sysext",
         "credentials", "ssh", "repart")


GONE = ["sulogin", "systemd-ask-password", "systemd-tty-ask-password-agent",
        "systemd-hibernate-resume", "dracut-cmdline-ask"]


@pytest.mark.parametrize("variant", [
    variant if variant == "generic" else
    pytest.param(variant, marks=pytest.mark.spare)
    for variant in initrd.VARIANTS])
def test_image_is_closed(variant):
    """No door in it, whatever else dracut put there."""
    with place.scratch() as folder:
        top = unpacked(folder, variant)
        system = top / "etc/systemd/system"
        assert os.readlink(top / "init") == \
            "usr/lib/systemd/system-generators/cocosecret-generator"
        masked = [path.name for kind in ("system", "system-generators")
                  for path in (top / "etc/systemd" / kind).iterdir()
                  if path.is_symlink() and os.readlink(path) == "/dev/null"]
        doors = [path.name for kind in ("system", "system-generators")
                 for path in (top / VENDOR / kind).iterdir()
                 if path.suffix != ".target" and not path.is_dir()
                 and any(door in path.name for door in DOORS)]
        assert "debug-shell.service" in doors
        assert set(doors) <= set(masked)
        for unit in units.SHELLS:
            closed = (system / f"{unit}.service").read_text()
            assert "FailureAction=poweroff-immediate" in closed
        users = (top / "etc/passwd").read_text().splitlines()
        assert {line.split(":")[1] for line in users} == {"x"}
        shadow = (top / "etc/shadow").read_text().splitlines()
        assert {line.split(":")[1] for line in shadow} == {"!*"}
        assert {line.split(":")[0] for line in users} == {
            line.split(":")[0] for line in shadow}
        for name in GONE:
            assert not list(top.rglob(name)), name
        dmsetup = bool(list(top.rglob("dmsetup")))
        assert dmsetup == (variant in ("generic", "hostonly"))
        for rules in top.rglob("rules.d/*dm*.rules"):
            assert dmsetup or "dmsetup" not in rules.read_text(), rules
        print(f"{variant}: {len(masked)} units and generators masked, "
              f"{len(shadow)} users locked")


@pytest.mark.parametrize("cmdline", [
    pytest.param("rd.systemd.unit=emergency.target", marks=pytest.mark.slow),
    pytest.param("rd.systemd.unit=rescue.target", marks=pytest.mark.slow),
    pytest.param("rd.break", marks=pytest.mark.slow),
    pytest.param("rd.break=pre-mount rd.shell=1", marks=pytest.mark.spare),
    "systemd.debug_shell rd.systemd.debug_shell rd.cmdline=ask "
    f"root={known.NOWHERE} rd.cocosecret.timeout=8"])
def test_no_shell(cmdline, other):
    """Every way to a shell ends the machine, with the secrets wiped."""
    with rootvm.guest("amdsev", cmdline=cmdline, others={known.OTHER: other},
                      files=units.reporting(*units.SHELLS)) as guest:
        report = guest.wait_report(LIMIT)
        assert guest.wait_off(60) == "guest-shutdown"
        expect.gone(guest, image.disk().key, other)
        print(f"off after {guest.age():.1f} s; " + "; ".join(
            line.split("] ")[-1] for line in report.lines[-2:]))


@pytest.mark.slow
def test_on_failure_of_the_boot():
    """rd.cocosecret.on-failure holds for a boot that fails later, too."""
    with rootvm.guest("amdsev", cmdline=f"root={known.NOWHERE} "
                      "rd.cocosecret.timeout=8 rd.cocosecret.on-failure=reboot",
                      files=units.reporting(*units.SHELLS)) as guest:
        guest.wait_report(LIMIT)
        assert guest.wait_off(60) == "guest-reset"
        print(f"reset after {guest.age():.1f} s")
