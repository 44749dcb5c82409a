# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-stub.efi: a stock kernel that has tables of ours only."""

from harness import expect, image, rootvm, single

LIMIT = 180
TABLES = "/sys/firmware/acpi/tables"
OURS = ["APIC", "DSDT", "FACP", "FACS", "HPET", "MCFG"]


def boot(kind="walled", **settings):
    """A guest behind the wall, with a sealed root."""
    return rootvm.guest(kind, single.initramfs(), disk=image.sealed(),
                        volumes=rootvm.volume(options=""), **settings)


def test_boot():
    """Four processors, and of the host's tables none."""
    with boot(cpus=4, cmdline="loglevel=7 ignore_loglevel") as guest:
        guest.wait_ready(LIMIT)
        print(f"root's agent after {guest.age():.1f} s")
        print(guest.check("dmesg | grep -iE 'acpi|efi|e820|pci|dmi|hpet|smp' | head -150"))
        print(guest.check("grep -c ^processor /proc/cpuinfo; cat /proc/interrupts; cat /proc/iomem; ls /sys/firmware /sys/firmware/efi /sys/class/dmi 2>&1; ls /sys/firmware/efi/efivars | head -3; lspci 2>&1 | head; cat /proc/cmdline"))
        tables = guest.check(f"ls {TABLES}").split()
        print(tables)
        expect.unlocked(guest)
