# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks as machines have them: partitions, several volumes, other buses.

The root is on an MBR partition, its disk on virtio-scsi. An NVMe disk has GPT
partitions for /home and for data; the swap space is a whole virtio disk.
"""

import functools
import pathlib
import secrets
import uuid

from . import image, known, place

MBR_ID = "c0c05ec4"
ROOT_DEVICE = f"PARTUUID={MBR_ID}-01"
DATA_PART = "6f1f1c3e-6c1b-4d3b-8c53-0d9c2f2a5e01"
SWAP_UUID = "7a2b2d4f-7d2c-4e4c-9d64-1eada0bb6f12"
# As udev knows it in the real root; nothing of it is wanted in the initramfs.
FSTAB = """\
/dev/mapper/root / ext4 rw,noatime 0 1
/dev/mapper/home /home ext4 defaults 0 0
/dev/mapper/swap none swap defaults 0 0
"""

# A volume whose header is in the initramfs, and its secret.
HEADER = "etc/data volume.hdr"
DETACHED = "8eaff836-9e86-4d40-8d6f-41dd1e704254"
COCOTAB = (f"data PARTLABEL=data {DETACHED} "
           "header=/etc/data\\040volume.hdr,nofail\n")


def partitioned(path, label, parts):
    """A disk with partitions that hold images: (image, what sfdisk is told
    of it)."""
    at, lines = image.MIB, [f"label: {label}"]
    with open(path, "wb") as file:
        file.truncate(2 * image.MIB)
    for content, words in parts:
        size = -(-content.stat().st_size // image.MIB) * image.MIB
        lines.append(f"start={at // 512}, size={size // 512}, {words}")
        place.run("dd", f"if={content}", f"of={path}", "bs=1M",
                  f"seek={at // image.MIB}", "conv=sparse,notrunc",
                  "status=none")
        at += size
        with open(path, "r+b") as file:
            file.truncate(at + image.MIB)  # GPT's copy is at the end
    layout = path.with_suffix(".layout")
    layout.write_text("\n".join(lines) + "\n")
    place.run("sh", "-c", 'sfdisk --quiet "$1" <"$2"', "sh", path, layout)
    return path


def enroll(path, name, secret, key, *words):
    """Seals a volume for a secret, by the key that opens it."""
    file = path.with_suffix(".key")
    file.write_bytes(key)
    place.make("unlock")
    place.run(place.BUILD / "cocosecret", "enroll", *words, path,
              "--name", name, "--secret", secret, "--new-key-file", file,
              "--key-file", file)
    return path


@functools.cache
def root():
    """The root, whose fstab wants /home and a swap space, on a partition."""
    def build(path):
        image.empty(path)
        key = secrets.token_bytes(32)
        (path / "key").write_bytes(key)
        with place.scratch() as folder:
            tree = pathlib.Path(folder) / "root"
            place.run("cp", "-al", image.root(), tree)
            (tree / "etc/fstab").unlink()  # a link to the one that others use
            (tree / "etc/fstab").write_text(FSTAB)
            image.file_system(path / "root.img", tree)
        image.encrypt(path / "root.img", path / "key", any_uuid())
        enroll(path / "root.img", "root", known.DISK, key)
        partitioned(path / "disk.scsi.img", f"dos\nlabel-id: 0x{MBR_ID}",
                    [(path / "root.img", "type=83")])
        place.remove(path / "root.img")

    key = place.digest(image.root().name, place.pathlib.Path(__file__),
                       place.TOP / "unlock")
    return image.Disk(place.artefact("partitioned", key, build),
                      "disk.scsi.img")


@functools.cache
def detached():
    """A folder: disk.img with a volume on a partition, its header, and the
    key that opens it."""
    def build(path):
        image.empty(path)
        key = secrets.token_bytes(32)
        (path / "key").write_bytes(key)
        place.run("truncate", "-s", "24M", path / "data")
        place.run("cryptsetup", "luksFormat", "--batch-mode", "--type",
                  "luks2", *image.KDF, "--key-file", path / "key",
                  "--header", path / "header", path / "data")
        enroll(path / "header", "data", DETACHED, key, "--header")
        partitioned(path / "disk.img", "gpt", [(path / "data", 'name="data"')])

    key = place.digest(place.pathlib.Path(__file__), place.TOP / "unlock")
    return place.artefact("detached", key, build)


def detached_key():
    """What opens it."""
    return (detached() / "key").read_bytes()


def put_header(root):
    """Names it in the cocotab of a root that an initramfs is made in."""
    (root / "etc/cocotab").write_text(COCOTAB)
    place.run("cp", detached() / "header", root / HEADER)


class Others:
    """/home and data, which share a secret, and the swap space."""

    def __init__(self, folder, shared, swap):
        """shared, swap: (UUID, key) of the secrets."""
        folder = pathlib.Path(folder)
        (folder / "shared").write_bytes(shared[1])
        (folder / "swap.key").write_bytes(swap[1])
        home, data, self.swap = (folder / name
                                 for name in ("home", "data", "swap"))
        place.run("mke2fs", "-q", "-t", "ext4", home, "40M")
        image.encrypt(home, folder / "shared", any_uuid())
        image.volume(data, any_uuid(), folder / "shared", 24)
        place.run("truncate", "-s", "32M", self.swap)
        place.run("mkswap", "-q", self.swap)
        image.encrypt(self.swap, folder / "swap.key", SWAP_UUID)
        enroll(home, "home", *shared)
        enroll(data, "data", *shared)
        enroll(self.swap, "swap", *swap)
        self.nvme = partitioned(folder / "disk.nvme", "gpt", [
            (home, 'name="home"'), (data, f"uuid={DATA_PART}")])


def any_uuid():
    """A UUID for a volume that is named in another way."""
    return str(uuid.uuid4())
