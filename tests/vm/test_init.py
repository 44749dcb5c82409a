# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs of one program: cocosecret-init opens the root and starts it."""

import os
import re
import time
import typing

import pytest

from attacks import booted, scenes
from attacks.catalogue import Volume, keygen_owner, public, sign
from harness import (expect, hostvm, image, intruder, keys, known, place,
                     rootvm, single, smallroot, table)
from host import catalogue, shown

LIMIT = 120
TABLE = "table"  # see tests/conftest.py


def boot(initramfs=None, kind="amdsev", **settings):
    """A guest with it, and a sealed root."""
    return rootvm.guest(kind, initramfs or single.initramfs(), **{
        "disk": image.sealed(), "volumes": rootvm.volume(options="")}
                        | settings)


def console_of(guest):
    """All that it has shown."""
    return guest.log_path("console").read_text(errors="replace")


NAMES = (known.MAPPED, f"/dev/disk/by-uuid/{known.FS_UUID}",
         f"/dev/disk/by-label/{known.FS_LABEL}")


def test_boot():
    """A real root with systemd does not notice, and no key is left."""
    with boot() as guest:
        guest.wait_ready(LIMIT)
        seconds = guest.age()
        expect.unlocked(guest)
        guest.check("cocosecret-unlock verify-root /")
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        guest.run("systemctl is-system-running --wait", LIMIT)
        assert guest.run("systemctl --failed --no-legend --plain | grep -v ^$"
                         )[1] == b""
        for name in NAMES:  # an fstab may have any: none is waited for
            unit = guest.check(f"systemd-escape --path --suffix=device {name}")
            assert guest.check(f"systemctl is-active '{unit}'") == "active"
        loaded = set(guest.check("cut -d' ' -f1 /proc/modules").split())
        assert loaded <= single.modules()
        assert guest.check("cat /proc/sys/kernel/modprobe").endswith("modprobe")
        print(f"root's agent after {seconds:.1f} s")
        expect.gone(guest, image.sealed().key)


# Of each kind of scene one; make check-matrix MATRIX=attacks shows them all.
SHOWN = ("data cipher null", "token without a seal", "PBKDF2 bomb",
         "two disks: a copy", "two halves, asked for by UUID",
         "swapped after 3 reads, good first", "forged: never signed",
         "signed by its owner", "as it is")


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_attack(name, folder, record_property):
    """Refused with the disk as it was, or the owner's own root."""
    row = booted.show(name, booted.Maker(folder), folder / "scene")
    record_property(TABLE, scenes.line(f"init: {name}", row.ours))
    assert not row.wrong


class Case(typing.NamedTuple):
    """What fails, how it ends, and what the console says."""

    settings: typing.Callable  # folder -> boot()'s
    exit: int
    says: str
    off: str = "guest-shutdown"


# A secret of the launch that opens nothing.
SPARE = os.urandom(32)


def wrong_key(_folder):
    """It, in the place of the disk's."""
    return {"launch_table": table.build({known.DISK: SPARE})}


def absent(words):
    """No disk, and what the owner asked for."""
    return lambda _: {"volumes": rootvm.volume(known.NOWHERE, options=""),
                      "cmdline": f"rd.cocosecret.timeout=5 {words}"}


def malformed(_folder):
    """The right key, twice."""
    right = {known.DISK: image.sealed().key}
    return {"launch_table": table.malformed(right)["duplicate"]}


def empty_volume(folder):
    """No file system on it."""
    folder = folder / "disk"
    folder.mkdir()
    with open(folder / "disk.img", "wb") as file:
        file.truncate(8 * image.MIB)
    image.seal(folder / "disk.img")
    return {"disk": image.Disk(folder)}


CASES = {
    "wrong key": Case(wrong_key, 5, "seal"),
    "wrong key, unsealed": Case(lambda folder: wrong_key(folder) | {
        "disk": image.disk(), "volumes": rootvm.volume()}, 6,
        "opens no key slot"),
    "no secret": Case(lambda _: {"launch_table": table.build({
        known.OTHER: image.sealed().key})}, 3, known.DISK),
    "malformed table": Case(malformed, 3, "malformed"),
    "empty area": Case(lambda _: {"launch_table": b""}, 3,
                       "not launched with"),
    "no area": Case(lambda _: {"kind": "stock", "mode": "none"}, 3,
                    "not launched with"),
    "not sealed": Case(lambda _: {"disk": image.disk()}, 5,
                       "no cocosecret token"),
    "bad cocotab": Case(lambda _: {
        "volumes": "", "files": {"etc/cocotab": b"root\n"}}, 2,
                        "/etc/cocotab"),
    "no disk": Case(absent(""), 4, known.NOWHERE),
    "no disk, a shell wanted": Case(
        absent("rd.cocosecret.on-failure=shell"), 4,
        "no shell, since this image has none"),
    "no disk, a restart wanted": Case(
        absent("rd.cocosecret.on-failure=reboot"), 4, "the boot has failed",
        "guest-reset"),
    "no file system": Case(empty_volume, 2, "no file system that it knows"),
    "no init": Case(lambda folder: {"disk": smallroot.make(
        folder / "disk", init=None)}, 2, "the root has no /sbin/init"),
}


