# SPDX-License-Identifier: GPL-2.0-or-later
"""The attack table: what a hostile host shows, and what must come of it.

Each disk is shown to a booted guest that was launched with the disk's right
key, first to cocosecret-unlock; when all that has been looked at, to
cryptsetup and systemd-cryptsetup as Debian ships them.
"""

import contextlib
import os
import shutil
import typing

from harness import hostile, place, table

from . import catalogue, luks2, signed

REFUSED = 5
# Of device-mapper's table: target, cipher, and where the data begins.
GOOD_TABLE = "crypt", "aes-xts-plain64", "32768"
AUTHENTICATED = "crypt", "capi:authenc(hmac(sha256),xts(aes))-plain64", "0"
PARTUUID = "7f7a6c0e-63f1-4a2b-9c85-0d1e2f3a4b5c"
BY_PARTITION = f"PARTUUID={PARTUUID}", "PARTLABEL=victim"
WITHOUT_NAME = "it is sealed without a name"


class Scene(typing.NamedTuple):
    """What is shown, and what must come of it."""

    disks: list             # paths, or hostile.Swap
    secret: bytes
    opens: bool = False
    device: str = ""        # default: the first disk
    options: str = ""
    says: str = ""
    says_of_first: str = ""  # where it comes before the second, and is judged
    cmdline: str = ""       # of the unlocker's, besides
    others: bool = True     # show it to the other programs, too
    either: bool = False    # open with the good header, or refused
    table: tuple = GOOD_TABLE


def from_file(change, **more):
    """A scene of one image."""
    def build(host, folder):
        volume = host.good(folder / "disk")
        change(volume)
        return Scene([volume.path], volume.secret, **more)
    return build


def signed_by_owner(make, **more):
    """A scene of a volume that the owner signed, where his key is known."""
    def build(host, folder):
        owner = catalogue.keygen_owner(folder / "sign")
        volume = catalogue.sign(host.good(folder / "disk"), owner)
        make(volume, folder, owner)
        return Scene([volume.path], volume.secret, others=False,
                     cmdline=f"rd.cocosecret.owner={catalogue.anchor(owner)}",
                     **more)
    return build


def with_integrity(change, **more):
    """A scene of one image that has integrity tags."""
    def build(host, folder):
        volume = host.good_with_integrity(folder / "disk")
        change(volume)
        return Scene([volume.path], volume.secret, table=AUTHENTICATED, **more)
    return build


def luks_uuid(path):
    """As the cocotab names it."""
    header = luks2.Header(path)
    raw = header.binary[luks2.UUID:luks2.UUID + 40]
    return "UUID=" + raw.rstrip(b"\0").decode()


def two_disks(change, hostile_first):
    """The good volume and a copy, changed or not, under one UUID."""
    def build(host, folder):
        volume = host.good(folder / "disk")
        copy = volume._replace(path=folder / "copy")
        shutil.copy(volume.path, copy.path)
        change(copy)
        disks = [volume.path, copy.path]
        return Scene(disks[::-1] if hostile_first else disks, volume.secret,
                     device=luks_uuid(volume.path), says="two devices",
                     says_of_first="is not allowed" if hostile_first else "")
    return build


def two_partitions(plain_first):
    """The good volume in a partition, and a plain one that is called so."""
    def build(host, folder):
        volume = host.good(folder / "volume")
        disks = [catalogue.partitioned(folder / name, content, PARTUUID)
                 for name, content in (
                     ("disk", volume.path),
                     ("plain", catalogue.blank(folder / "empty")))]
        return Scene(disks[::-1] if plain_first else disks, volume.secret,
                     device=f"PARTUUID={PARTUUID}", says="two devices",
                     says_of_first="has no LUKS2 header" if plain_first
                     else "",
                     others=False)
    return build


def two_halves(device, says, *options):
    """Asked for by what udev reads in the first copy of a header."""
    def build(_host, folder):
        volume, disk = catalogue.two_halves(folder / "disk", *options)
        return Scene([disk.path], disk.secret, says=says,
                     device=device or luks_uuid(volume.path))
    return build


def in_partition(make, device, **more):
    """A volume that is asked for by what the host wrote around it."""
    def build(host, folder):
        volume = make(host, folder / "volume")
        disk = catalogue.partitioned(folder / "disk", volume.path, PARTUUID,
                                     ", name=victim")
        return Scene([disk], volume.secret, device=device, others=False,
                     **more)
    return build


def unnamed(_host, folder):
    """By its path."""
    volume = catalogue.unnamed(folder / "disk")
    return Scene([volume.path], volume.secret, says=WITHOUT_NAME, others=False)


