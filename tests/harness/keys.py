# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys that a host presses while an initramfs waits for its disk."""

import time

from . import hostvm

# What a magic key of the console would show.
KEYS = {"t": b"Show State", "m": b"Show Memory", "w": b"Show Blocked State",
        "l": b"Show backtrace", "e": b"Terminate All Tasks",
        "c": b"Trigger a crash", "f": b"Manual OOM execution"}

WAITING = "loglevel=7 rd.cocosecret.timeout=600"


def wait(machine):
    """For the initramfs to wait for its disk."""
    machine.wait_console("secrets in securityfs", hostvm.LIMIT)
    time.sleep(5)


def press(machine, key):
    """A magic key of the console's."""
    machine.qmp("chardev-send-break", id="console")
    machine.type(key)
    time.sleep(1)


def press_ctrl_alt_del(machine):
    """On the keyboard."""
    machine.qmp("send-key", keys=[{"type": "qcode", "data": key}
                                  for key in ("ctrl", "alt", "delete")])


def arrived(machine):
    """How many magic keys the kernel has taken for such, if only to refuse them."""
    return machine.log_path("console").read_bytes().count(b"sysrq: ")


def heard(machine):
    """What the console shows of the magic keys."""
    console = machine.log_path("console").read_bytes()
    return b" ".join(says for says in KEYS.values()
                     if b"sysrq: " + says in console).decode()
