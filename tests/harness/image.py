# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest: a Debian root with what `make install` puts into it, and its
encrypted disk. Made without loop devices and without device-mapper."""

import functools
import os
import secrets

from . import mounts, packages, place
from .known import FS_LABEL, FS_UUID, LUKS_UUID, MAPPING

SUITE = "bookworm"
PACKAGES = ("systemd-sysv", "udev", "kmod", "dracut-core", "dmsetup",
            "cryptsetup-bin", "libjson-c5", "libkmod2", "libuuid1",
            "e2fsprogs", "initramfs-tools-core",
            "busybox", "cryptsetup-initramfs", "strace")
UNNEEDED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc",
            "usr/share/man", "usr/share/locale", "usr/share/info",
            "usr/share/zoneinfo")
# debootstrap makes static nodes. Image builders' chroots need not have any.
BARE = ("dev", "proc", "sys")

# Without one the first boot would preset every unit.
MACHINE_ID = "c0c05ec4e7c0c05ec4e7c0c05ec4e7c0"
MIB = 1 << 20
HEADER_SHIFT = 32  # MiB that reencrypt wants at the end, for its header
# The keys are random, so a slow key derivation would only cost time.
KDF = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
SPARE = 48  # MiB of free room on the file system

# What makes the stacks that a root may lie on; with libraries that base()
# lacks.
TOOLS = ("lvm2", "mdadm", "btrfs-progs", "xfsprogs", "libaio1", "libbsd0",
         "libdevmapper-event1.02.1", "libedit2", "libinih1", "liblzo2-2",
         "liburcu8")

AGENT_UNIT = """\
[Unit]
Description=Agent of the VM tests
DefaultDependencies=no
After=systemd-remount-fs.service systemd-tmpfiles-setup-dev.service

[Service]
ExecStart=/usr/libexec/cocosecret-tests/agent.sh
StandardInput=null
StandardOutput=null
"""


def empty(folder):
    """Removes what a folder holds."""
    place.remove(folder)
    folder.mkdir(parents=True)


def bootstrap(path):
    """A small Debian. What debootstrap mounts goes with it, however it ends."""
    place.run(*mounts.own(), "debootstrap", "--variant=minbase",
              "--include=" + ",".join(PACKAGES), SUITE, path,
              packages.mirror(), limit=900)
    for folder in UNNEEDED + BARE:
        empty(path / folder)


def base():
    """It, made once."""
    key = place.digest(SUITE, *PACKAGES, *UNNEEDED)
    return place.artefact("base", key, bootstrap)


def tools():
    """A folder with them, as on a root but for the links to /usr."""
    return place.artefact("tools", place.digest(SUITE, *TOOLS),
                          lambda path: packages.fetch(path, TOOLS))


def tools_disk(folder):
    """A disk with them."""
    path = folder / "tools"
    place.run("mke2fs", "-q", "-d", tools(), path, "128M")
    return path


def use_tools(serial):
    """What a guest's shell does to use them from a disk."""
    return f"""
mkdir -p /run/tools /run/lvm
mountpoint -q /run/tools || mount -o ro {serial} /run/tools
PATH=$PATH:/run/tools/sbin:/run/tools/bin:/run/tools/usr/sbin
LD_LIBRARY_PATH=/run/tools/usr/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/run/tools/lib/x86_64-linux-gnu
LVM_SYSTEM_DIR=/run/lvm
export PATH LD_LIBRARY_PATH LVM_SYSTEM_DIR
"""


@functools.cache
def programs():
    """The tests' own programs for the guest, built and as they are."""
    place.make("vm-programs")
    return (place.VM / "probe", place.VM / "alloc.so",
            *(place.GUEST / name for name in ("agent.sh", "report.sh",
                                              "fault.sh")))


def install(path, kernel):
    """What `make install-strip` installs, plus the tests' own programs."""
    place.make("install-strip", f"DESTDIR={path}", "PREFIX=/usr",
               f"KVER={kernel.version}")
    add_agent(path)


def add_agent(path):
    """The tests' own programs, and what starts the agent."""
    ours = path / "usr/libexec/cocosecret-tests"
    ours.mkdir(parents=True)
    place.run("install", *programs(), ours)
    units = path / "usr/lib/systemd/system"
    units.mkdir(parents=True, exist_ok=True)
    (units / "cocosecret-tests.service").write_text(AGENT_UNIT)
    wants = units / "sysinit.target.wants"
    wants.mkdir(exist_ok=True)
    os.symlink("../cocosecret-tests.service", wants / "cocosecret-tests.service")


def merge(source, target):
    """Copies a tree over another, through links such as /lib -> usr/lib."""
    for folder, _, files in os.walk(source):
        to = target / os.path.relpath(folder, source)
        to.mkdir(parents=True, exist_ok=True)
        for file in files:
            place.run("cp", "-a", os.path.join(folder, file), to)


