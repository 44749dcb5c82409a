# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's table: what is said to a guest by anything but the disk's header,
and what is heard of it, with us and without."""

import time

import pytest

from harness import firmware, hostvm, image, keys, memory, place, rootvm
from host import catalogue, hidden
from host.shown import (SETTLED, broken, doors, record, record_more, show_all,
                        unheard)


def kinds(quick=(), spare=()):
    """Of initramfs; those that make check never has time for are slow. To make
    mkosi's takes as long as several boots."""
    return pytest.mark.parametrize("kind", [
        kind if kind in quick else pytest.param(
            kind, marks=pytest.mark.slow if kind not in spare else
            pytest.mark.spare(minutes=5 if kind == "mkosi" else 4))
        for kind in catalogue.ALL])


@kinds(["generic"], ["initramfs-tools", "mkosi"])
def test_with_us(kind, tmp_path, record_property):
    """What we promise to close is not heard."""
    heard = show_all(hostvm.ours(kind), tmp_path)
    record(record_property, kind, heard)
    assert not broken(heard)


@kinds(spare=["generic"])
def test_without_us(kind, tmp_path, record_property):
    """The same, and all is heard."""
    heard = show_all(hostvm.without(kind), tmp_path)
    record(record_property, f"{kind}, without us", heard)
    assert not unheard(kind, heard)


@pytest.mark.slow
def test_wall_without_us(tmp_path, record_property):
    """The same as the last with generic, but for the wall: nobody has closed
    systemd's ears, and what firmware says is not there to be heard."""
    heard = show_all(hostvm.without("generic"), tmp_path, kind="walled-stock",
                     more=firmware.NATIVE_HOTPLUG)
    record(record_property, "generic, without us, wall", heard)
    assert not {name for name in catalogue.BY_FIRMWARE if heard[name]}
    assert any(heard.values())


@pytest.mark.slow
def test_allowed(tmp_path, record_property):
    """What the measured command line lets in is heard."""
    words = {scene.word for scene in catalogue.SCENES.values() if scene.word}
    heard = show_all(
        hostvm.ours("generic"), tmp_path,
        cmdline="rd.cocosecret.allow=" + ",".join(sorted(words)))
    record(record_property, "generic, all allowed", heard)
    assert words == {scene.word for name, scene in catalogue.SCENES.items()
                     if scene.word and heard[name]}


@pytest.mark.slow
def test_waiting(tmp_path, record_property):
    """A host that lets the initramfs wait, and says everything else."""
    with hostvm.guest(hostvm.ours("generic"), catalogue.Said(),
                      plugged=False, cmdline=keys.WAITING) as machine:
        keys.wait(machine)
        machine.qmp("inject-nmi")
        for key in keys.KEYS:
            keys.press(machine, key)
        machine.plug(hostvm.partitions(tmp_path / "other"), "other")
        time.sleep(10)
        machine.unplug()
        assert keys.arrived(machine) >= len(keys.KEYS)
        said = keys.heard(machine)
        machine.plug(machine.disk)
        machine.wait_ready(hostvm.LIMIT)
        machine.check("cocosecret-unlock verify-root /")
        used = machine.check("grep -c part /proc/swaps || :")
    heard = {"NMI, SysRq while the initramfs waits": said,
             "another disk, while it waits": "" if used == "0" else used}
    record_more(record_property, "generic", heard)
    assert not any(heard.values())


@pytest.mark.slow
def test_root_pulled(tmp_path, record_property):
    """A host that takes the root's disk away from a running root, and brings
    another with the root's UUID and label."""
    with hostvm.guest(hostvm.ours("generic"), catalogue.Said(),
                      plugged=False, cmdline=keys.WAITING) as machine:
        keys.wait(machine)
        machine.plug(machine.disk)
        machine.wait_ready(hostvm.LIMIT)
        machine.run(SETTLED, hostvm.LIMIT)
        state = "cat /proc/mounts /proc/swaps"
        before = machine.check(state)
        machine.unplug()
        machine.plug(hostvm.twin(tmp_path))
        time.sleep(20)
        after = machine.check(state)
        heard = [line for line in after.splitlines()
                 if line not in before and "/vd" in line]
        print(machine.run("dmesg | tail -n 3")[1].decode())
        record_more(record_property, "generic", {
            "the root's disk goes, a twin comes": " ".join(heard)})
        assert not heard


@pytest.mark.slow
def test_ctrl_alt_del(record_property):
    """While the initramfs waits: the machine ends, and the key with it."""
    with hostvm.guest(hostvm.ours("generic"), catalogue.Said(),
                      plugged=False, cmdline=keys.WAITING) as machine, \
            place.scratch() as folder:
        keys.wait(machine)
        keys.press_ctrl_alt_del(machine)
        reason = machine.wait_off(120)
        dump = machine.dump(folder + "/dump")
        assert memory.whole(dump, b"rd.cocosecret=root")
        found = memory.find(dump, hostvm.disk().key)
        print(f"{reason} after {machine.age():.0f} s")
        record_more(record_property, "generic", {
            "Ctrl-Alt-Del while it waits": "key left" if found else ""})
        assert not found


