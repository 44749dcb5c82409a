# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-stub.efi: a stock kernel that has tables of ours only. What a
host's tables do without it is shown beside it."""

import contextlib
import json
import re
import subprocess
import time

import pytest

from harness import (acpi, documents, emulators, expect, firmware, image,
                     initrd, known, modulevm, packages, place, qemu, rootvm,
                     single, table)

LIMIT = 180
OURS = {"APIC", "DSDT", "FACP", "FACS", "HPET", "MCFG"}
# One for each table that has its own.
PLACES = {name: acpi.PLACE + 0x100000 * number for number, name in
          enumerate(("DSDT", "SSDT", "PSDT", "OSDT", "GPE", "HEST"))}
# Bits of a GPE's status are cleared by ones, those that enable it by zeros.
WRITTEN = {"GPE": b"\xff" * 8 + bytes(8), "HEST": acpi.MARK[:8]}
OBEYED = "the kernel has obeyed the host's ACPI tables"
HOSTILE = "amdsev", "walled"


def boot(kind="walled", **settings):
    """A guest behind the wall, with a sealed root."""
    return rootvm.guest(kind, single.initramfs(), disk=image.sealed(),
                        volumes=rootvm.volume(options=""), **settings)


def tables(guest):
    """Those that the kernel has."""
    return set(guest.check(
        "cd /sys/firmware/acpi/tables && find . -type f").replace("./", ""
                                                                  ).split())


def hostile_machine():
    """Tables that leave marks."""
    return acpi.machine(
        *(acpi.bytecode(PLACES[name], name)
          for name in ("SSDT", "PSDT", "OSDT")),
        acpi.erst(), acpi.hest(PLACES["HEST"]),
        dsdt=acpi.bytecode(PLACES["DSDT"], "DSDT", acpi.MACHINE),
        gpe=PLACES["GPE"])


def marked(guest):
    """Which tables of the host left their mark."""
    found = {name for name, place in PLACES.items() if
             acpi.read(guest, place).startswith(WRITTEN.get(name, acpi.MARK))}
    if acpi.MARK.decode() in guest.debug_log():
        found.add("ERST")
    return found


def assert_timer(guest):
    """It is wired to input 2, and has interrupted: what the kernel would have
    checked, but for no_timer_check."""
    (line,) = re.findall(r"^ *0: .*", guest.check("cat /proc/interrupts"),
                         re.M)
    print(line)
    assert re.search(r" IO-APIC +2-edge +timer$", line)
    assert any(int(count) for count in re.findall(r"\d+", line)[1:-1])


@pytest.mark.spare(minutes=3)
def test_boot():
    """Four processors, a root, power-off, and of the host's tables none."""
    with boot(cpus=4) as guest:
        guest.wait_ready(LIMIT)
        print(f"root's agent after {guest.age():.1f} s")
        assert tables(guest) == OURS
        assert guest.check("cat /sys/firmware/acpi/tables/* 2>/dev/null | "
                           "grep -c BOCHS || :") == "0"
        assert guest.check("nproc") == "4"
        assert "virtio1-req.3" in guest.check("grep MSI /proc/interrupts")
        assert_timer(guest)
        guest.check("! ls /sys/firmware/dmi /sys/class/dmi "
                    "/sys/firmware/qemu_fw_cfg /sys/bus/acpi/devices/QEMU*")
        assert guest.check("ls /sys/firmware/efi/efivars") == ""
        said = guest.check("dmesg")
        assert OBEYED not in said and "can't claim" not in said
        assert json.loads(guest.check("cocosecret status --json"
                                      ))["tables"] == "ours"
        expect.unlocked(guest)
        guest.send("systemctl poweroff")
        assert guest.wait_off(LIMIT) == "guest-shutdown"


# Linux reads none, and has called it by either name.
ROM = re.compile(r"BAR 6\b|\bROM \[")


def assert_no_fault(guest):
    """All memory that devices need has a place, and every line an input; ports
    and a ROM may be left without."""
    faults = guest.check("dmesg | grep -iE \"can't (claim|derive)|no GSI|"
                         "failed to assign\" || :")
    print(faults)
    assert not [line for line in faults.splitlines() if not ROM.search(line)
                and re.search(r"\[mem|GSI|INT ", line)]


