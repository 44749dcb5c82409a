# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs whose mounts go with them, in a chroot too."""

import functools
import os
import subprocess

from . import place

# A chroot's root is seldom a mount, so its propagation cannot be changed.
OWN = ("unshare", "--mount")
UNCHANGED = (*OWN, "--propagation", "unchanged")
PROBE = 'mount -t tmpfs probe "$1"; echo; read -r _; umount "$1"'


def _works(words):
    return subprocess.run([*words, "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def _are_seen_outside(folder):
    """Whether others see what such a program mounts, and would keep it."""
    with subprocess.Popen([*UNCHANGED, "sh", "-ec", PROBE, "sh", folder],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as probe:
        probe.stdout.readline()
        seen = os.path.ismount(folder)
        probe.communicate(b"\n")
    if probe.returncode:
        raise RuntimeError(f"{folder}: nothing can be mounted here")
    return seen


@functools.cache
def own():
    """The words in front of such a program."""
    if not os.path.exists("/proc/self"):
        raise RuntimeError("debootstrap and mknod want /proc, which is not "
                           "mounted here; run mount -t proc proc /proc")
    if _works(OWN):
        return OWN
    with place.scratch() as folder:
        if _are_seen_outside(folder):
            raise RuntimeError(
                "mounts made in this chroot stay outside of it; make its folder "
                "a mount first: mount --bind --make-private FOLDER FOLDER")
    return UNCHANGED
