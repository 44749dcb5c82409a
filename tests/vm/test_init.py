# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs of one program: cocosecret-init opens the root and starts it."""

import pytest

from attacks import luks2
from harness import (expect, hostvm, image, intruder, keys, known, place, rootvm,
                     single)
from host import catalogue, shown

LIMIT = 120


def boot(**settings):
    """A guest with it, and a sealed root."""
    return rootvm.guest("amdsev", single.initramfs(), disk=image.sealed(),
                        volumes=rootvm.volume(options=""), **settings)


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
        assert guest.check("systemctl is-active dev-mapper-root.device"
                           ) == "active"
        loaded = set(guest.check("cut -d' ' -f1 /proc/modules").split())
        assert loaded <= single.modules()
        assert guest.check("cat /proc/sys/kernel/modprobe").endswith("modprobe")
        print(f"root's agent after {seconds:.1f} s")
        expect.gone(guest, image.sealed().key)


@pytest.mark.slow
def test_refused():
    """A header that the host changed: power-off, and the disk as it was."""
    def spoil(path):
        header = luks2.Header(path)
        header.json["segments"]["0"]["encryption"] = "aes-ecb"
        header.write()

    with boot(spoil=spoil) as guest:
        before = place.sha256(guest.disk)
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        expect.untouched(guest, before)
        console = guest.log_path("console").read_text(errors="replace")
        assert "(exit 5)" in console
        expect.gone(guest, image.sealed().key)


@pytest.mark.slow
@pytest.mark.parametrize("words, says", [
    ("root=UUID=" + known.FS_UUID, None),
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
        assert says in guest.log_path("console").read_text(errors="replace")
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


def test_image():
    """One program, no shell; the same again at another time and place."""
    names = single.names()
    print(f"{len(names)} files, {single.initramfs().stat().st_size >> 10} KiB")
    assert len(names) <= 60
    programs = [name for name in names if single.is_program(name)]
    assert programs == ["init"]
    assert single.digest_of_another() == place.sha256(single.initramfs())