def swapped(count, hostile_first, others):
    """A header that changes after so many reads of its area."""
    def build(host, folder):
        volume = host.good(folder / "good")
        other = volume._replace(path=folder / "hostile")
        shutil.copy(volume.path, other.path)
        catalogue.REFUSED["data cipher null"](other)
        images = [volume.path, other.path]
        disk = hostile.Swap(folder, images[::-1] if hostile_first else images,
                            count)
        return Scene([disk], volume.secret, either=True, others=others)
    return build


def no_integrity(header):
    """What the tags would have found, nobody looks for."""
    del header.json["segments"]["0"]["integrity"]


NO_INTEGRITY = catalogue.rewritten(no_integrity)
SCENES = {name: from_file(change)
          for name, change in catalogue.REFUSED.items()}
SCENES |= {f"{name}, unsealed": from_file(catalogue.REFUSED[name],
                                          options="unsealed", others=False)
           for name in catalogue.HELD}
SCENES |= {
    "no integrity, but asked for": from_file(
        catalogue.ACCEPTED["as it is"], options="integrity", others=False,
        says="integrity"),
    "two disks: a copy": two_disks(catalogue.ACCEPTED["as it is"], False),
    "two disks: hostile last": two_disks(catalogue.REFUSED["label"], False),
    "two disks: hostile first": two_disks(
        catalogue.REFUSED["data cipher null"], True),
    "two disks: one PARTUUID, plain last": two_partitions(False),
    "two disks: one PARTUUID, plain first": two_partitions(True),
    "two halves, asked for by UUID": two_halves(
        "", "but the volume was asked for as UUID="),
    "two halves, asked for by label": two_halves(
        "LABEL=victim", "but the volume was asked for as LABEL=victim",
        "--label", "victim"),
    "no name, asked for by path": unnamed,
    "integrity removed": with_integrity(NO_INTEGRITY),
    "integrity removed, unsealed": with_integrity(
        NO_INTEGRITY, options="unsealed,integrity", others=False,
        says="integrity"),
}
for word in BY_PARTITION:
    by = word.partition("=")[0]
    SCENES[f"no name, asked for by {by}"] = in_partition(
        lambda _, path: catalogue.unnamed(path), word, says=WITHOUT_NAME)
    SCENES[f"named, asked for by {by}"] = in_partition(
        lambda host, path: host.good(path), word, opens=True)
# libcryptsetup 2.6 reads the header area 6 times before we check what it read:
# each copy's head and text, and more; once or twice later, in vain.
SCENES |= {f"swapped after {reads} reads, {first} first": swapped(
    reads, first == "hostile", reads == 5)
    for first in ("good", "hostile") for reads in (1, 3, 5, 6, 8)}
FORGED = {f"forged: {name}": signed_by_owner(make, says=says)
          for name, (make, says) in signed.FORGED.items()}
SCENES |= FORGED
SCENES |= {
    "signed by its owner": signed_by_owner(lambda *_: None, opens=True),
    "forged: unsealed, never signed": signed_by_owner(
        signed.never_signed, says=signed.NONE, options="unsealed"),
}
SCENES |= {name: from_file(change, opens=True)
           for name, change in catalogue.ACCEPTED.items()}
SCENES["with integrity"] = with_integrity(
    catalogue.ACCEPTED["as it is"], opens=True, options="integrity,read-only")

HEADING = "exit    ms mapped writes secret"


def line(name, *cells):
    """Of the table."""
    cells = "  ".join(f"{cell:29}" for cell in cells)
    return f"{name:36} {cells}".rstrip()


