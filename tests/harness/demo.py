# SPDX-License-Identifier: GPL-2.0-or-later
"""make demo: boots the encrypted root and shows what happened, on one screen.

All that it shows of the guest, the guest says itself; times are its clock's.
"""

import json
import re
import sys
import time

from . import (accel, firmware, image, initrd, known, packages, place, rootvm,
               steps, table)

SERVICES = {known.OTHERS[0]: b"a service's own secret\n",
            known.OTHERS[1]: bytes(range(64))}


def build():
    """What is missing, with a word on each step, since it takes a while."""
    for what, step in (("kernel", packages.Kernel),
                       ("programs, module and Debian root", image.root),
                       ("encrypted disk", image.sealed),
                       ("initramfs", initrd.dracut),
                       ("accelerator", accel.choose)):
        begin = time.monotonic()
        step()
        took = time.monotonic() - begin
        print(f"  {what:<34}{took:6.1f} s" if took > 0.5 else
              f"  {what:<34} is there", flush=True)


class Boot:
    """What the guest says of itself."""

    def __init__(self, guest):
        volumes = f"{rootvm.STATE}/volumes/{known.MAPPING}.json"
        self.volume = json.loads(guest.check(f"cat {volumes}"))
        self.run = json.loads(guest.check(f"cat {rootvm.STATE}/run.json"))
        self.after = guest.check(f"ls {rootvm.SECRETS}").split()
        self.log = [stamped for line in guest.check("dmesg").splitlines()
                    if (stamped := re.match(r"\[ *([\d.]+)\] (.*)", line))]
        source = guest.check("findmnt -no SOURCE /")
        chain = guest.check(f"lsblk -rnso NAME,TYPE {source}").splitlines()
        self.root = " on ".join("{} ({})".format(*part.split())
                                for part in chain)
        self.system = guest.check(". /etc/os-release; echo $PRETTY_NAME; "
                                  "uname -r").replace("\n", ", Linux ")

    def unlinked(self):
        """Names of the secrets that the unlocker says it unlinked."""
        return [found[1] for stamped in self.log
                if (found := re.search(r"cocosecret: secret (\S+) unlinked",
                                       stamped[2]))]

    def stamp(self, pattern, which=0):
        """When the kernel log got such a line, in ms."""
        times = [float(stamped[1]) * 1000 for stamped in self.log
                 if re.search(pattern, stamped[2])]
        return times[which] if times else float("nan")

    def moments(self):
        """(what, ms since the kernel's start)"""
        yield "initramfs' first program", self.stamp("Run /init")
        yield "cocosecret-unlock starts", self.run["begin_us"] / 1000
        yield "cocosecret-unlock is done", self.run["end_us"] / 1000
        yield "root mounted", self.stamp("EXT4-fs .* mounted filesystem")
        yield "root's first program", self.stamp("running in system mode", -1)


def show(guest, boot):
    """The one screen."""
    choice = accel.choose()
    before = sorted({*boot.after, *boot.unlinked()})
    print(f"\nfirmware    {guest.firmware.name}, secret area at "
          f"{guest.area():#x}")
    print(f"machine     QEMU q35, {choice['name']} ({choice['why']})")
    print(f"guest       {boot.system}\n")
    print("secrets     before                                after")
    for name in before:
        print(f"  {name}  ",
              "   still there" if name in boot.after else "   GONE",
              "(the disk's key)" if name == known.DISK else "")
    print(f"\nopened      {boot.volume['device']} as /dev/mapper/"
          f"{boot.volume['name']} with {boot.volume['secret']}")
    print(f"root        / is {boot.root}\n")
    print("guest's clock, ms since the kernel started")
    for what, at in boot.moments():
        print(f"  {at:9.1f}  {what}")
        if what.endswith("starts"):
            for step, took in steps.of(boot.run, boot.volume).items():
                print(f"{'':13}{took:9.1f} ms  {step}")
    print(f"\nThe encrypted root runs {guest.age():.1f} s after QEMU was "
          "started, and its key is " +
          ("STILL THERE." if known.DISK in boot.after else "gone."))


def main(kind):
    """Exit status 0: the root is up and its key is gone."""
    print("building what is missing:", flush=True)
    build()
    disk = image.sealed()
    secrets = {known.DISK: disk.key, **SERVICES}
    print(f"booting under {firmware.KINDS[kind].name} …", flush=True)
    with rootvm.guest(kind, launch_table=table.build(secrets), disk=disk,
                      volumes=rootvm.volume(options="")) as guest:
        guest.wait_ready(300)
        boot = Boot(guest)
        show(guest, boot)
        return int(known.DISK in boot.after)


if __name__ == "__main__":
    if sys.argv[1:] not in (["stock"], ["amdsev"]):
        sys.exit("demo: FIRMWARE is stock or amdsev")
    try:
        sys.exit(main(sys.argv[1]))
    except (RuntimeError, AssertionError) as error:
        sys.exit(f"demo: {error}\ndemo: logs are in {place.LOGS}")
    except KeyboardInterrupt:
        sys.exit(130)
