# SPDX-License-Identifier: GPL-2.0-or-later
"""From QEMU's start to the agent of the encrypted root, with the wall before
the kernel and without it: the same kernel, initramfs, command line and disk,
two CPUs, AmdSev OVMF. What the firmware takes is in it, since the wall's work
is."""

import json

from harness import image, rootvm, single

from . import boot

WALL, PLAIN = "walled", "amdsev"  # firmware.KINDS
CPUS = 2


def once(kind):
    """ms."""
    with rootvm.guest(kind, single.initramfs(), disk=image.sealed(),
                      volumes=rootvm.volume(options=""), cpus=CPUS) as guest:
        guest.wait_ready(300)
        found = round(guest.age() * 1000)
        tables = json.loads(guest.check("cocosecret status --json"))["tables"]
        assert guest.check("nproc") == str(CPUS)
    assert tables == ("ours" if kind == WALL else "host")
    return found


def measure():
    """What the JSON gets; the first of each kind warms the host's caches."""
    found = {WALL: [], PLAIN: []}
    for number in range(boot.ROUNDS + 1):
        for kind in found if number % 2 else reversed(found):
            found[kind].append(once(kind))
    return {kind: ms[1:] for kind, ms in found.items()}