class Row:
    """Of the table."""

    def __init__(self, name, scene, images):
        self.name, self.scene, self.images = name, scene, images
        self.hashes = [place.sha256(path) for path in images]
        self.ours, self.others, self.notes, self.wrong = "", {}, [], []

    def must(self, truth, what):
        """What does not hold is a failure of the row."""
        if not truth:
            self.wrong.append(what)

    def judge(self, outcome):
        """Ours."""
        opened = outcome.status == 0
        self.ours = (f"{outcome.status:4} {outcome.ms:5} "
                     f"{'yes' if outcome.mapped else 'no':6} "
                     f"{outcome.writes:6} "
                     f"{'found' if outcome.found else 'gone'}")
        self.must(opened == self.scene.opens or self.scene.either, "status")
        self.must(outcome.status in (0, REFUSED), f"exit {outcome.status}")
        self.must(opened or outcome.ms < 1000 * hostile.LIMIT_S, "too slow")
        self.must(not outcome.writes, "writes")
        self.must(not outcome.left, "secrets left")
        self.must(outcome.control, "the control is not found in memory")
        self.must(not outcome.found, f"in memory: {outcome.found[:4]}")
        if opened:
            self.judge_mapped(outcome)
        else:
            self.must(not outcome.mapped, f"mapped: {outcome.mapped}")
            self.must(any("(exit 5)" in line and self.is_said(line)
                          for line in outcome.lines),
                      f"says {outcome.lines}")
        self.must([place.sha256(path) for path in self.images] == self.hashes,
                  "the image has changed")

    def is_said(self, line):
        """All disks are there before anything is judged."""
        return self.scene.says in line

    def judge_mapped(self, outcome):
        """What was opened."""
        words = " ".join(outcome.mapped).split()
        self.must((*words[3:5], words[8]) == self.scene.table,
                  f"mapped: {outcome.mapped}")

    def __str__(self):
        others = [self.others.get(name, "") for name in hostile.OTHERS]
        return line(self.name, self.ours, *others,
                    "; ".join(self.notes + self.wrong))


def arm(scene):
    """Before each program."""
    for disk in scene.disks:
        if isinstance(disk, hostile.Swap):
            disk.arm()


def show_to_us(host, row):
    """First of all: nobody else has read the key yet."""
    scene = row.scene
    with host.showing(scene.disks) as links:
        arm(scene)
        outcome = host.unlock(scene.device or links[0], scene.options,
                              scene.secret, scene.cmdline)
        row.judge(outcome)
        for disk in scene.disks:
            if isinstance(disk, hostile.Swap):
                row.notes.append(f"served {disk.served.read_text()}")
        if outcome.mapped:
            host.close(outcome.mapped)


@contextlib.contextmanager
def kept(paths):
    """What is written to the images does not stay."""
    saved = [path.read_bytes() for path in paths]
    yield
    for path, data in zip(paths, saved):
        if path.read_bytes() != data:
            with open(path, "r+b") as file:
                file.write(data)


def show_to_others(host, row):
    """The same disks."""
    with host.showing(row.scene.disks) as links:
        for program in hostile.OTHERS:
            arm(row.scene)
            with kept(row.images):
                row.others[program] = host.other(program, links[0],
                                                 row.scene.secret)


def prove_search(host):
    """The search finds what is there: at its place, and nowhere else."""
    control = os.urandom(32)
    host.launch(control)
    at = host.base + 2 * table.HEAD_SIZE
    with host.standing_still():
        found = {offset for offset, _ in host.ram.find(control)}
        host.ram.changes()
    assert found == {at, at + 8, at + 16}


def prove_count(host, path):
    """A write request is counted."""
    with host.showing([catalogue.blank(path)]) as (link,):
        assert host.writes() == 0
        host.guest.check(f"dd if=/dev/zero of={link} count=1 oflag=direct")
        assert host.writes() == 1


def build_row(name, host, folder, stack, kind=Row):
    """Makes a scene, and keeps its servers running."""
    folder.mkdir()
    scene = SCENES[name](host, folder)
    images = []
    for disk in scene.disks:
        if isinstance(disk, hostile.Swap):
            stack.enter_context(disk.running())
            images += disk.images
        else:
            images.append(disk)
    return kind(name, scene, images)


def some():
    """Few of those that differ in the header only, which are all shown to the same
    code as files (test_headers.py, test_signed.py), and of those that change between two reads;
    and every other one of the rest, which are about disks."""
    alike = [name for name in SCENES if name in catalogue.REFUSED
             or name in catalogue.ACCEPTED or name.endswith(", unsealed")]
    swaps = [name for name in SCENES if name.startswith("swapped")]
    others = [name for name in SCENES
              if name not in [*alike, *swaps, *FORGED]]
    return alike[::12] + swaps[::4] + [*FORGED][::8] + others[::2]


def rest():
    """The others."""
    some_of_them = some()
    return [name for name in SCENES if name not in some_of_them]


def show_all(host, folder, others, names=tuple(SCENES)):
    """The table's lines, and those of them that are wrong."""
    rows = []
    with contextlib.ExitStack() as stack:
        prove_search(host)
        prove_count(host, folder / "blank")
        for number, name in enumerate(names):
            rows.append(build_row(name, host, folder / str(number), stack))
            show_to_us(host, rows[-1])
        for row in rows:
            if others and row.scene.others:
                show_to_others(host, row)
    return [str(row) for row in rows], [str(row) for row in rows if row.wrong]
