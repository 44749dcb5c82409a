# SPDX-License-Identifier: GPL-2.0-or-later
"""From /init to the first program of the real root: without encryption, with
dracut's own crypt module and a key file in the image, and with ours.

The same files on the same file system, a generic image each, two CPUs, AmdSev
OVMF. All times are of the guest's kernel log.
"""

import pathlib
import re

from harness import (chroot, firmware, image, known, packages, place, qemu,
                     rootvm, table)

from . import size

# A boot takes up to a second more or less by chance.
ROUNDS = 5
MEMORY = 1024  # MiB
TOOLS = {"dracut with systemd": "", "dracut, plain": "systemd"}
KEY_FILE = "etc/disk.key"
# Whoever opens it calls it that.
MAPPED = f"root={known.MAPPED}"
ROOTS = {
    size.BASE: f"root=UUID={known.FS_UUID}",
    size.OURS: f"{MAPPED} {rootvm.volume(options='')}",
    size.CRYPTSETUP: f"{MAPPED} rd.luks.uuid={known.LUKS_UUID}",
}
MODULES = {size.BASE: "", size.OURS: "cocosecret", size.CRYPTSETUP: "crypt"}


def make_image(path, ours, who, omit, version):
    """One, with the key file where somebody takes one."""
    words = size.dracut(MODULES[who], omit)
    with chroot.above(*size.own_layer(ours, who),
                      *size.plain_layers()) as system:
        if who == size.CRYPTSETUP:
            key = system.changes / KEY_FILE
            key.parent.mkdir(parents=True)
            key.write_bytes((image.sealed().image.parent / "owner")
                            .read_bytes())
            system.put("etc/crypttab", f"{known.MAPPING} "
                       f"UUID={known.LUKS_UUID} /{KEY_FILE} luks\n")
            words += (f" --include /{KEY_FILE} /{KEY_FILE}"
                      " --include /etc/crypttab /etc/crypttab")
        system.run(size.DRACUT.replace("--no-compress", "--zstd").format(
            version=version, words=words))
        (system.changes / "boot/made").rename(path)


def images(folder):
    """{(tool, who): path}"""
    version = packages.Kernel().version
    with size.installed() as ours:
        paths = {}
        for tool, omit in TOOLS.items():
            for who in ROOTS:
                path = paths[tool, who] = folder / f"{len(paths)}.img"
                make_image(path, ours, who, omit, version)
        return paths


def stamp(log, pattern):
    """When the kernel's log last got such a line, in ms."""
    times = re.findall(rf"^\[ *([\d.]+)\] .*{pattern}", log, re.M)
    return float(times[-1]) * 1000


def once(folder, path, who):
    """ms from /init to the real root's first program."""
    disk = image.overlay(image.unencrypted() if who == size.BASE else
                         image.sealed().image, folder)
    launch = table.build({known.DISK: image.sealed().key})
    maker = firmware.KINDS["amdsev"](
        packages.Kernel().image, path, f"{rootvm.CMDLINE} {ROOTS[who]}",
        launch)
    with qemu.Machine("bench-boot", maker, disks=[disk], cpus=2,
                      memory_mib=MEMORY) as machine:
        machine.wait_ready(300)
        log = machine.check("dmesg")
        source = machine.check("findmnt -no SOURCE /").strip()
    assert (source == known.MAPPED) == (who != size.BASE)
    return stamp(log, "running in system mode") - stamp(log, "Run /init")


def measure():
    """What the JSON gets."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        paths = images(folder)
        found = {tool: {who: [] for who in ROOTS} for tool in TOOLS}
        for number in range(ROUNDS):
            order = list(paths)
            for tool, who in order if number % 2 else reversed(order):
                found[tool][who].append(
                    round(once(folder, paths[tool, who], who), 1))
    return {"tools": found}
