# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd's units in the initramfs, and how tests make them report."""

from . import initrd

UNIT = "etc/systemd/system/{}.service"
VERIFY_ROOT, VERIFY_MOUNTS = "cocosecret-verify-root", "cocosecret-verify-mounts"
SHELLS = ("emergency", "rescue", "dracut-emergency")


def reporting(*units, **more):
    """Files for the initramfs: these units report how they ended."""
    return {UNIT.format(unit) + ".d/report.conf": initrd.DROP_IN
            for unit in units} | more
