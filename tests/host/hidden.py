# SPDX-License-Identifier: GPL-2.0-or-later
"""A partition table in what a LUKS2 header of a whole disk leaves unused: the
first sector's last 32 bytes, which no checksum covers, and the padding of the
binary header, which no seal covers."""

import struct
import uuid
import zlib

from attacks import luks2

SECTOR, MIB = 512, 1 << 20
MBR_PART, MBR_MAGIC = 494, b"\x55\xaa"


def entry(kind, first, last):
    """Of a partition, in sectors."""
    return uuid.UUID(kind).bytes_le + uuid.uuid4().bytes + struct.pack(
        "<QQQ", first, last, 0) + bytes(72)


def gpt(entries, sectors):
    """The head of a table whose entries come right behind it, and they."""
    body = b"".join(entries)
    head = bytearray(struct.pack(
        "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, sectors - 1,
        2048, sectors - 34, uuid.uuid4().bytes, 2, len(entries), 128,
        zlib.crc32(body)))
    struct.pack_into("<I", head, 16, zlib.crc32(head))
    return bytes(head).ljust(SECTOR, b"\0") + body


def put(path, parts):
    """Partitions behind the volume, [(type, content as bytes)]."""
    entries = []
    with open(path, "r+b") as file:
        for kind, content in parts:
            first = -(-file.seek(0, 2) // MIB) * MIB
            file.seek(first)
            file.write(content)
            last = first + len(content) - 1
            entries.append(entry(kind, first // SECTOR, last // SECTOR))
        file.truncate(file.seek(0, 2) + MIB)
        sectors = file.seek(0, 2) // SECTOR
    header = luks2.Header(path)
    table = gpt(entries, sectors)
    header.binary[SECTOR:SECTOR + len(table)] = table
    header.write([0])
    with open(path, "r+b") as file:
        file.seek(MBR_PART)
        file.write(struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff" * 3, 1,
                               min(sectors - 1, 0xffffffff)) + MBR_MAGIC)
