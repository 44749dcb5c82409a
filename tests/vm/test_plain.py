# SPDX-License-Identifier: GPL-2.0-or-later
"""initramfs-tools, and dracut without systemd: no unit there does anything."""

import os
import time

import pytest

from harness import (expect, image, initrd, intruder, known, place, plain,
                     rootvm, table)

LIMIT = 150
SEALED = rootvm.volume(options="")

pytestmark = pytest.mark.parametrize("kind", plain.IMAGES)


def sealed_guest(kind, **settings):
    """The sealed disk."""
    return rootvm.guest("amdsev", kind, disk=image.sealed(),
                        **{"volumes": SEALED} | settings)


def test_boot(kind, other):
    """The sealed root is on the mapping, and no copy of its key is left, nor
    of a secret that wipe-rest was asked for."""
    with sealed_guest(kind, volumes=rootvm.volume(options="wipe-rest"),
                      others={known.OTHER: other}) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        expect.gone(guest, image.sealed().key, other)
        # cryptroot found it open and asked nobody.
        assert b"nlock disk" not in guest.log_path("console").read_bytes()
        print(f"agent after {guest.age():.1f} s, key nowhere")


@pytest.mark.spare
def test_wrong_key(kind):
    """One line, power-off, an untouched disk."""
    wrong = table.build({known.DISK: os.urandom(32)})
    with sealed_guest(kind, own_disk=True, launch_table=wrong) as guest:
        expect.refused(guest, 5, limit=LIMIT)
        expect.untouched(guest, place.sha256(image.sealed().image))


DOORS = {  # what would give a shell
    "break": {"initramfs-tools": "break=premount",
              "dracut-plain": "rd.break=pre-udev rd.shell=1"},
    "no-root": {"initramfs-tools": f"root={known.NOWHERE}",
                "dracut-plain": f"root={known.NOWHERE} rd.retry=5 rd.shell=1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_no_shell(kind, door, other):
    """Neither asked for nor after a failure; what comes instead can be
    chosen."""
    reboot = "rd.cocosecret.on-failure=reboot"
    with sealed_guest(kind, cmdline=f"{DOORS[door][kind]} {reboot}",
                      others={known.OTHER: other}) as guest:
        assert guest.wait_off(LIMIT) == "guest-reset"
        expect.gone(guest, image.sealed().key, other, control=reboot)
        print(f"{DOORS[door][kind]}: reset after {guest.age():.1f} s")


@pytest.mark.slow
def test_shell(kind):
    """The command line may ask for one; the secrets are wiped before."""
    prompt = {"initramfs-tools": b"(initramfs)", "dracut-plain": b"dracut:"}
    with sealed_guest(kind, cmdline="rd.cocosecret.on-failure=shell",
                      launch_table=table.build({
                          known.OTHER: image.sealed().key})) as guest:
        assert guest.wait_report(LIMIT).exit == "3"
        console = guest.log_path("console")
        deadline = time.monotonic() + 60
        while prompt[kind] not in console.read_bytes():
            assert time.monotonic() < deadline, "no prompt"
            time.sleep(0.2)
        expect.gone(guest, image.sealed().key, control=known.OTHER)
        print(f"a shell after {guest.age():.1f} s, and no secret")


@pytest.mark.slow
def test_unlocker_that_cannot_start(kind):
    """The script sees to it that the secrets are wiped and the machine off."""
    with sealed_guest(kind, files={plain.UNLOCKER: b"\x7fELF"}) as guest:
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        expect.gone(guest, image.sealed().key)
        print(f"off after {guest.age():.1f} s")


# What boot scripts use of a root that they have just mounted.
SOURCED = "etc/sysconfig/readonly-root"
TRAPS = {
    SOURCED: intruder.INTRUSION,
    # e2fsck gets them.
    "fsckoptions": b"-X\n",
    # Mounted over the initramfs's own, it brings another unlocker.
    "etc/fstab": b"/dev/vdb /usr ext4 defaults 0 0\n",
    "usr": "/usr",
    "bin/sh": initrd.BUSYBOX.read_bytes(),
    "bin/cocosecret-unlock": b"#!/bin/sh\n" + intruder.INTRUSION,
}
# Others that come early, as dracut's for SELinux and for /etc/fstab.sys do.
USE = {"usr/lib/dracut/hooks/pre-pivot/00-use.sh":
       b'. "$NEWROOT"/%s\n' % SOURCED.encode()}


def test_plain_root(kind, folder, other):
    """A disk that was not unlocked is not booted, whatever names it, and no
    script uses it before; a secret that nobody used is wiped."""
    with sealed_guest(kind, cmdline=intruder.PLAIN_ROOT, files=USE,
                      others={known.OTHER: other},
                      after=[intruder.disk(folder, TRAPS)]) as guest:
        expect.refused(guest, 5, limit=LIMIT)
        expect.gone(guest, image.sealed().key, other, control=known.OTHER)


@pytest.mark.slow
def test_off(kind):
    """rd.cocosecret=0: a boot as without us, where cryptroot would ask."""
    if kind == "dracut-plain":
        rootvm.assert_off(kind)
        return
    with sealed_guest(kind, volumes="rd.cocosecret=0",
                      cmdline="loglevel=7") as guest:
        guest.wait_console("cocosecret: off by rd.cocosecret=0", LIMIT)
        guest.wait_console("nlock disk", LIMIT)


# In the place of init's own, which reads the root's fstab.
FSTAB = b""". /scripts/cocosecret
read_fstab_entry()
{
	MNT_FSNAME=/dev/mapper/root MNT_DIR=/mnt MNT_TYPE=ext4 MNT_OPTS=ro MNT_PASS=0
}
"""


@pytest.mark.slow
def test_usr(kind):
    """Init mounts what a verified root's fstab has for /usr."""
    if kind != "initramfs-tools":
        pytest.skip("only init of initramfs-tools does")
    with sealed_guest(kind, files={"conf/param.conf": FSTAB}) as guest:
        guest.wait_ready(LIMIT)
        guest.check("mountpoint /mnt")
        said = guest.check("dmesg -t | grep -c 'lies on mappings of this boot'")
        print(f"/usr is mounted; the root was verified {said} times")
