# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs images: a tiny one for the module's tests, and dracut's."""

import functools
import stat

from . import disks, image, known, packages, place

BUSYBOX = place.pathlib.Path("/bin/busybox")


def newc_member(number, name, mode, data):
    """One member of a cpio archive in the format "newc"."""
    raw = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    member = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    member += bytes(-len(member) % 4) + data
    return member + bytes(-len(data) % 4)


def cpio(files):
    """An archive of {path: bytes, Path, or str (a link's target)}.

    Folders come by themselves. A file is executable where a Path is, or where
    bytes begin like a script.
    """
    archive, folders = [], set()

    def add(name, mode, data=b""):
        archive.append(newc_member(len(archive) + 1, name, mode, data))

    for name, content in files.items():
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                add(folder, stat.S_IFDIR | 0o755)
        if isinstance(content, str):
            add(name, stat.S_IFLNK | 0o777, content.encode())
        elif isinstance(content, bytes):
            script = content.startswith(b"#!")
            add(name, stat.S_IFREG | (0o755 if script else 0o644), content)
        else:
            add(name, content.stat().st_mode & ~0o022, content.read_bytes())
    archive.append(newc_member(0, "TRAILER!!!", 0, b""))
    whole = b"".join(archive)
    return whole + bytes(-len(whole) % 512)


INIT = b"""#!/bin/busybox sh
# The first program of a guest without a root: makes a small system, and
# hands over to the agent.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /usr/bin /sbin
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
mount -t tmpfs tmpfs /run
echo 1 >/proc/sys/kernel/printk_devkmsg 2>/dev/null
agent.sh
poweroff -f
"""


def tiny(path, files=(), folders=("dev", "proc", "sys", "run", "tmp")):
    """A busybox with the agent, plus {path in it: content}."""
    content = {"init": INIT, "bin/busybox": BUSYBOX,
               "bin/sh": "busybox",
               "bin/agent.sh": place.GUEST / "agent.sh"}
    content |= {f"{folder}/.keep": b"" for folder in folders}
    content |= dict(files)
    path.write_bytes(cpio(content))
    return path


def put(tree, files):
    """Writes files into a folder; what is there stays."""
    for name, content in dict(files).items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
            continue
        path.write_bytes(content if isinstance(content, bytes)
                         else content.read_bytes())
        path.chmod(0o755)


REPORT = place.pathlib.Path("usr/libexec/cocosecret-tests/report.sh")
DROP_IN = b"""\
[Service]
ExecStopPost=-/usr/libexec/cocosecret-tests/report.sh
"""


def cocotab(options="unsealed", device=f"UUID={known.LUKS_UUID}"):
    """/etc/cocotab for the guest's disk."""
    return f"{known.MAPPING} {device} - {options}\n".encode()


# How image builders call it, and how a machine does for itself. dracut's crypt,
# which it takes where cryptsetup is installed, brings dmsetup and all of
# drivers/md; without it an image is bare.
GENERIC = ("--no-hostonly", "--no-hostonly-cmdline")
BARE = (*GENERIC, "--omit", "crypt")
VARIANTS = {
    "generic": GENERIC,
    "bare": BARE,
    "integrity": BARE,
    "hostonly": ("--hostonly", "--hostonly-mode", "strict",
                 "--no-hostonly-cmdline"),
}
# The generic one, with something more; of some, what dracut.conf says. That
# of stacks has a cocotab, whose volume has its header in the image.
MORE = {"debug": (), "stacks": ("--add", "lvm mdraid btrfs")}
COCOTABS = {
    "hostonly": cocotab(),
    "integrity": cocotab() + b"# one like it is on the command line\n"
                 + f"gone {known.NOWHERE} {known.STACKED} "
                   "nofail,integrity\n".encode()}
CONFIGURATION = {"debug": b"cocosecret_debug=yes\n"}


def arguments(variant):
    """dracut's."""
    if variant in MORE:
        return VARIANTS["generic"] + MORE[variant]
    return VARIANTS[variant]


def log_path(variant):
    """What dracut said when it built the image."""
    return place.LOGS / f"dracut-{variant}.log"


def build_dracut(path, variant):
    """In a chroot with nothing mounted and no device nodes, as for another
    machine. Some images find volumes in /etc/cocotab, the generic one wants
    them on the kernel command line."""
    with place.scratch() as folder:
        root = place.pathlib.Path(folder) / "root"
        place.run("cp", "-a", image.root(), root)
        if variant in COCOTABS:
            (root / "etc/cocotab").write_bytes(COCOTABS[variant])
        if variant == "stacks":
            image.merge(image.tools(), root)
            disks.put_header(root)
        (root / "etc/dracut.conf.d/test.conf").write_bytes(
            CONFIGURATION.get(variant, b""))
        log = place.run("chroot", root, "/usr/bin/env", "-i",
                        "PATH=/usr/sbin:/usr/bin", "dracut", "--force",
                        *arguments(variant), "--add", "cocosecret", "--kver",
                        packages.Kernel().version, "/boot/initrd.img")
        place.LOGS.mkdir(parents=True, exist_ok=True)
        log_path(variant).write_text(log)
        (root / "boot/initrd.img").rename(path)


@functools.cache
def dracut(variant="generic"):
    """dracut's image as it comes."""
    key = place.digest(image.root().name, variant, *arguments(variant),
                       CONFIGURATION.get(variant, b""),
                       COCOTABS.get(variant, b""),
                       *([image.tools().name, disks.detached().name]
                         if variant == "stacks" else []))
    return place.artefact(f"initrd-{variant}", key,
                          lambda path: build_dracut(path, variant))


def extended(path, first, files=()):
    """An initramfs with files added or replaced, and the unlocker's report.

    The kernel unpacks one archive after the other.
    """
    content = {
        str(REPORT): place.GUEST / "report.sh",
        "etc/systemd/system/cocosecret-unlock.service.d/report.conf": DROP_IN,
    } | dict(files)
    data = first.read_bytes()
    path.write_bytes(data + bytes(-len(data) % 512) + cpio(content))
    return path
