# SPDX-License-Identifier: GPL-2.0-or-later
"""Secret tables as LAUNCH_SECRET takes them, and spoilt ones.

Written from the format's description, not with the code under test.
"""

import random
import struct
import uuid

from .known import HEADER

HEAD_SIZE = 20


def head(guid, length):
    """GUID in EFI byte order, then the length that includes this head."""
    return uuid.UUID(guid).bytes_le + struct.pack("<I", length)


def entry(guid, data, length=None):
    """One secret; length=None is the right one."""
    if length is None:
        length = HEAD_SIZE + len(data)
    return head(guid, length) + data


def wrap(body, length=None, guid=HEADER):
    """The header around a body, padded to 16 bytes."""
    if length is None:
        length = HEAD_SIZE + len(body)
    table = head(guid, length) + body
    return table + bytes(-len(table) % 16)


def build(secrets):
    """A good table of {guid: bytes}."""
    return wrap(b"".join(entry(guid, data) for guid, data in secrets.items()))


def malformed(secrets):
    """{name: table}: each is wrong in one way, all else in it is right."""
    (first, data), *_ = secrets.items()
    body = b"".join(entry(guid, data) for guid, data in secrets.items())
    whole = HEAD_SIZE + len(body)
    return {
        "header too short": wrap(body, length=HEAD_SIZE - 1),
        "longer than the area": wrap(body, length=0x10000),
        "entry too short": wrap(body + entry(HEADER, b"", length=19)),
        "entry of length zero": wrap(body + entry(HEADER, b"", length=0)),
        "entry past the table": wrap(body + entry(HEADER, b"", length=21)),
        "entry past everything": wrap(
            body + entry(HEADER, b"", length=0xffffffff)),
        "duplicate": wrap(body + entry(first, data)),
        "cut in an entry": wrap(body, length=whole - 1),
        "garbage after the last entry": wrap(body + b"\0" * 19 + b"x" * 5),
    }


def names(count, seed=1):
    """UUIDs that look random and are the same each time."""
    source = random.Random(seed)
    return [str(uuid.UUID(int=source.getrandbits(128), version=4))
            for _ in range(count)]


def contents(count, seed=2):
    """Secrets of uneven lengths, with every byte value among them."""
    source = random.Random(seed)
    return [source.randbytes(source.randrange(1, 25)) for _ in range(count)]


# What the module refuses, and {name: (secrets, what follows the last)} that it
# takes.
BAD = malformed(dict(zip(names(3, 5), contents(3, 6))))
GOOD = {
    "no entry": ({}, b""),
    "slack under 20 bytes, not zero": ({names(1, 7)[0]: b"x"}, b"y" * 19),
    "slack of zeros": ({names(1, 7)[0]: b"x"}, bytes(60)),
    "a wiped entry": ({names(1, 7)[0]: b"x"},
                      entry(str(uuid.UUID(int=0)), bytes(9))),
}