@pytest.mark.parametrize("name", [
    "wrong key", *(pytest.param(name, marks=pytest.mark.slow)
                   for name in CASES if name != "wrong key")])
def test_failure(name, folder):
    """The exit status in a line, nothing written, no secret left, off."""
    case = CASES[name]
    settings = {"root": f"{rootvm.ROOT} ro", "own_disk": True,
                "disk": image.sealed(), "others": {known.OTHER: SPARE}}
    settings |= case.settings(folder)
    with boot(**settings) as guest:
        before = place.sha256(guest.disk)
        assert guest.wait_off(LIMIT) == case.off
        print(f"off after {guest.age():.1f} s")
        console = console_of(guest)
        assert f"(exit {case.exit})" in console and case.says in console
        expect.untouched(guest, before)
        expect.gone(guest, SPARE, image.sealed().key, settings["disk"].key,
                    control=rootvm.ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("words, says", [
    ("", None), ("root=UUID=" + known.FS_UUID, None),
    ("root=LABEL=nobody", "no volume that this boot opened"),
    ("root=/dev/vda", "no volume that this boot opened"),
    ("root=/dev/mapper/../vda", "no volume that this boot opened"),
    ("root=/dev/mapper/root rootfstype=vfat", "does not mount"),
    ("root=/dev/mapper/root init=/none", "/none"),
])
def test_root(words, says):
    """How the command line names it."""
    with boot(root=words) as guest:
        if says is None:
            guest.wait_ready(LIMIT)
            return
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        assert says in console_of(guest)
        expect.gone(guest, image.sealed().key)


@pytest.mark.slow
def test_intruder(folder):
    """A plain disk with the root's UUID is never looked at."""
    with boot(root=f"root=UUID={known.FS_UUID}",
              before=[intruder.disk(folder)]) as guest:
        guest.wait_ready(LIMIT)
        assert guest.check("findmnt -no SOURCE /") == known.MAPPED
        guest.check("cocosecret-unlock verify-root /")


@pytest.mark.slow
def test_host(tmp_path, record_property):
    """What a host says by anything but the disk's header is not heard."""
    system = hostvm.ours("generic")._replace(initramfs=single.initramfs())
    heard = shown.show_all(system, tmp_path)
    shown.record(record_property, "cocosecret-init", heard)
    assert not shown.broken(heard)


@pytest.mark.slow
def test_keys():
    """While it waits for its disk, neither a magic key of the console's nor
    Ctrl-Alt-Del does anything; the root has them again."""
    system = hostvm.ours("generic")._replace(initramfs=single.initramfs())
    with hostvm.guest(system, catalogue.Said(), plugged=False,
                      cmdline=keys.WAITING) as guest:
        keys.wait(guest)
        for key in keys.KEYS:
            keys.press(guest, key)
        keys.press_ctrl_alt_del(guest)
        assert keys.arrived(guest) == 0
        guest.plug(guest.disk)
        guest.wait_ready(hostvm.LIMIT)
        assert guest.check("cat /proc/sys/kernel/sysrq") != "0"
        keys.press(guest, "t")
        assert keys.arrived(guest) == 1


@pytest.mark.slow
def test_disk_that_stalls():
    """A host whose disk stops answering when the volume is open: wiped, off."""
    with boot(cmdline="loglevel=7") as guest:
        guest.slow("disk0", 50000)  # or the mount is done before the stall
        guest.wait_console("opened /dev/vda", LIMIT)
        guest.slow("disk0", 1)
        assert guest.wait_off(600) == "guest-shutdown"
        expect.gone(guest, image.sealed().key)


@pytest.mark.slow
def test_systemd(folder):
    """It checks the read-only root, and executes itself anew; after its
    power-off the file system is clean."""
    with boot(root=f"{rootvm.ROOT} ro", own_disk=True) as guest:
        guest.wait_ready(LIMIT)
        guest.run("systemctl is-system-running --wait", LIMIT)
        assert guest.check("systemctl show systemd-fsck-root -P Result "
                           "-P ConditionResult").split() == ["success", "yes"]
        assert guest.check("findmnt -no OPTIONS /").startswith("rw")
        guest.check("systemctl daemon-reexec")
        assert guest.check("systemctl is-system-running") == "running"
        expect.unlocked(guest)
        guest.check("touch /written")
        guest.send("systemctl poweroff")
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        expect.gone(guest, image.sealed().key)
        for name in ("key", guest.disk.name):
            place.run("cp", "--sparse=always", (
                guest.disk if name != "key"
                else image.sealed().image.with_name(name)), folder)
    with boot(disk=image.Disk(folder)) as guest:
        guest.wait_ready(LIMIT)
        guest.check("test -e /written")
        assert "recover" not in guest.check("dmesg | grep EXT4-fs")


@pytest.mark.slow
def test_first_program(folder):
    """A script as /sbin/init finds a machine with nothing of ours but a closed
    mapping's record: no module that the image lacks, no process, no word."""
    with boot(disk=smallroot.make(folder / "disk")) as guest:
        guest.wait_ready(LIMIT)
        loaded = set(re.findall(r"^(\w+)", guest.check("cat /proc/modules"),
                                re.M))
        print(f"{len(loaded)} modules of {len(single.modules())}")
        assert {"dm_crypt", "efi_secret"} < loaded <= single.modules()
        environment = guest.check("tr '\\0' '\\n' </proc/1/environ").split()
        assert set(environment) == {"HOME=/", "TERM=linux"}
        names = guest.check("for f in /proc/[0-9]*; do [ -z \"$(cat $f/cmdline "
                            "| tr -d '\\0')\" ] || cat $f/comm; done").split()
        assert names.count("init") == 1  # the script's; so was ours called
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        expect.gone(guest, smallroot_key(folder))


def smallroot_key(folder):
    """What opened it."""
    return (folder / "disk/key").read_bytes()


@pytest.mark.slow
def test_owner(folder):
    """His key goes from the system into the image, which then takes what he has
    signed, and nothing else."""
    owner = keygen_owner(folder / "sign")
    keys = "/etc/cocosecret/owner.d"
    single.make(folder, f"mkdir -p {keys}; cat >{keys}/me.pem <<END\n"
                f"{public(owner).read_text()}END\n")
    disk = smallroot.make(folder / "disk")
    with boot(folder / "initrd.img", disk=disk) as guest:
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        assert "no owner has signed it" in console_of(guest)
        expect.gone(guest, smallroot_key(folder))
    sign(Volume(folder / "disk/disk.img", folder / "disk/key"), owner)
    with boot(folder / "initrd.img", disk=disk) as guest:
        guest.wait_ready(LIMIT)
        expect.gone(guest, smallroot_key(folder))


@pytest.mark.slow
@pytest.mark.parametrize("words, name", [
    ("", "init"), ("init=/sbin/openrc-init", "openrc-init")])
def test_other_inits(words, name):
    """sysvinit, which is that root's /sbin/init, and OpenRC's."""
    disk = smallroot.debian("other-inits")
    with boot(disk=disk, cmdline=words) as guest:
        guest.wait_ready(LIMIT)
        assert guest.check("cat /proc/1/comm") == name
        assert guest.check("sed -n 's,^\\(.*\\) / ext4 .*,\\1,p' "
                           "/proc/mounts") == known.MAPPED
        guest.check("! grep -q systemd /proc/1/maps")
        expect.gone(guest, disk.key)


@pytest.mark.slow
def test_soft_reboot():
    """systemd starts anew, and all that it started; the mapping stays."""
    disk = smallroot.debian("newer")
    with boot(disk=disk) as guest:
        guest.wait_ready(LIMIT)
        old = guest.check("cat /proc/sys/kernel/random/boot_id "
                          f"{rootvm.STATE}/verified.json")
        guest.run("systemctl is-system-running --wait", LIMIT)
        guest.send("systemctl soft-reboot")
        guest.wait_ready(LIMIT)
        assert guest.check("systemctl show -P SoftRebootsCount") == "1"
        assert guest.check("cat /proc/sys/kernel/random/boot_id "
                           f"{rootvm.STATE}/verified.json") == old
        assert guest.check("findmnt -no SOURCE /") == known.MAPPED
        expect.gone(guest, disk.key)


@pytest.mark.slow
def test_children_killed():
    """All that process 1 started dies while it waits for the disk: wiped, off."""
    with boot(single.with_modules("killer"), plugged=False,
              cmdline="rd.cocosecret.timeout=600") as guest:
        guest.wait_console("kills all but process 1", LIMIT)
        assert guest.wait_off(60) == "guest-shutdown"
        print(console_of(guest).split("kills all but process 1")[1])
        assert "did not end by itself" in console_of(guest)
        assert "panic" not in console_of(guest)
        expect.gone(guest, image.sealed().key)


@pytest.mark.slow
def test_power_off_ignored(folder):
    """The machine stands still, with nothing in it: no panic, no restart."""
    with boot(single.with_modules("nopoweroff"),
              **absent("")(folder)) as guest:
        guest.wait_console("the host ignores the power-off", LIMIT)
        time.sleep(20)
        assert guest.qmp("query-status")["status"] == "running"
        assert guest.off_reason is None
        assert "panic" not in console_of(guest)
        expect.gone(guest, image.sealed().key)


def test_image():
    """One program, no shell; the same again at another time and place."""
    names = single.names()
    print(f"{len(names)} files, {single.initramfs().stat().st_size >> 10} KiB")
    assert len(names) <= 60
    programs = [name for name in names if single.is_program(name)]
    assert programs == ["init"]
    assert single.digest_of_another() == place.sha256(single.initramfs())
