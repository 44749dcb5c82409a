# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted roots that are not the usual one: a busybox with the agent, and a
Debian with other inits, or of another release."""

import functools
import typing

from . import chroot, image, initrd, known, place

APPLETS = ("base64", "cat", "grep", "ls", "mkdir", "mount", "poweroff", "sh",
           "stty", "tr")
INIT = b"""#!/bin/sh
# The root's first program, and its only one.
export PATH=/bin
agent.sh
poweroff -f
"""
SIZE = "8M"


def file_system(path, init=INIT, files=()):
    """Of a busybox; it can be read without a journal, so nobody need write to
    it. init: None is none; files: see initrd.put()."""
    content = {"bin/busybox": initrd.BUSYBOX,
               "bin/agent.sh": place.GUEST / "agent.sh"}
    content |= {f"bin/{applet}": "busybox" for applet in APPLETS}
    content |= {"sbin/init": init} if init else {}
    with place.scratch() as scratch:
        tree = place.pathlib.Path(scratch) / "root"
        for folder in ("dev", "proc", "sys", "run", "tmp"):
            (tree / folder).mkdir(parents=True)
        initrd.put(tree, content | dict(files))
        place.run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-U",
                  known.FS_UUID, "-L", known.FS_LABEL, "-d", tree, path, SIZE)


def make(folder, name=known.MAPPING, key_bits=512, **settings):
    """It as a sealed image.Disk in a new folder; settings: file_system()'s."""
    folder.mkdir()
    file_system(folder / "disk.img", **settings)
    image.seal(folder / "disk.img", name, key_bits)
    return image.Disk(folder)


AGENT = "/usr/libexec/cocosecret-tests/agent.sh"
INITTAB = f"""\
id:2:initdefault:
si::sysinit:/etc/init.d/rcS
ag:2:once:{AGENT}
"""
SERVICE = f"""\
#!/sbin/openrc-run
start() {{
	[ "$(cat /proc/1/comm)" = openrc-init ] || return 0
	{AGENT} </dev/null >/dev/null 2>&1 &
}}
"""


class Debian(typing.NamedTuple):
    """A root: a release, packages, files, and a script that sets it up."""

    suite: str
    packages: tuple
    files: dict = {}
    script: str = "true"


# Its /sbin/init is sysvinit's. The agent is started by who is process 1.
OTHER_INITS = Debian("bookworm", ("sysvinit-core", "openrc"), {
    "etc/inittab": INITTAB, "etc/init.d/agent": SERVICE},
    "chmod 755 /etc/init.d/agent; rc-update add agent default")
# With a systemd that can restart all but the kernel; the agent, too.
AGAIN = """\
[Unit]
Conflicts=shutdown.target
Before=shutdown.target
"""
NEWER = Debian("trixie", ("systemd-sysv", "udev"), {
    "etc/systemd/system/cocosecret-tests.service.d/again.conf": AGAIN})
CLEAN = "; rm -rf /var/cache/apt /var/lib/apt/lists/*"


def make_debian(path, wanted):
    """A folder with the disk."""
    image.empty(path)
    with chroot.above(chroot.base(wanted.suite)) as system, \
            place.scratch() as scratch:
        system.apt("update")
        system.apt("install", *wanted.packages)
        for name, text in wanted.files.items():
            system.put(name, text)
        system.run(wanted.script + CLEAN)
        tree = place.pathlib.Path(scratch) / "root"
        system.copy(tree)
        image.configure(tree)
        image.add_agent(tree)
        image.file_system(path / "disk.img", tree)
    image.seal(path / "disk.img")


@functools.cache
def debian(name):
    """The sealed image.Disk of one of them, made once."""
    wanted = {"other-inits": OTHER_INITS, "newer": NEWER}[name]
    key = place.digest(chroot.base(wanted.suite).name, *wanted.packages,
                       *wanted.files.values(), wanted.script,
                       *image.programs(), place.TOP / "unlock")
    return image.Disk(place.artefact(
        f"root-{name}", key, lambda path: make_debian(path, wanted)))
