# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose host speaks by all that it has. Their root is like a real one:
with its kernel's modules, services, and an fstab that names disks."""

import contextlib
import functools
import pathlib
import typing

from . import (chroot, disks, firmware, image, initrd, known, mkosi, packages,
               place, plain, qemu, rootvm, table)

# What a root may have that listens to a host.
LISTENERS = "openssh-server", "qemu-guest-agent", "lvm2", "mdadm"
CLOUD = (*LISTENERS, "cloud-init")
GROUP, VOLUME, ARRAY = "owner", "data", "array"
# By names that are no mapping of ours: the owner's choice, and a host's, too.
FSTAB = f"""\
UUID={known.FS_UUID} / ext4 rw,noatime 0 1
LABEL=data /data ext4 ro,nofail 0 0
/dev/{GROUP}/{VOLUME} /logical ext4 ro,nofail 0 0
/dev/md/{ARRAY} /array ext4 ro,nofail 0 0
"""
FOLDERS = "data", "logical", "array"
KEY_FILE = "etc/disk.key"
LIMIT = 600
MEMORY = 1024
# On a busy machine disks take their time.
PATIENCE = "[Manager]\nDefaultDeviceTimeoutSec=900\n"
PATIENT = "rd.cocosecret.timeout=900"

# Of a host, beside the owner's partition: what it is called, its type, its MiB.
PARTITIONS = {
    "swap": "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
    "home": "933ac7e1-2eb4-4f13-b844-0e14e2aef915",
    "srv": "3b8f8425-20e0-4f3b-907f-1a25a76f98e8",
}
SWAP_UUID = "7c1d3a52-90f4-4b1e-8d57-52ab1f0c6e44"
LAYOUT = (FSTAB, PATIENCE, *FOLDERS, *PARTITIONS, known.ROOT_TYPE,
          SWAP_UUID)


def install_listeners(path, names):
    """What the tests' other roots lack."""
    with chroot.above(image.base()) as system:
        system.apt("update")
        system.apt("install --no-install-recommends", *names)
        system.apt("clean")
        for folder in image.UNNEEDED:
            image.empty(system.changes / folder)
        system.changes.rename(path)


@functools.cache
def listeners(names=LISTENERS):
    """A layer above image.base()."""
    key = place.digest(image.base().name, *names, *image.UNNEEDED)
    return place.artefact(f"listeners-{len(names)}", key,
                          lambda path: install_listeners(path, names))


def furnish(folder):
    """What makes a root the guest of these tests."""
    (folder / "etc/fstab").write_text(FSTAB)
    settings = folder / "etc/systemd/system.conf.d"
    settings.mkdir(exist_ok=True)
    (settings / "tests.conf").write_text(PATIENCE)
    for name in FOLDERS:
        (folder / name).mkdir()


def file_system(path, kind, words):
    """One of the host's, with a mark."""
    if kind == "swap":
        place.run("truncate", "-s", "8M", path)
        place.run("mkswap", "-q", *words, path)
        return path
    with place.scratch() as folder:
        (pathlib.Path(folder) / "host").write_text(f"{kind}\n")
        place.run("mke2fs", "-q", "-t", "ext4", *words, "-d", folder, path,
                  "8M")
    return path


def twin(folder):
    """A file system that has the root's UUID and label."""
    return file_system(folder / "twin", "twin",
                       ["-U", known.FS_UUID, "-L", known.FS_LABEL])


def partitions(path, *first):
    """A disk with the host's, and before them what is the owner's."""
    with place.scratch() as folder:
        parts = list(first)
        for name, kind in PARTITIONS.items():
            words = ["-U", SWAP_UUID] if name == "swap" else []
            part = file_system(pathlib.Path(folder) / name, name, words)
            parts.append((part, f"type={kind}"))
        return disks.partitioned(path, "gpt", parts)


def make_disk(path, copy_root):
    """The encrypted root, enrolled, among the host's partitions. The key file
    "owner" opens it without us."""
    image.empty(path)
    with place.scratch() as scratch:
        tree, volume = (pathlib.Path(scratch) / name
                        for name in ("root", "root.img"))
        copy_root(tree)
        furnish(tree)
        image.file_system(volume, tree, modules=True)
        image.seal(volume)
        for name in ("key", "owner"):
            volume.with_name(name).rename(path / name)
        partitions(path / "disk.img", (volume, f"type={known.ROOT_TYPE}"))


@functools.cache
def disk(names=LISTENERS):
    """It, of this machine's release."""
    def copy_root(folder):
        with chroot.above(listeners(names), image.root()) as system:
            system.copy(folder)

    key = place.digest(listeners(names).name, image.root().name,
                       place.TOP / "unlock", *LAYOUT)
    return image.Disk(place.artefact(f"host-disk-{len(names)}", key,
                                     lambda path: make_disk(path, copy_root)))


class System(typing.NamedTuple):
    """What is booted: a kernel, an initramfs (none where the kernel has one)
    and files to add to it, how the command line names the root, its disk."""

    kernel: pathlib.Path
    initramfs: pathlib.Path | None
    files: dict
    cmdline: str
    disk: image.Disk