@pytest.mark.slow
def test_hidden_partitions(tmp_path, record_property):
    """Partitions of the host's, whose table is in the header of a volume that
    fills its disk."""
    parts = [(kind, hostvm.file_system(tmp_path / name, name, []).read_bytes())
             for name, kind in hostvm.PARTITIONS.items()]
    with rootvm.guest("amdsev", disk=image.sealed(),
                      volumes=rootvm.volume(options=""),
                      spoil=lambda path: hidden.put(path, parts)) as machine:
        outcome = machine.wait_outcome(hostvm.LIMIT)
        heard = ""
        if not outcome:
            machine.run(SETTLED, hostvm.LIMIT)
            heard = machine.run("sed 1d /proc/swaps; findmnt -rn | grep /vda"
                                )[1].decode().strip()
            print(machine.check("ls /dev/vda*"))
        record_more(record_property, "generic", {
            "GPT in the header of a whole disk": heard})
        assert not heard


@pytest.mark.slow
def test_cloud_init(tmp_path, record_property):
    """A root that asks any disk of a certain label what to run."""
    system = hostvm.ours("generic")._replace(disk=hostvm.disk(hostvm.CLOUD))
    with hostvm.guest(system, catalogue.cloud(tmp_path)) as machine:
        machine.wait_ready(hostvm.LIMIT)
        machine.run("cloud-init status --wait", 600)
        heard = machine.run("cat /run/host-cloud")[1].decode().strip()
        record_more(record_property, "generic", {
            "cloud-init: a disk's user data": heard}, catalogue.OWNER)
        close = doors(machine)["cloud-init"]
        assert heard and close == ["touch /etc/cloud/cloud-init.disabled"]
        machine.check(close[0])
        assert "cloud-init" not in doors(machine)


LOGIN = "/etc/systemd/system/serial-getty@ttyS0.service.d/login.conf"
AUTOLOGIN = f"""mkdir -p {LOGIN.rpartition("/")[0]}
cat >{LOGIN} <<END
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear %I linux
END
"""
AGAIN = "systemctl daemon-reload; systemctl restart serial-getty@ttyS0"


def typed(machine, *lines):
    """Whether what the host types on the console is done by root."""
    machine.check("rm -f /run/host-typed")
    time.sleep(20)
    for line in (*lines, "id -u >/run/host-typed"):
        machine.type(line)
        time.sleep(10)
    return machine.run("cat /run/host-typed")[1].decode().strip() == "0"


@pytest.mark.slow
def test_console(record_property):
    """A host at the serial console: a login without a password, a root that
    is logged in, and the same root when each is closed as the audit says."""
    with rootvm.guest("amdsev", disk=image.sealed(),
                      volumes=rootvm.volume(options="")) as machine:
        machine.wait_ready(hostvm.LIMIT)
        machine.run(SETTLED, hostvm.LIMIT)
        heard = {}
        assert "empty-password" not in doors(machine)
        machine.check("passwd -d root")
        assert doors(machine)["empty-password"] == ["passwd -l root"]
        machine.check(AGAIN)
        heard["console: root without a password"] = typed(machine, "root")
        machine.check("passwd -l root")
        machine.check(AUTOLOGIN + AGAIN)
        close = doors(machine)["autologin"]
        heard["console: root is logged in"] = typed(machine)
        assert close == [f"rm {LOGIN}"]
        machine.check(close[0])
        machine.check(AGAIN)
        assert not typed(machine, "root")
        close = doors(machine)["serial-getty"]
        assert "systemctl mask serial-getty@.service" in close
        machine.check("; ".join(close) + "; systemctl stop 'serial-getty@*'")
        assert not {"serial-getty", "autologin", "empty-password"} \
            & set(doors(machine))
        record_more(record_property, "generic", {
            name: "a root shell" if words else ""
            for name, words in heard.items()}, catalogue.OWNER)
        assert all(heard.values())


@pytest.mark.slow
def test_uki(record_property):
    """One image with all: its stub takes words from the host, where there is no
    Secure Boot. Kernel, initramfs and command line apart have no stub."""
    folder = hostvm.uki("generic")
    system = hostvm.ours("generic")._replace(kernel=folder / "uki.efi",
                                             initramfs=None)
    said = catalogue.Said(arguments=[
        "-smbios", f"type=11,value={hostvm.UKI_STUB}=systemd.setenv=SMBIOS=heard"])
    with hostvm.guest(system, said, esp={
            "loader/addons/host.addon.efi": folder / "host.addon.efi",
            "loader/credentials/host.cred": folder / "host.addon.efi"}) as machine:
        machine.wait_ready(hostvm.LIMIT)
        words = machine.check("cat /proc/cmdline")
        credentials = machine.run("ls /run/credentials/@encrypted")[1].decode()
        record_more(record_property, "generic", {
            "UKI: a credential on the ESP": credentials.strip()})
        assert "host" not in credentials
        record_more(record_property, "generic", {
            "UKI: SMBIOS words for the command line":
                "heard" if "SMBIOS=heard" in words else "",
            "UKI: an addon on the ESP":
                "heard" if "ADDON=heard" in words else ""}, catalogue.APART)
