# SPDX-License-Identifier: GPL-2.0-or-later
"""EFI variables, put into OVMF's variable store from outside."""

import struct
import uuid

SYSTEMD = "8cf2644b-4b0b-428f-9387-6d876050dc67"
AUTHENTICATED = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
STORE_HEAD = 28
# StartId, State, Reserved, Attributes, count, time, key, two sizes, vendor
HEAD = struct.Struct("<HBBIQ16sIII16s")
START_ID, ADDED, BLANK = 0x55aa, 0x3f, 0xffff
KEPT_AND_SEEN = 7  # non-volatile, boot services, runtime


def aligned(size):
    """Where the next variable begins."""
    return size + -size % 4


def end_of(store):
    """Where the first variable can be added."""
    volume_head, = struct.unpack_from("<H", store, 48)
    assert store[volume_head:volume_head + 16] == AUTHENTICATED
    at = volume_head + STORE_HEAD
    while True:
        start, *_, name_size, data_size, _ = HEAD.unpack_from(store, at)
        if start == BLANK:
            return at
        assert start == START_ID
        at += aligned(HEAD.size + name_size + data_size)


def add(store, name, text, vendor=SYSTEMD):
    """The store (bytes) with one variable more, whose value is a string as EFI
    has them."""
    store = bytearray(store)
    name, data = (f"{word}\0".encode("utf-16-le") for word in (name, text))
    variable = HEAD.pack(START_ID, ADDED, 0, KEPT_AND_SEEN, 0, bytes(16), 0,
                         len(name), len(data), uuid.UUID(vendor).bytes_le)
    variable += name + data
    at = end_of(store)
    store[at:at + len(variable)] = variable
    return bytes(store)