def furnish(path, installed, kernel):
    """Base, kernel modules and installed files become one root."""
    place.run("cp", "-a", base(), path)
    modules = path / "usr/lib/modules"
    modules.mkdir(exist_ok=True)
    place.run("cp", "-a", kernel.modules, modules)
    merge(installed, path)
    place.run("depmod", "-b", path, kernel.version)
    configure(path)


def configure(path):
    """What makes a root the guest's."""
    (path / "etc/hostname").write_text("guest\n")
    (path / "etc/fstab").write_text(f"UUID={FS_UUID} / ext4 rw,noatime 0 1\n")
    (path / "etc/machine-id").write_text(MACHINE_ID + "\n")


@functools.cache
def root():
    """The guest's files, as a folder."""
    kernel = packages.Kernel()
    with place.scratch() as folder:
        installed = place.pathlib.Path(folder) / "installed"
        installed.mkdir()
        install(installed, kernel)
        key = place.digest(base().name, kernel.root.name, installed,
                           place.pathlib.Path(__file__))
        return place.artefact(
            "root", key, lambda path: furnish(path, installed, kernel))


def file_system(path, folder, modules=False):
    """An ext4 image of a folder; kernel modules stay in the initramfs, unless
    they are wanted."""
    with place.scratch() as scratch:
        copy = place.pathlib.Path(scratch) / "root"
        place.run("cp", "-al", folder, copy)
        for drivers in (copy / "usr/lib/modules").glob("*/kernel"):
            if not modules:
                place.remove(drivers)
        used = int(place.run("du", "-sm", copy).split()[0])
        place.run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-J", "size=4",
                  "-U", FS_UUID, "-L", FS_LABEL, "-d", copy, path,
                  f"{used + used // 10 + SPARE}M")


@functools.cache
def unencrypted():
    """The file system of the encrypted disk, as it is."""
    return place.artefact("bare-root", place.digest(root().name),
                          lambda path: file_system(path, root()))


def volume(path, uuid, key, size):
    """An empty LUKS2 volume of so many MiB."""
    with open(path, "wb") as file:
        file.truncate(size * MIB)
    place.run("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2",
              "--sector-size", "512", *KDF, "--uuid", uuid, "--key-file",
              key, path)
    return path


def encrypt(disk, key, uuid=LUKS_UUID, key_bits=512):
    """Puts LUKS2 around an image."""
    with open(disk, "ab") as file:
        file.truncate(file.tell() + HEADER_SHIFT * MIB)
    with place.locked("reencrypt"):  # cryptsetup has one lock for a UUID
        place.run("cryptsetup", "reencrypt", "--encrypt", "--batch-mode",
                  "--type", "luks2", "--cipher", "aes-xts-plain64",
                  "--key-size", str(key_bits), *KDF, "--uuid", uuid,
                  "--reduce-device-size", f"{HEADER_SHIFT}M",
                  "--resilience", "none", "--key-file", key, disk)


def overlay(path, folder):
    """A disk that reads from an image and keeps it as it is."""
    over = place.pathlib.Path(folder) / f"{path.stem}.qcow2"
    place.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
              "-b", path, over)
    return over


class Disk:
    """The encrypted root: .image, and .key, the secret that opens it."""

    def __init__(self, folder, name="disk.img"):
        self.image = folder / name
        self.key = (folder / "key").read_bytes()

    def overlay(self, folder):
        """A disk that reads from the image and keeps it as it is."""
        return overlay(self.image, folder)

    def copy(self, folder):
        """A disk of its own."""
        path = place.pathlib.Path(folder) / self.image.name
        place.run("cp", "--sparse=always", "--reflink=auto", self.image, path)
        return path


@functools.cache
def disk():
    """The encrypted root, made once."""
    def build(path):
        empty(path)
        (path / "key").write_bytes(secrets.token_bytes(32))
        file_system(path / "disk.img", root())
        encrypt(path / "disk.img", path / "key")

    return Disk(place.artefact("disk", place.digest(root().name), build))


def seal(path, name=MAPPING, key_bits=512):
    """Makes an encrypted disk of a file system's image, sealed under that name;
    beside it comes the key of the launch, and the owner's."""
    keys = {file: path.with_name(file) for file in ("key", "owner")}
    for file in keys.values():
        file.write_bytes(secrets.token_bytes(32))
    encrypt(path, keys["owner"], key_bits=key_bits)
    place.make("unlock")
    place.run(place.BUILD / "cocosecret", "enroll", path, "--name", name,
              "--new-key-file", keys["key"], "--key-file", keys["owner"])


@functools.cache
def sealed():
    """It, enrolled and sealed under the mapping's name for a key of its own."""
    def build(path):
        plain = disk()
        empty(path)
        (path / "owner").write_bytes(plain.key)
        (path / "key").write_bytes(secrets.token_bytes(32))
        plain.copy(path)
        place.make("unlock")
        place.run(place.BUILD / "cocosecret", "enroll", path / "disk.img",
                  "--name", MAPPING, "--new-key-file", path / "key",
                  "--key-file", path / "owner")

    key = place.digest(disk().image.parent.name, place.TOP / "unlock")
    return Disk(place.artefact("sealed", key, build))