def ours(kind):
    """As it comes, of this machine's release."""
    maker = {"mkosi": mkosi.initramfs, "generic": initrd.dracut}.get(
        kind, lambda: plain.initramfs(kind))
    return System(packages.Kernel().image, maker(), {},
                  rootvm.volume(options=""), disk())


# Without us: the same disk, opened by what the distribution has.
DRACUT = ("dracut --force --no-hostonly --no-hostonly-cmdline --add crypt"
          f" --include /{KEY_FILE} /{KEY_FILE}"
          " --include /etc/crypttab /etc/crypttab")
WITHOUT = {
    "generic": f"{DRACUT} /boot/made {{version}}",
    "dracut-plain": f"{DRACUT} --omit systemd /boot/made {{version}}",
    "initramfs-tools": "mkinitramfs -o /boot/made {version}",
}
CONFIGURATION = {
    "etc/crypttab": f"{known.MAPPING} UUID={known.LUKS_UUID} /{KEY_FILE} "
                    "luks,initramfs\n",
    "etc/cryptsetup-initramfs/conf-hook": f'KEYFILE_PATTERN="/{KEY_FILE}"\n',
}


def owner_key(encrypted):
    """What opens a disk without us."""
    return encrypted.image.parent / "owner"


def make_without(system, encrypted, command, path):
    """In a system that has nothing of ours, but its kernel's modules."""
    for name, text in CONFIGURATION.items():
        system.put(name, text)
    place.run("cp", owner_key(encrypted), system.changes / KEY_FILE)
    system.run(command)
    (system.changes / "boot/made").rename(path)


@functools.cache
def initramfs_without(kind):
    """Of this machine's release."""
    kernel = packages.Kernel()

    def build(path):
        with chroot.above(image.base()) as system:
            system.add("boot", [kernel.root / f"boot/config-{kernel.version}"])
            modules = system.changes / "usr/lib/modules"
            modules.mkdir(parents=True)
            place.run("cp", "-a", kernel.modules, modules)
            make_without(system, disk(), f"depmod {kernel.version}; "
                         + WITHOUT[kind].format(version=kernel.version), path)

    key = place.digest(image.base().name, kernel.root.name,
                       disk().image.parent.name, WITHOUT[kind],
                       *CONFIGURATION.values())
    return place.artefact(f"without-{kind}", key, build)


def without(kind):
    """mkosi's own initrd has nothing of ours in it once we are off."""
    if kind == "mkosi":
        return System(packages.Kernel().image, mkosi.initramfs(),
                      {KEY_FILE: owner_key(disk())},
                      f"rd.cocosecret=0 rd.luks.name={known.LUKS_UUID}="
                      f"{known.MAPPING} rd.luks.key=/{KEY_FILE}", disk())
    return System(packages.Kernel().image, initramfs_without(kind), {},
                  f"rd.luks.uuid={known.LUKS_UUID}", disk())


@contextlib.contextmanager
def guest(system, said, *, kind="stock", cmdline="", plugged=True, esp=None,
          more=()):
    """A started guest, to which a host says all that (a catalogue.Said); kind:
    stock, or walled-stock; more: arguments for QEMU."""
    words = " ".join((rootvm.CMDLINE, rootvm.ROOT, system.cmdline, PATIENT,
                      cmdline))
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        store = folder / "vars"
        store.write_bytes(said.store(pathlib.Path(firmware.VARS).read_bytes()))
        initramfs = system.initramfs and initrd.extended(
            folder / "initrd", system.initramfs, system.files)
        maker = firmware.KINDS[kind](
            system.kernel, initramfs, " ".join(words.split()),
            table.build({known.DISK: system.disk.key}), variables=store,
            esp=esp)
        path = (system.disk.overlay if plugged else system.disk.copy)(folder)
        with qemu.Machine(rootvm.test_name(), maker, memory_mib=MEMORY,
                          disks=[*([path] if plugged else []), *said.disks],
                          more=[*said.command(), *more]) as machine:
            machine.disk = path
            yield machine


# One image of kernel, initramfs and command line, as an owner might sign it.
UKIFY = "systemd-ukify", "systemd-boot-efi"
UKI_STUB = "io.systemd.stub.kernel-cmdline-extra"


def make_uki(path, system):
    """And, beside it, an addon of the host's."""
    words = f"{rootvm.CMDLINE} {rootvm.ROOT} {system.cmdline}"
    image.empty(path)
    with chroot.above(*mkosi.layers()) as builder:
        builder.apt("update")
        builder.apt("install", *UKIFY)
        builder.add("in", [system.kernel])
        place.run("cp", system.initramfs, builder.changes / "in/initrd")
        builder.run(f"""cd /in
ukify build --linux={system.kernel.name} --initrd=initrd --cmdline='{words}' \\
    --uname=1 --output=uki.efi
ukify build --cmdline=systemd.setenv=ADDON=heard --output=host.addon.efi""")
        for name in ("uki.efi", "host.addon.efi"):
            (builder.changes / "in" / name).rename(path / name)


@functools.cache
def uki(kind):
    """A folder with both."""
    system = ours(kind)
    key = place.digest(system.initramfs.name, mkosi.layers()[0].name, *UKIFY,
                       system.cmdline)
    return place.artefact(f"uki-{kind}", key,
                          lambda path: make_uki(path, system))
