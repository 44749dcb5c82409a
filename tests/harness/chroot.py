# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian systems to install packages into: layers, made once, below what a
test changes. A kernel is installed in them as anywhere; nothing is booted."""

import contextlib
import functools
import pathlib
import re

from . import mounts, packages, place

# Several suites' apt refuse a mirror that lags behind.
APT_CONF = """\
Acquire::Check-Valid-Until "false";
APT::Install-Recommends "false";
"""
# What a system has, and what dkms needs to build and sign.
COMMON = ("systemd-sysv", "kmod", "openssl", "dkms", "gcc", "libc6-dev")
FLAVOUR = "cloud-amd64"

MOUNT = """\
mount -t overlay -o "lowerdir=$1,upperdir=$2/changes,workdir=$2/work" \
    chroot "$2/root"
cd "$2/root"
"""
# A device file system of its own, so that nothing can be done to devices.
ENTER = MOUNT + """\
mount -t proc proc proc
mount -t tmpfs dev dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd dev/fd
exec chroot . /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "$3"
"""


class Chroot:
    """A system of layers, the lowest last, and a folder for its changes."""

    def __init__(self, layers, folder):
        self.layers, self.folder = list(layers), pathlib.Path(folder)
        for name in ("changes", "work", "root"):
            (self.folder / name).mkdir(parents=True)

    @property
    def changes(self):
        """What was changed so far, as a layer."""
        return self.folder / "changes"

    def _enter(self, *words, limit):
        """Processes that are left behind end with it, as do the mounts."""
        program, *rest = words
        return place.run(*mounts.own(), "--pid", "--fork", "--kill-child",
                         "sh", "-euc", program, "sh",
                         ":".join(map(str, self.layers)), self.folder, *rest,
                         limit=limit)

    def run(self, script, limit=900):
        """The output of a shell script that must succeed in there."""
        return self._enter(ENTER, script, limit=limit)

    def copy(self, path):
        """All files there are, as a new folder."""
        self._enter(MOUNT + 'cp -a . "$3"', path, limit=900)

    def apt(self, *words):
        """apt-get, with packages from the mirror or from files."""
        return self.run("apt-get -y " + " ".join(words))

    def put(self, path, content):
        """Writes a file."""
        path = self.changes / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def add(self, path, files):
        """Copies files into a folder."""
        path = self.changes / path
        path.mkdir(parents=True, exist_ok=True)
        for file in files:
            place.run("cp", file, path)


@contextlib.contextmanager
def above(*layers):
    """A Chroot whose changes are thrown away."""
    with place.scratch() as folder:
        yield Chroot(layers, folder)


def bootstrap(path, suite):
    """The smallest Debian of a suite, with apt."""
    place.run(*mounts.own(), "debootstrap", "--variant=minbase", suite, path,
              packages.mirror(), limit=900)
    (path / "etc/apt/apt.conf.d/90tests").write_text(APT_CONF)
    place.run("cp", "/etc/resolv.conf", path / "etc/resolv.conf")


def numbers(text):
    """For sorting by version."""
    return [int(digits) for digits in re.findall(r"\d+", text)]


def kernels(chroot):
    """(older, newest) version of the kernel of one flavour, or, where the
    mirror has only one, of two flavours."""
    depends = chroot.run(f"apt-cache depends linux-image-{FLAVOUR} "
                         "linux-image-amd64")
    newest, other = re.findall(r"Depends: linux-image-(\S+)", depends)
    names = chroot.run("apt-cache pkgnames linux-image-").split()
    found = {name.removeprefix("linux-image-") for name in names
             if re.fullmatch(rf"linux-image-[\d.]+\S*-{FLAVOUR}", name)}
    older = sorted((name for name in found
                    if numbers(name) < numbers(newest)), key=numbers)
    return (older or [other])[-1], newest


def install(path, suite, tool):
    """The older kernel, its headers, dkms, and what makes an initramfs."""
    with above(base(suite)) as chroot:
        chroot.apt("update")
        older, newest = kernels(chroot)
        chroot.put("kernels", f"{older} {newest}\n")
        chroot.apt("install", *COMMON, f"linux-headers-{older}")
        chroot.apt("install", tool, f"linux-image-{older}")
        chroot.apt("clean")
        chroot.changes.rename(path)


@functools.cache
def base(suite):
    """A layer: the smallest Debian."""
    return place.artefact(
        f"chroot-{suite}", place.digest(suite, APT_CONF),
        lambda path: bootstrap(path, suite))


@functools.cache
def equipped(suite, name, *packages):
    """The layers of a system with these packages."""
    def build(path):
        with above(base(suite)) as chroot:
            chroot.apt("update")
            chroot.apt("install", *packages)
            chroot.apt("clean")
            chroot.changes.rename(path)

    key = place.digest(base(suite).name, *packages)
    return [place.artefact(f"chroot-{suite}-{name}", key, build), base(suite)]


@functools.cache
def system(suite, tool):
    """The layers of a system with a kernel and dracut or initramfs-tools."""
    key = place.digest(base(suite).name, tool, FLAVOUR, *COMMON)
    return [place.artefact(f"chroot-{suite}-{tool}", key,
                           lambda path: install(path, suite, tool)),
            base(suite)]
