# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels that the module is tested on."""

import os

from . import packages, place

# Debian suites, separated by commas, as tests/kernels/kernels.mk sets them;
# bookworm is this machine's own.
CHOSEN = [suite for suite in os.environ.get("KERNELS", "").split(",") if suite]


class Tree:
    """A kernel and its module as tests/kernels/tree.sh left them."""

    def __init__(self, suite):
        top = place.BUILD / "kernels" / suite
        self.version = (top / "version").read_text().strip()
        self.image = top / "root/boot" / f"vmlinuz-{self.version}"
        self.module = top / "root/src/efi_secret.ko"


def get(suite):
    """An object with version, image and module."""
    if suite != "bookworm":
        return Tree(suite)
    kernel = packages.Kernel()
    place.make("module", f"KVER={kernel.version}")
    kernel.module = (place.BUILD / "module" / kernel.version
                     / "efi_secret.ko")
    return kernel
