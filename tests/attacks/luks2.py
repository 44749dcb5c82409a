# SPDX-License-Identifier: GPL-2.0-or-later
"""LUKS2 headers as a host can write them: any content, right checksums.

Offsets are those of the on-disk format (LUKS2 specification 1.1.1, 2.1).
"""

import hashlib
import json
import struct

MAGIC = {0: b"LUKS\xba\xbe", 1: b"SKUL\xba\xbe"}
BINARY_SIZE = 4096
HDR_SIZE, SEQID, LABEL, UUID, SUBSYSTEM, CSUM = 8, 16, 24, 168, 208, 448
TEXT_SIZES = {LABEL: 48, UUID: 40, SUBSYSTEM: 48}


class Header:
    """Both copies of an image's header, of one content."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.binary = bytearray(file.read(BINARY_SIZE))
            assert self.binary[:6] == MAGIC[0]
            self.size, = struct.unpack_from(">Q", self.binary, HDR_SIZE)
            text = file.read(self.size - BINARY_SIZE)
        self.json = json.loads(text[:text.index(b"\0")])

    @property
    def seqid(self):
        """The generation, which decides between two good copies."""
        return struct.unpack_from(">Q", self.binary, SEQID)[0]

    @seqid.setter
    def seqid(self, value):
        struct.pack_into(">Q", self.binary, SEQID, value)

    def set_text(self, offset, text):
        """LABEL, UUID or SUBSYSTEM."""
        raw = text.encode().ljust(TEXT_SIZES[offset], b"\0")
        self.binary[offset:offset + len(raw)] = raw

    def copy_bytes(self, number):
        """One copy as it goes to the disk; its salt and offset stay as they
        are there."""
        at = number * self.size
        with open(self.path, "rb") as file:
            file.seek(at)
            old = file.read(BINARY_SIZE)
        binary = bytearray(self.binary)
        binary[:6] = MAGIC[number]
        binary[104:168] = old[104:168]
        struct.pack_into(">Q", binary, 256, at)
        binary[CSUM:CSUM + 64] = bytes(64)
        text = json.dumps(self.json, separators=(",", ":")).encode()
        assert len(text) < self.size - BINARY_SIZE
        whole = bytes(binary) + text.ljust(self.size - BINARY_SIZE, b"\0")
        digest = hashlib.sha256(whole).digest()
        return whole[:CSUM] + digest + whole[CSUM + len(digest):]

    def write(self, copies=(0, 1)):
        """Puts it on the disk, into both copies or the ones named."""
        with open(self.path, "r+b") as file:
            for number in copies:
                data = self.copy_bytes(number)
                file.seek(number * self.size)
                file.write(data)


def damage(path, number):
    """Spoils one copy: a byte of its JSON, not its checksum."""
    with open(path, "r+b") as file:
        size = Header(path).size if number else 0
        file.seek(number * size + BINARY_SIZE + 1)
        file.write(b"?")
