# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command line and cocotab can ask for, seen in a booted guest."""

import os

import pytest

from harness import expect, image, initrd, known, place, rootvm, table

DROP_IN = "etc/systemd/system/cocosecret-unlock.service.d/{}.conf"
VERIFY = "etc/systemd/system/cocosecret-verify-mounts.service.d/test.conf"


def secrets_left(guest):
    return guest.check(f"ls {rootvm.SECRETS}").split()


@pytest.mark.slow
def test_late_device():
    """The disk comes 10 seconds after the unlocker began to wait for it, and
    meanwhile nothing is busy."""
    with rootvm.guest("amdsev", plugged=False, cmdline="loglevel=7") as guest:
        rootvm.plug_late(guest, guest.disk)
        guest.wait_ready()
        assert secrets_left(guest) == []
        run = guest.check(f"cat {rootvm.STATE}/run.json")
        waited = int(run.split('"devices_us":')[1].split(",")[0])
        assert waited > 8e6
        print(f"waited {waited / 1e6:.1f} s for the disk, then booted")


@pytest.mark.spare
def test_nofail_and_keep_secret(other):
    """A nofail volume that is not there holds nothing up and its secret goes;
    keep-secret keeps the other one; a second run is content with the first."""
    data = f"rd.cocosecret=data:{known.NOWHERE}:{known.OTHER}:unsealed,nofail"
    volumes = f"{rootvm.volume(options='unsealed,keep-secret')} {data}"
    with rootvm.guest("amdsev", others={known.OTHER: other},
                      volumes=volumes) as guest:
        guest.wait_ready()
        assert secrets_left(guest) == [known.DISK]
        log = guest.check("dmesg | grep 'cocosecret: '")
        assert "data: device" in log and "nofail" in log
        guest.check("umount /sys/kernel/security")
        guest.check("cocosecret-unlock --cmdline /proc/cmdline")
        assert "root: is open already" in guest.check("dmesg | tail -n 9")
        assert secrets_left(guest) == [known.DISK]
        guest.check(f"echo '{rootvm.volume()}' >/run/cmdline")
        guest.check("cocosecret-unlock --cmdline /run/cmdline")
        assert secrets_left(guest) == []
        print(log)


@pytest.mark.spare
def test_second_volume_absent(other):
    """One volume opens, another that the boot needs does not come: the first
    is closed again, every secret is wiped, the disk is as it was."""
    data = f"rd.cocosecret=data:{known.NOWHERE}:{known.OTHER}:unsealed"
    with rootvm.guest("amdsev", others={known.OTHER: other}, own_disk=True,
                      volumes=f"{rootvm.volume()} {data}",
                      cmdline="rd.cocosecret.timeout=8") as guest:
        said = "\n".join(expect.refused(guest, 4).lines)
        assert "root: opened" in said and "root: closed again" in said
        expect.untouched(guest, place.sha256(image.disk().image))
        expect.gone(guest, image.disk().key, other, control=known.OTHER)
        print(said)


@pytest.mark.spare
def test_secret_that_cannot_be_wiped():
    """securityfs read-only: the volume opens, the unlink fails, exit 8."""
    files = {DROP_IN.format("read-only"): (
        b"[Service]\nExecStartPre=/bin/sh -c '/sbin/modprobe efi_secret; "
        b"/bin/mount -o remount,ro /sys/kernel/security'\n")}
    with rootvm.guest("amdsev", files=files) as guest:
        expect.refused(guest, 8)


def four_secrets():
    """The disk's, and three that nobody in the initramfs asks for."""
    return {known.DISK: image.disk().key,
            **{known.OTHER[:-1] + last: os.urandom(40) for last in "123"}}


@pytest.mark.spare
def test_wipe_rest():
    """When the root runs, no secret is left: not in the folder, not in
    memory. Without the option they stay (test_boot)."""
    secrets = four_secrets()
    with rootvm.guest("amdsev", launch_table=table.build(secrets),
                      volumes=rootvm.volume(
                          options="unsealed,keep-secret,wipe-rest")) as guest:
        guest.wait_ready()
        assert secrets_left(guest) == []
        expect.gone(guest, *secrets.values(), control="keep-secret,wipe-rest")
        print(guest.check("dmesg | grep -e 'secrets wiped' -e 'lies on'"))


@pytest.mark.slow
def test_rest_that_cannot_be_wiped():
    """Exit 8, and the root does not start."""
    mount = b"ExecStartPre=/bin/mount {} /sys/kernel/security\n"
    spoil = initrd.DROP_IN + (
        mount.replace(b"{}", b"--bind /sys/kernel/security") +
        mount.replace(b"{}", b"-o remount,bind,ro"))
    with rootvm.guest("amdsev", launch_table=table.build(four_secrets()),
                      volumes=rootvm.volume(options="unsealed,wipe-rest"),
                      files={VERIFY: spoil}) as guest:
        expect.refused(guest, 8)


@pytest.mark.slow
def test_on_failure_reboot():
    """rd.cocosecret.on-failure=reboot, by way of the generator."""
    launch = table.build({known.OTHER: b"x" * 32})
    with rootvm.guest("amdsev", launch_table=launch,
                      cmdline="rd.cocosecret.on-failure=reboot") as guest:
        assert guest.wait_report().exit == "3"
        assert guest.wait_off(30) == "guest-reset"


@pytest.mark.slow
def test_off():
    """rd.cocosecret=0: any root is booted, as without us."""
    rootvm.assert_off("generic")


LIBRARY = "usr/lib/x86_64-linux-gnu/libcryptsetup.so.12"
KILLER = "alloc.so"
UNITS = {  # how the unit says it ended, lines for it, files for the initramfs
    "no program": ("203", b"ExecStart=\nExecStart=/no/such/program\n", {}),
    "no library": ("127", b"", {LIBRARY: b""}),
    "no memory": ("127", b"LimitAS=8M\n", {}),
    "killed": ("KILL", b"ExecStart=\nExecStart=/bin/sh -c 'LD_PRELOAD=/"
               + KILLER.encode() + b" ALLOC_KILL=" + rootvm.SECRETS.encode()
               + b" exec /usr/bin/cocosecret-unlock'\n", {KILLER: None}),
}


@pytest.mark.spare
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith("no ") else name
    for name in UNITS])
def test_unlocker_cannot(name):
    """The unit, not the program, powers off; the module wipes even then."""
    status, lines, files = UNITS[name]
    files = {path: content if content is not None else next(
        file for file in image.programs() if file.name == path)
             for path, content in files.items()}
    files[DROP_IN.format("cannot")] = b"[Service]\n" + lines
    with rootvm.guest("amdsev", files=files) as guest:
        report = guest.wait_report()
        assert report.exit == status
        assert guest.wait_off(30) == "guest-shutdown"
        if name == "killed":
            assert any("secrets in securityfs" in line
                       for line in report.lines)
        if name != "no memory":  # nor is there any to load the module with
            expect.gone(guest, image.disk().key)
        print(f"{name}: {report.exit} ({report.result})")
