# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's root as a logical volume on its encrypted disk."""

import functools
import secrets

from . import image, place, rootvm

GROUP = "guest"
ROOT = f"root=/dev/{GROUP}/root"
EXTENT = 4 * image.MIB
HEAD = image.MIB  # where LVM lets the data begin

# Only a kernel with device-mapper can lay one out.
LAY_OUT = f"""
exec 2>&1
{image.use_tools("/dev/disk/by-id/virtio-disk2")}
lvm vgcreate -qq {GROUP} /dev/disk/by-id/virtio-disk1 &&
lvm lvcreate -qq -an -Zn -n root -l 100%FREE {GROUP}
sync
"""


def head(size):
    """What LVM writes before the data of a disk of so many bytes."""
    def build(path):
        with place.scratch() as folder:
            folder = place.pathlib.Path(folder)
            disk = folder / "disk"
            with open(disk, "wb") as file:
                file.truncate(size)
            with rootvm.guest("amdsev", after=[
                    disk, image.tools_disk(folder)]) as guest:
                guest.check(LAY_OUT)
            with open(disk, "rb") as file:
                path.write_bytes(file.read(HEAD))

    key = place.digest(str(size), LAY_OUT, image.tools().name)
    return place.artefact("lvm-head", key, build).read_bytes()


def extents(path):
    """How much a disk must have for a file system as its only volume."""
    return HEAD + -(-path.stat().st_size // EXTENT) * EXTENT


def wrap(path, file_system, size):
    """A disk with a file system as its only volume."""
    with open(path, "wb") as file:
        file.write(head(size))
        file.truncate(size)
    place.run("dd", f"if={file_system}", f"of={path}", "bs=1M",
              f"seek={HEAD // image.MIB}", "conv=sparse,notrunc",
              "status=none")
    return path


@functools.cache
def disk():
    """The encrypted disk, made once."""
    def build(path):
        image.empty(path)
        (path / "key").write_bytes(secrets.token_bytes(32))
        image.file_system(path / "root.img", image.root())
        wrap(path / "disk.img", path / "root.img", extents(path / "root.img"))
        place.remove(path / "root.img")
        image.encrypt(path / "disk.img", path / "key")

    key = place.digest(image.root().name, place.pathlib.Path(__file__))
    return image.Disk(place.artefact("lvm", key, build))


def double(path, file_system):
    """A plain disk that LVM takes for the owner's: the same UUIDs."""
    size = disk().image.stat().st_size - image.HEADER_SHIFT * image.MIB
    return wrap(path, file_system, size)
