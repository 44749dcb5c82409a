# SPDX-License-Identifier: GPL-2.0-or-later
"""Images of whole disks, with volumes in their partitions."""

import subprocess

from . import catalogue

MIB = 1 << 20
FIRST = 5 * MIB  # where the first LUKS2 partition is
SECOND = FIRST + catalogue.SIZE + MIB
TABLES = {
    "gpt": 'label: gpt\n'
           'start=1MiB, size=4MiB, type=U, name="esp"\n'
           'start=5MiB, size={size}MiB, type=L, name="root", uuid={uuid}\n'
           'start={second}MiB, size={size}MiB, type=L, name="data"\n',
    "dos": 'label: dos\n'
           'start=1MiB, size=4MiB, type=ef\n'
           'start=5MiB, size={size}MiB, type=83\n'
           'start={second}MiB, type=5\n'
           'start={logical}MiB, size={size}MiB, type=83\n',
}
UUID = "6f2c1b1e-8a57-4f0e-9d8c-2d3f5f0a6b7c"


def image(folder, volumes, kind="gpt"):
    """Of a disk with such volumes in its partitions."""
    path = folder / "disk.raw"
    with open(path, "wb") as file:
        file.truncate(SECOND + catalogue.SIZE + 3 * MIB)
    second = SECOND // MIB
    subprocess.run(["sfdisk", "-q", path], check=True, text=True,
                   input=TABLES[kind].format(
                       size=catalogue.SIZE // MIB, uuid=UUID, second=second,
                       logical=second + 1))
    with open(path, "r+b") as file:
        for at, volume in volumes.items():
            file.seek(at)
            file.write(volume.path.read_bytes())
    return path