# Disks of zeros; two of them signal by a line, as old devices do.
DISKS = (("nvme,serial=nvme", "nvme0n1"),
         ("virtio-blk-pci,vectors=0,addr=0x19", "vdb"),
         ("virtio-blk-pci,vectors=0,bus=deep", "vdc"),
         ("virtio-blk-pci,vectors=0,bus=old,addr=3", "vdd"))
INPUTS = ["16", "22", "23"]  # of the I/O APIC, as QEMU wires the slots
DEVICES = ("pcie-root-port,id=deep,chassis=2,addr=0xa",
           "i82801b11-bridge,id=old,addr=0x1e", "virtio-scsi-pci", "e1000e",
           "qemu-xhci")


def devices():
    """QEMU's arguments."""
    for name in DEVICES:
        yield from ("-device", name)
    for number, (name, _) in enumerate(DISKS):
        yield from ("-blockdev", "driver=null-co,read-zeroes=on,size=1048576,"
                    f"node-name=zeros{number}",
                    "-device", f"{name},drive=zeros{number}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ("walled", "walled-stock", "stock"))
def test_devices(kind, tmp_path):
    """Eight processors, memory above 4 GiB; disks by NVMe and behind two kinds
    of bridges, with interrupts by lines too; one that comes later; a reboot.
    The last is without the wall, and the same."""
    late = tmp_path / "late.img"
    late.write_bytes(bytes(1 << 20))
    with boot(kind, cpus=8, more=[
            *devices(), "-m", "6G", *firmware.NATIVE_HOTPLUG]) as guest:
        guest.wait_ready(LIMIT)
        assert guest.check("nproc") == "8"
        assert_timer(guest)
        assert (tables(guest) == OURS) == kind.startswith("walled")
        for _, name in DISKS:
            guest.check(f"for i in $(seq 60); do [ -b /dev/{name} ] && break; "
                        "sleep 1; done", LIMIT)
            guest.check(f"dd if=/dev/{name} of=/dev/null bs=64k count=4 "
                        "iflag=direct")
        lines = guest.check(
            "grep 'IO-APIC.*fasteoi.*virtio' /proc/interrupts | tr -s ' ' |"
            " cut -d' ' -f2,11-")
        print(lines)
        assert [line.split(":")[0] for line in lines.splitlines()] == INPUTS
        assert_no_fault(guest)
        guest.plug(late, serial="late")
        guest.check("for i in $(seq 60); do cat /sys/block/vd*/serial | "
                    "grep late && exit; sleep 1; done; exit 1", LIMIT)
        guest.send("systemctl reboot")
        assert guest.wait_off(LIMIT) == "guest-reset"


SUITES = "trixie", "sid"  # Debian 12's is that of all other tests
ENDS = {"walled": ("reboot", "guest-reset"),
        "walled-stock": ("poweroff", "guest-shutdown"),
        "amdsev": ("poweroff", "guest-shutdown")}
# What a kernel has built in need not be there.
DRIVERS = ("virtio", "virtio_ring", "virtio_pci_legacy_dev",
           "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")


@contextlib.contextmanager
def bare(kernel, kind, files=(), cmdline="", **settings):
    """A guest of two processors that stays in an initramfs of a busybox."""
    with place.scratch() as scratch:
        initramfs = initrd.tiny(place.pathlib.Path(scratch) / "initrd", files)
        maker = firmware.KINDS[kind](kernel.image, initramfs,
                                     f"{rootvm.CMDLINE} {cmdline}".strip())
        with qemu.Machine(rootvm.test_name(), maker, cpus=2,
                          memory_mib=rootvm.MEMORY, **settings) as guest:
            yield guest.wait_ready(LIMIT)


def drivers(kernel, *names):
    """{file: bytes} of those that are not built in."""
    return {f"{name}.ko": data for name in names
            if (data := kernel.module(name))}


def assert_works(kernel, kind, folder, **settings):
    """Both processors, a disk by MSI, an end; without the wall the host's
    tables, and the same."""
    disk = folder / "disk"
    disk.write_bytes(b"the disk" + bytes(1 << 20))
    files = drivers(kernel, *DRIVERS)
    with bare(kernel, kind, files, disks=[disk], **settings) as guest:
        assert guest.check("uname -r") == kernel.version
        print(kernel.version, f"agent after {guest.age():.1f} s")
        for name in files:
            guest.check(f"insmod /{name}")
        assert guest.check("head -c 8 /dev/vda") == "the disk"
        assert guest.check("nproc") == "2"
        assert re.search("MSI.* virtio.-req", guest.check(
            "cat /proc/interrupts"))
        walled = kind.startswith("walled")
        assert (tables(guest) == OURS) == walled
        assert (guest.run("ls /sys/firmware/dmi")[0] != 0) == walled
        assert_no_fault(guest)
        command, reason = ENDS.get(kind, ENDS["walled-stock"])
        guest.send(f"{command} -f")
        assert guest.wait_off(LIMIT) == reason


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", ENDS)
def test_kernel(suite, kind, tmp_path):
    """Of other releases."""
    assert_works(packages.KernelOf(suite), kind, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ("walled", "walled-stock", "stock",
                                  "amdsev-newer"))
def test_newer_emulator(kind, tmp_path):
    """QEMU of Debian 13."""
    emulator = emulators.of("trixie")
    print(place.run(*emulator, "-version").splitlines()[0])
    assert_works(packages.KernelOf("trixie"), kind, tmp_path,
                 emulator=emulator)


@pytest.mark.slow
def test_strict_pages(tmp_path):
    """A firmware that lets the kernel choose what may be written and what may be
    run. It does not hold the stub to that itself; tests/test_uki.py reads what
    the stub's header says of its pages."""
    assert_works(packages.KernelOf("trixie"), "walled-strict", tmp_path)


# struct input_event: a key, which is KEY_POWER, is pressed
PRESSED = "1 116 1 0"


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_power_button(kind):
    """The host asks, and who listens in the guest is told."""
    kernel = packages.Kernel()
    files = drivers(kernel, "evdev", "button")
    with bare(kernel, kind, files) as guest:
        for name in files:
            guest.check(f"insmod /{name}")
        guest.check("name=$(grep -lx 'Power Button' /sys/class/input/event*/"
                    "device/name | cut -d/ -f5) && [ $name ] && "
                    "{ dd if=/dev/input/$name of=/run/key bs=24 count=1 "
                    "2>/dev/null & }")
        assert guest.check("cat /run/key") == ""
        guest.qmp("system_powerdown")
        words = guest.check("for i in $(seq 60); do [ -s /run/key ] && break; "
                            "sleep 1; done; od -An -tu2 -j16 /run/key", LIMIT)
        assert " ".join(words.split()) == PRESSED


NEXT = ("find . -xdev ! -path './proc/*' ! -path './sys/*' ! -path './dev/*' "
        "! -path './run/*' ! -name vmlinuz | cpio -o -H newc 2>/dev/null "
        ">/run/initrd")


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_kexec(kind, folder):
    """The next kernel has the tables of the first, and no others."""
    kernel = packages.Kernel()
    host = hostile_machine()
    with bare(kernel, kind, {"bin/kexec": modulevm.program("kexec"),
                             "vmlinuz": kernel.image}, "pci=nocrs",
              more=acpi.arguments(folder, host)) as guest:
        before = tables(guest)
        guest.check("echo first >/run/first")
        guest.check(NEXT)
        guest.send("kexec /vmlinuz /run/initrd")
        guest.wait_ready(LIMIT)
        guest.check("[ ! -e /run/first ]")
        walled = kind == "walled"
        assert tables(guest) == before
        assert (before == OURS) == walled
        assert guest.check("nproc") == ("2" if walled else "1")
        assert bool(marked(guest)) != walled
        assert (guest.run("ls /sys/firmware/dmi")[0] != 0) == walled
        print(guest.check("dmesg | grep -E 'efi:|ACPI: RSDP'"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ("stock", "walled-stock"))
def test_late(kind):
    """A firmware that puts its tables back when the kernel takes over: ACPI's
    and SMBIOS. Without the wall they are just there."""
    with boot(kind, mode="late") as guest:
        guest.wait_ready(LIMIT)
        assert "standin: tables are back" in guest.debug_log()
        walled = kind == "walled-stock"
        assert (tables(guest) == OURS) == walled
        assert (guest.run("ls /sys/firmware/dmi")[0] != 0) == walled


@pytest.mark.slow
def test_other_machine(tmp_path):
    """On a kind that it does not know, it says so and powers off."""
    esp = tmp_path / "esp/EFI/BOOT"
    esp.mkdir(parents=True)
    (tmp_path / "initrd").write_bytes(b"none")
    firmware.walled(esp / "BOOTX64.EFI", packages.Kernel().image,
                    tmp_path / "initrd", "quiet")
    done = subprocess.run(
        ["qemu-system-x86_64", "-machine", "pc", "-nodefaults", "-display",
         "none", "-m", "512", "-serial", "stdio", "-drive",
         f"if=pflash,format=raw,readonly=on,file={firmware.CODE}", "-drive",
         f"if=none,id=esp,format=raw,readonly=on,file=fat:{tmp_path}/esp",
         "-device", "virtio-blk-pci,drive=esp"], timeout=600, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert b"cocosecret-stub: this machine is not QEMU's q35" in done.stdout


@pytest.mark.slow
def test_readme(tmp_path):
    """Its two commands, from a kernel and an initramfs to a boot."""
    cocosecret, stub = firmware.programs()
    disk = image.sealed()
    for name, file in (("vmlinuz", packages.Kernel().image),
                       ("initrd.img", single.initramfs()),
                       ("disk.img", disk.image)):
        (tmp_path / name).symlink_to(file)
    (tmp_path / "table.bin").write_bytes(table.build({known.DISK: disk.key}))
    script = documents.shown("cocosecret uki ").replace(
        "cocosecret uki", f"{cocosecret} uki --stub {stub}").replace(
            " /vmlinuz ", " vmlinuz ")
    said, deadline = tmp_path / "said", time.monotonic() + 900
    with open(said, "wb") as out, subprocess.Popen(
            ["sh", "-euc", script], cwd=tmp_path, stdin=subprocess.PIPE,
            stdout=out, stderr=out,
            env=place.environment() | {"SOURCE": str(place.TOP)}) as shell:
        while (b" unlinked" not in said.read_bytes() and shell.poll() is None
               and time.monotonic() < deadline):
            time.sleep(1)
        shell.communicate(b"\x01x")
    text = said.read_text(errors="replace")
    assert "/dev/mapper/root with secret" in text, text[-2000:]
    assert OBEYED not in text
    print(text[:300])


@pytest.mark.spare(minutes=3)
@pytest.mark.parametrize("kind", HOSTILE)
def test_tables(kind, folder):
    """Bytecode by four names, event registers in memory, instructions, an
    error to acknowledge; and a list of one processor where there are two."""
    with boot(kind, cmdline="pci=nocrs", cpus=2,
              more=[*acpi.arguments(folder, hostile_machine()), "-smbios",
                    "type=11,value=io.systemd.credential:tests=heard"]
              ) as guest:
        guest.wait_ready(LIMIT)
        found = marked(guest)
        print(kind, sorted(found), guest.check("nproc"))
        walled = kind == "walled"
        assert guest.check("nproc") == ("2" if walled else "1")
        assert found == (set() if walled else {*PLACES, "ERST"})
        assert (tables(guest) == OURS) == walled
        assert (OBEYED in guest.check("dmesg")) != walled
        assert (guest.run("grep -qa heard /sys/firmware/dmi/tables/DMI"
                          )[0] == 0) != walled
        assert json.loads(guest.check("cocosecret status --json"))[
            "tables"] == ("ours" if walled else "host")
        print(guest.check("cocosecret status | grep ^tables"))


@pytest.mark.slow
def test_garbage(folder):
    """No length, address or entry of a host's table is even read."""
    with boot(cpus=2, more=acpi.arguments(folder, acpi.garbage())) as guest:
        guest.wait_ready(LIMIT)
        assert guest.check("nproc") == "2"
        assert tables(guest) == OURS
