# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest memory that the test shares: written as LAUNCH_SECRET does it, so that
no program of the guest sees what is written, and read without a dump's cost.
"""

import mmap
import os

from . import memory

PIECE = 1 << 16


class Ram:
    """with Ram(size) as ram: Machine(…, more=ram.arguments())"""

    def __init__(self, size):
        self.size = size
        self.file = os.memfd_create("guest")
        os.ftruncate(self.file, size)
        self.map = mmap.mmap(self.file, size)
        self.seen = [bytes(PIECE)] * (size // PIECE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.map.close()
        os.close(self.file)

    @property
    def path(self):
        """All of it, as a dump."""
        return f"/proc/{os.getpid()}/fd/{self.file}"

    def arguments(self):
        """QEMU's."""
        return ["-object", f"memory-backend-file,id=ram,size={self.size},"
                           f"share=on,mem-path={self.path}",
                "-machine", "memory-backend=ram"]

    def write(self, address, data):
        """Below 2 GiB a guest's addresses are the file's."""
        self.map[address:address + len(data)] = data

    def changes(self):
        """Numbers of the pieces that changed since the last call."""
        changed = []
        for number, old in enumerate(self.seen):
            new = self.map[number * PIECE:(number + 1) * PIECE]
            if new != old:
                self.seen[number] = new
                changed.append(number)
        return changed

    def dump_changes(self, path):
        """Writes what changed since the last call; returns path.

        A secret that was made since then can be nowhere else. Only while the
        guest stands still.
        """
        with open(path, "wb") as file:
            for number in self.changes():
                file.write(self.seen[number])
        return path

    def find(self, secret):
        """As memory.find(), in all of it."""
        return memory.find(self.path, secret)
