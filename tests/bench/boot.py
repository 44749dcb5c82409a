# SPDX-License-Identifier: GPL-2.0-or-later
"""To the first program of the real root, from /init and from the kernel's
start: without encryption, with dracut's own crypt module and a key file in the
image, and with ours.

The same files on the same file system, a generic image each, two CPUs, AmdSev
OVMF, compressed by zstd if its maker can. All times are of the guest's kernel
log, but for the steps of cocosecret-init, which it records itself.
"""

import contextlib
import json
import os
import pathlib
import re

from harness import (chroot, firmware, image, known, packages, place, qemu,
                     rootvm, steps, table)

from . import size

# A boot takes up to a second more or less by chance.
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 5)
MEMORY = 1024  # MiB
SYSTEMD, PLAIN = "dracut with systemd", "dracut, plain"
INITRAMFS_TOOLS = "initramfs-tools"
# Nothing smaller boots a stock kernel's root, and it opens no volume.
SINGLE, TINY = "cocosecret-init", "tiny-initramfs"
KEY_FILE = "etc/disk.key"
# Whoever opens it calls it that.
MAPPED = f"root={known.MAPPED}"
ROOTS = {
    size.BASE: f"root=UUID={known.FS_UUID}",
    size.OURS: f"{MAPPED} {rootvm.volume(options='')}",
    size.CRYPTSETUP: f"{MAPPED} rd.luks.uuid={known.LUKS_UUID}",
}
TOOLS = {SYSTEMD: tuple(ROOTS), PLAIN: tuple(ROOTS),
         INITRAMFS_TOOLS: (size.OURS,), SINGLE: (size.OURS,),
         TINY: (size.BASE,)}

# Its packages and dracut's or initramfs-tools' do not go together.
TINY_PACKAGES = ("tiny-initramfs", "tiny-initramfs-core")
TINY_SETTINGS = """\
AUTO_MODULES=no
MICROCODE=no
INCLUDE_MODULES=virtio_pci,virtio_blk
"""
COMMANDS = {
    (SYSTEMD, size.BASE): size.dracut(),
    (SYSTEMD, size.OURS): size.dracut("cocosecret"),
    (SYSTEMD, size.CRYPTSETUP): size.dracut("crypt"),
    (PLAIN, size.BASE): size.dracut(omit="systemd"),
    (PLAIN, size.OURS): size.dracut("cocosecret", "systemd"),
    (PLAIN, size.CRYPTSETUP): size.dracut("crypt", "systemd"),
}
WITH_KEY_FILE = (f" --include /{KEY_FILE} /{KEY_FILE}"
                 " --include /etc/crypttab /etc/crypttab")
COMMANDS = {kind: size.DRACUT.replace("--no-compress", "--zstd").format(
    version="{version}",
    words=words + (WITH_KEY_FILE if size.CRYPTSETUP in kind else ""))
            for kind, words in COMMANDS.items()} | {
    (INITRAMFS_TOOLS, size.OURS):
        size.KINDS[INITRAMFS_TOOLS][size.OURS]
        + " mkinitramfs -c zstd -o /boot/made {version}",
    (SINGLE, size.OURS): "cocosecret initrd -o /boot/made --kver {version}",
    (TINY, size.BASE): "mktirfs -o /boot/made {version}",
}


def add_key_file(system):
    """For who takes one."""
    key = system.changes / KEY_FILE
    key.parent.mkdir(parents=True)
    key.write_bytes((image.sealed().image.parent / "owner").read_bytes())
    system.put("etc/crypttab", f"{known.MAPPING} UUID={known.LUKS_UUID} "
               f"/{KEY_FILE} luks\n")


def add_tiny(system):
    """Debian's tiny-initramfs, set up for this machine's disk."""
    packages.fetch(system.folder / "tiny", TINY_PACKAGES)
    size.merge(system.folder / "tiny", system.changes)
    system.put("etc/tiny-initramfs/tiny-initramfs.conf", TINY_SETTINGS)


PREPARE = {size.CRYPTSETUP: add_key_file, TINY: add_tiny}


def make_image(path, ours, kind, version):
    """One, as its maker's user would."""
    with chroot.above(*size.own_layer(ours, kind[1]),
                      *size.plain_layers()) as system:
        for word in kind:
            PREPARE.get(word, lambda _: None)(system)
        said = system.run(COMMANDS[kind].format(version=version))
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"bench-boot-{'-'.join(kind)}.log").write_text(said)
        (system.changes / "boot/made").rename(path)


