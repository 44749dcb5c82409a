# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that LVM and md take for members of a group or an array of theirs,
with a file system in it; written without either."""

import struct
import uuid
import zlib

SECTOR = 512
MIB = 1 << 20
EXTENT = 4 * MIB
DATA = MIB  # where the file system begins

LVM_SEED = 0xf597a6cf
GROUP_TEXT = """\
{group} {{
id = "{ids[0]}"
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = {extent}
max_lv = 0
max_pv = 0
metadata_copies = 0
physical_volumes {{
pv0 {{
id = "{ids[1]}"
device = "/dev/vdb"
status = ["ALLOCATABLE"]
flags = []
dev_size = {size}
pe_start = {start}
pe_count = {count}
}}
}}
logical_volumes {{
{volume} {{
id = "{ids[2]}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
segment_count = 1
segment1 {{
start_extent = 0
extent_count = {count}
type = "striped"
stripe_count = 1
stripes = ["pv0", 0]
}}
}}
}}
}}
contents = "Text Format Volume Group"
version = 1
description = ""
creation_host = "host"
creation_time = 1700000000
"""


def lvm_crc(data):
    """LVM's: CRC-32 from another start, and not inverted."""
    return ~zlib.crc32(data, ~LVM_SEED & 0xffffffff) & 0xffffffff


def lvm_id(letter):
    """A UUID as LVM writes it."""
    return "-".join(letter * count for count in (6, 4, 4, 4, 4, 4, 6))


def lvm_label(pv_id, size):
    """The label's sector."""
    areas = DATA, 0, 0, 0, 4096, DATA - 4096, 0, 0  # of data, of metadata
    body = struct.pack("<I8s32sQ8Q2I2Q", 32, b"LVM2 001",
                       pv_id.replace("-", "").encode(), size, *areas,
                       2, 1, 0, 0)
    body += bytes(SECTOR - 20 - len(body))
    return struct.pack("<8sQI", b"LABELONE", 1, lvm_crc(body)) + body


def lvm_metadata(text):
    """The metadata area's head and the text behind it."""
    head = struct.pack("<16sI2Q2Q2I", b" LVM2 x[5A%r0N*>", 1, 4096, DATA - 4096,
                       SECTOR, len(text), lvm_crc(text), 0)
    head += bytes(SECTOR - 4 - len(head))
    return struct.pack("<I", lvm_crc(head)) + head + text


def write(path, heads, content):
    """A disk of {offset: bytes}, the file system behind them."""
    size = DATA + -(-len(content) // EXTENT) * EXTENT
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, data in (heads(size) | {DATA: content}).items():
            file.seek(offset)
            file.write(data)
    return path


def lvm(path, group, volume, content):
    """A physical volume, whose group has one logical volume."""
    ids = [lvm_id(letter) for letter in "vpl"]

    def heads(size):
        text = GROUP_TEXT.format(
            group=group, volume=volume, ids=ids, extent=EXTENT // SECTOR,
            size=size // SECTOR, start=DATA // SECTOR,
            count=(size - DATA) // EXTENT).encode() + b"\0"
        return {SECTOR: lvm_label(ids[1], size), 4096: lvm_metadata(text)}

    return write(path, heads, content)


def md_sum(block):
    """md's: the words' sum, folded once."""
    words = sum(struct.unpack(f"<{len(block) // 4}I", block))
    return (words & 0xffffffff) + (words >> 32) & 0xffffffff


def md(path, name, content):
    """The only member of a mirror."""
    def heads(size):
        data = (size - DATA) // SECTOR
        block = bytearray(256 + 4)
        struct.pack_into("<4I", block, 0, 0xa92b4efc, 1, 0, 0)
        block[16:32] = uuid.uuid4().bytes
        block[32:32 + len(name)] = name.encode()
        struct.pack_into("<QIIQII", block, 64, 1700000000, 1, 0, data, 0, 1)
        struct.pack_into("<QQQQI", block, 128, DATA // SECTOR, data, 8, 0, 0)
        block[168:184] = uuid.uuid4().bytes
        struct.pack_into("<QQQII", block, 192, 1700000000, 1, 2 ** 64 - 1, 0, 1)
        struct.pack_into("<I", block, 216, md_sum(block))
        return {4096: bytes(block)}

    return write(path, heads, content)
