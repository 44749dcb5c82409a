# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-stub.efi: a stock kernel that has tables of ours only. What a
host's tables do without it is shown beside it."""

import json

import pytest

from harness import acpi, expect, image, rootvm, single

LIMIT = 180
OURS = {"APIC", "DSDT", "FACP", "FACS", "HPET", "MCFG"}
# One for each table that has its own.
PLACES = {name: acpi.PLACE + 0x100000 * number for number, name in
          enumerate(("DSDT", "SSDT", "PSDT", "OSDT", "GPE", "HEST"))}
# Bits of a GPE's status are cleared by ones, those that enable it by zeros.
WRITTEN = {"GPE": b"\xff" * 8 + bytes(8), "HEST": acpi.MARK[:8]}
OBEYED = "the kernel has obeyed the host's ACPI tables"


def boot(kind="walled", **settings):
    """A guest behind the wall, with a sealed root."""
    return rootvm.guest(kind, single.initramfs(), disk=image.sealed(),
                        volumes=rootvm.volume(options=""), **settings)


def tables(guest):
    """Those that the kernel has."""
    return set(guest.check(
        "find /sys/firmware/acpi/tables -type f -printf '%P\\n'").split())


def marked(guest):
    """Which tables of the host left their mark."""
    found = {name for name, place in PLACES.items() if
             acpi.read(guest, place).startswith(WRITTEN.get(name, acpi.MARK))}
    if acpi.MARK.decode() in guest.debug_log():
        found.add("ERST")
    return found


@pytest.mark.spare(minutes=3)
def test_boot():
    """Four processors, a root, its power button, and of the host's tables
    none."""
    with boot(cpus=4) as guest:
        guest.wait_ready(LIMIT)
        print(f"root's agent after {guest.age():.1f} s")
        assert tables(guest) == OURS
        assert guest.check("cat /sys/firmware/acpi/tables/* 2>/dev/null | "
                           "grep -c BOCHS || :") == "0"
        assert guest.check("nproc") == "4"
        assert "virtio1-req.3" in guest.check("grep MSI /proc/interrupts")
        guest.check("! ls /sys/firmware/dmi /sys/class/dmi "
                    "/sys/firmware/qemu_fw_cfg /sys/bus/acpi/devices/QEMU*")
        assert guest.check("ls /sys/firmware/efi/efivars") == ""
        said = guest.check("dmesg")
        assert OBEYED not in said and "can't claim" not in said
        assert json.loads(guest.check("cocosecret status --json"
                                      ))["tables"] == "ours"
        expect.unlocked(guest)
        guest.qmp("system_powerdown")
        assert guest.wait_off(LIMIT) == "guest-shutdown"


HOSTILE = "amdsev", "walled"


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_tables(kind, folder):
    """Bytecode by four names, event registers in memory, instructions, an
    error to acknowledge; and a list of one processor where there are two."""
    host = acpi.machine(
        *(acpi.bytecode(PLACES[name], name)
          for name in ("SSDT", "PSDT", "OSDT")),
        acpi.erst(), acpi.hest(PLACES["HEST"]), dsdt=acpi.bytecode(PLACES["DSDT"], "DSDT", acpi.MACHINE),
        gpe=PLACES["GPE"])
    with boot(kind, cmdline="pci=nocrs", cpus=2,
              more=acpi.arguments(folder, host)) as guest:
        guest.wait_ready(LIMIT)
        found = marked(guest)
        print(kind, sorted(found), guest.check("nproc"))
        walled = kind == "walled"
        assert guest.check("nproc") == ("2" if walled else "1")
        assert found == (set() if walled else {*PLACES, "ERST"})
        assert (tables(guest) == OURS) == walled
        assert (OBEYED in guest.check("dmesg")) != walled
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
