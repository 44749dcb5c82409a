# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU of other releases, beside this machine's: its program, loader and
libraries are used where they lie, and nothing is installed."""

import functools

from . import chroot, place

PACKAGE = "qemu-system-x86"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = "usr/lib64/ld-linux-x86-64.so.2"


def install(path, suite):
    """A layer with it."""
    with chroot.above(chroot.base(suite)) as system:
        system.apt("update")
        system.apt("install --no-install-recommends", PACKAGE)
        system.apt("clean")
        system.changes.rename(path)


@functools.cache
def of(suite):
    """The words of a command."""
    base = chroot.base(suite)
    layer = place.artefact(f"qemu-{suite}", place.digest(base.name, PACKAGE),
                           lambda path: install(path, suite))
    libraries = ":".join(str(root / LIBRARIES) for root in (layer, base))
    return ["env", f"QEMU_MODULE_DIR={layer / LIBRARIES / 'qemu'}",
            str(base / LOADER), "--library-path", libraries,
            str(layer / "usr/bin/qemu-system-x86_64"),
            "-L", str(layer / "usr/share/qemu")]