def images(folder):
    """{(tool, who): path}"""
    version = packages.Kernel().version
    paths = {(tool, who): folder / f"{tool}-{who}.img"
             for tool, kinds in TOOLS.items() for who in kinds}
    with size.installed() as ours:
        for kind, path in paths.items():
            make_image(path, ours, kind, version)
    return paths


def stamp(log, pattern):
    """When the kernel's log last got such a line, in ms from its start."""
    times = re.findall(rf"^\[ *([\d.]+)\] .*{pattern}", log, re.M)
    return float(times[-1]) * 1000


INIT, ROOT = "Run /init", "running in system mode"
HANDED_OVER = "cocosecret: .* of the root starts"
RECORDS = f"""cd {rootvm.STATE}
echo "[$(cat run.json),$(cat verified.json),$(cat volumes/{known.MAPPING}.json)]"
"""


def by_step(log, run, verified, volume):
    """{step: ms} of cocosecret-init; of the two clocks, the kernel's log has
    the second word: its line of the verified root is as old as the record."""
    behind = (stamp(log, "lies on mappings of this boot")
              - verified["verified_us"] / 1000)
    began, ended = (run[key] / 1000 + behind for key in ("begin_us", "end_us"))
    waited = run["devices_us"] / 1000
    opening = steps.of(run, volume)
    unlocking = sum(opening.values()) - waited
    times = {"kernel to init": stamp(log, INIT),
             "modules": began - stamp(log, INIT),
             "device": waited, "unlock": unlocking,
             "unlock, all else": ended - began - waited - unlocking,
             "mount": verified["verified_us"] / 1000 + behind - ended,
             "switch": stamp(log, HANDED_OVER)
             - stamp(log, "lies on mappings of this boot"),
             "the root's first program": stamp(log, ROOT)
             - stamp(log, HANDED_OVER)}
    return {step: round(ms, 1) for step, ms in times.items()}


@contextlib.contextmanager
def booted(folder, path, who):
    """The root, by such an image."""
    disk = image.overlay(image.unencrypted() if who == size.BASE else
                         image.sealed().image, folder)
    launch = table.build({known.DISK: image.sealed().key})
    maker = firmware.KINDS["amdsev"](
        packages.Kernel().image, path, f"{rootvm.CMDLINE} {ROOTS[who]}",
        launch)
    with qemu.Machine("bench-boot", maker, disks=[disk], cpus=2,
                      memory_mib=MEMORY) as machine:
        yield machine.wait_ready(300)


def once(folder, path, kind):
    """{"init": ms, "kernel": ms} to the real root's first program; "steps"."""
    tool, who = kind
    with booted(folder, path, who) as machine:
        log = machine.check("dmesg")
        source = machine.check("findmnt -no SOURCE /").strip()
        records = tool == SINGLE and json.loads(machine.check(RECORDS))
    assert (source == known.MAPPED) == (who != size.BASE)
    whole = stamp(log, ROOT)
    found = {"kernel": round(whole, 1),
             "init": round(whole - stamp(log, INIT), 1)}
    if records:
        found["steps"] = by_step(log, *records)
    return found


def measure():
    """What the JSON gets."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        paths = images(folder)
        boots = {kind: [] for kind in paths}
        for number in range(ROUNDS):
            order = list(paths)
            for kind in order if number % 2 else reversed(order):
                boots[kind].append(once(folder, paths[kind], kind))
        return in_parts(boots, {kind: path.stat().st_size
                                for kind, path in paths.items()})


def in_parts(boots, sizes):
    """{"tools": {tool: {who: {"init": [ms], "kernel": [ms], "bytes": …}}},
    "steps": {step: [ms]}}"""
    tools = {tool: {} for tool in TOOLS}
    for (tool, who), found in boots.items():
        tools[tool][who] = {"bytes": sizes[tool, who]} | {
            begin: [one[begin] for one in found]
            for begin in ("init", "kernel")}
    records = [one["steps"] for one in boots[SINGLE, size.OURS]]
    return {"tools": tools, "steps": {step: [one[step] for one in records]
                                      for step in records[0]}}
