# SPDX-License-Identifier: GPL-2.0-or-later
"""Volumes as a hostile host shows them: each made by code from a good one.

REFUSED   what no volume may be opened with; each changes a good volume
ACCEPTED  what still is the owner's own header
HELD      the REFUSED that the cipher policy holds back without any seal
"""

import base64
import copy
import os
import pathlib
import shutil
import subprocess
import typing

from harness import known

from . import luks2

TOP = pathlib.Path(__file__).resolve().parents[2]
COCOSECRET = TOP / "build/cocosecret"
# For scripts that call what was built by its name.
PATH = f"{COCOSECRET.parent}:/usr/sbin:/usr/bin:/bin"
NAME = "victim"
CHEAP = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
SIZE = 20 << 20
LIMIT = 2.0  # seconds for a refusal


def call(*command, limit=60):
    """A finished command, whatever its status."""
    return subprocess.run([str(word) for word in command], timeout=limit,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)


def must(*command):
    """A command that succeeds."""
    done = call(*command)
    assert done.returncode == 0, done.stderr


class Volume(typing.NamedTuple):
    """An image; the file of the launch secret and of the owner's own key."""

    path: pathlib.Path
    key: pathlib.Path | None = None
    owner: pathlib.Path | None = None

    @property
    def secret(self):
        """What the guest is launched with."""
        return self.key.read_bytes()


def blank(path):
    """An image of the usual size."""
    with open(path, "wb") as file:
        file.truncate(SIZE)
    return path


def keys(path):
    """The volume that path will be, with new keys."""
    volume = Volume(path, path.with_suffix(".key"), path.with_suffix(".owner"))
    volume.key.write_bytes(os.urandom(32))
    volume.owner.write_bytes(os.urandom(32))
    return volume


def enroll(volume, name=NAME):
    """Adds the launch secret, and seals; None is no name."""
    must(COCOSECRET, "enroll", volume.path,
         *(("--name", name) if name else ()),
         "--new-key-file", volume.key, "--key-file", volume.owner)
    return volume


def keygen_owner(path):
    """Who signs: the file of the private key; the public one is beside it."""
    must(COCOSECRET, "keygen", "--owner", "-o", path)
    return path


def public(owner):
    """The file of an owner's public key."""
    return owner.with_name(owner.name + ".pub")


def anchor(owner):
    """It, as the command line names it."""
    line = public(owner).read_text().split("\n")[1]
    raw = base64.b64decode(line)[-32:]
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(volume, owner):
    """With what the secret has sealed."""
    must(COCOSECRET, "seal", volume.path, "--key-file", volume.key,
         "--sign-key", owner)
    return volume


def luks_format(volume, *options):
    """An empty volume of the owner's; its key is of a size that the ciphers
    of the attacks take, too."""
    must("cryptsetup", "luksFormat", "--type", "luks2", "-q", *CHEAP,
         "--cipher", "aes-xts-plain64", "--key-size", "256",
         "--key-file", volume.owner, *options,
         blank(volume.path))
    return volume


def good(path):
    """A sealed volume."""
    return enroll(luks_format(keys(path)))


def victim(good):
    """A copy that may be spoilt."""
    path = good.path.with_name("victim")
    shutil.copy(good.path, path)
    return good._replace(path=path)


def unnamed(path, *options):
    """One that is sealed for any name."""
    return enroll(luks_format(keys(path), *options), None)


def two_halves(path, *options):
    """(a volume, its disk as the host shows it): the primary copy of its
    header, which libblkid reads, and behind that another volume, whose
    secondary copy counts. The same secret opens and sealed both."""
    volume = unnamed(path.with_suffix(".one"), *options)
    other = volume._replace(path=path)
    enroll(luks_format(other), None)
    header = luks2.Header(path)
    header.seqid = luks2.Header(volume.path).seqid + 1
    header.write([1])
    with open(path, "r+b") as disk:
        disk.write(luks2.Header(volume.path).copy_bytes(0))
    return volume, other


def partitioned(path, content, partuuid, words=""):
    """A disk with content in its one partition."""
    size = content.stat().st_size
    with open(path, "wb") as file:
        file.truncate(size + (2 << 20))
    subprocess.run(["/usr/sbin/sfdisk", "-q", path], check=True, text=True,
                   input="label: gpt\nstart=2048, "
                         f"size={size >> 9}, uuid={partuuid}{words}\n")
    with open(path, "r+b") as disk:
        disk.seek(1 << 20)
        disk.write(content.read_bytes())
    return path


# What is done to the metadata. The result gets a higher epoch, so that it
# counts, and goes into both copies.

def our_slot(json):
    """Of the launch secret."""
    (token,) = [token for token in json["tokens"].values()
                if token["type"] == "cocosecret"]
    return token["keyslots"][0]


def segment(**changes):
    """An attack that edits the data segment."""
    return lambda header: header.json["segments"]["0"].update(changes)


def slot(*keys_, **changes):
    """An attack that edits an object of our key slot."""
    def edit(header):
        value = header.json["keyslots"][our_slot(header.json)]
        for key in keys_:
            value = value[key]
        value.update(changes)
    return edit


def on(*keys_, **changes):
    """An attack that edits an object of the metadata."""
    def edit(header):
        value = header.json
        for key in keys_:
            value = value[key]
        value.update(changes)
    return edit


def token(**changes):
    """An attack that edits our token; None removes."""
    def edit(header):
        for value in header.json["tokens"].values():
            value.update(changes)
            for name in [name for name in changes if changes[name] is None]:
                del value[name]
    return edit


def add_slot(header):
    """One that the host could have filled, where nothing was."""
    slots = header.json["keyslots"]
    areas = [value["area"] for value in slots.values()]
    slots["7"] = copy.deepcopy(slots[our_slot(header.json)])
    slots["7"]["area"]["offset"] = str(max(
        int(area["offset"]) + int(area["size"]) for area in areas))
    header.json["digests"]["0"]["keyslots"].append("7")


def linear_segment(header):
    """Data as the host would like to read and write it."""
    old = header.json["segments"]["0"]
    header.json["segments"]["0"] = {"type": "linear", "offset": old["offset"],
                                    "size": old["size"]}
    header.json["digests"]["0"]["segments"] = []


def two_segments(header):
    """The second could be anything, too."""
    first = header.json["segments"]["0"]
    first["size"] = str(1 << 20)
    header.json["segments"]["1"] = dict(
        first, offset=str(int(first["offset"]) + (1 << 20)), size="dynamic")
    header.json["digests"]["0"]["segments"].append("1")


def double_token(header):
    """The same one twice."""
    tokens = header.json["tokens"]
    tokens["5"] = copy.deepcopy(next(iter(tokens.values())))


def argon(memory, iterations):
    """Another key derivation, as dear as the host likes."""
    return slot(kdf={"type": "argon2id", "time": iterations, "memory": memory,
                     "cpus": 4, "salt": "A" * 43 + "="})


def text(offset, value):
    """An attack on what the binary header holds."""
    return lambda header: header.set_text(offset, value)


HEADERS = {
    "data cipher null": segment(encryption="cipher_null-ecb"),
    "data cipher aes-ecb": segment(encryption="aes-ecb"),
    "data cipher aes-cbc-plain": segment(encryption="aes-cbc-plain"),
    "data offset moved": segment(offset=str((16 << 20) + 4096)),
    "data size fixed": segment(size=str(1 << 20)),
    "sector size": segment(sector_size=1024),
    "IV moved": segment(iv_tweak="8"),
    "segment flagged": segment(flags=["later"]),
    "segment linear": linear_segment,
    "second segment": two_segments,
    "integrity claimed": segment(integrity={
        "type": "hmac(sha256)", "journal_encryption": "none",
        "journal_integrity": "none"}),
    "key slot cipher null": slot("area", encryption="cipher_null-ecb"),
    "key slot cipher aes-ecb": slot("area", encryption="aes-ecb"),
    "key slot added": add_slot,
    "key slot priority": slot(priority=2),
    "PBKDF2 bomb": slot("kdf", iterations=0xffffffff),
    "argon2 memory bomb": argon(4 << 20, 4),
    "argon2 time bomb": argon(1 << 18, 1 << 30),
    "digest bomb": on("digests", "0", iterations=0xffffffff),
    "token stripped": lambda header: header.json.update(tokens={}),
    "token doubled": double_token,
    "token renamed": token(name="data"),
    "token for another slot": token(keyslots=["0"]),
    "token without a seal": token(seal=None),
    "token without its volume key": token(volume_key=None),
    "token's volume key": token(volume_key={
        "alg": "aes256-kw", "value": "A" * 96}),
    "allow-discards set": on("config", flags=["allow-discards"]),
    "no-read-workqueue set": on("config", flags=["no-read-workqueue"]),
    "requirement unknown": on("config",
                              requirements={"mandatory": ["later"]}),
    "reencryption claimed": on("config", requirements={
        "mandatory": ["online-reencrypt-v2"]}),
    "label": text(luks2.LABEL, "x"),
    "subsystem": text(luks2.SUBSYSTEM, "x"),
    "UUID": text(luks2.UUID, known.OTHER),
}


def rewritten(edit, copies=(0, 1), epoch=1):
    """Edits the metadata and writes it into the copies named."""
    def apply(volume):
        header = luks2.Header(volume.path)
        edit(header)
        header.seqid += epoch
        header.write(copies)
    return apply


# What is done to the whole volume.

def token_of_another(volume):
    """A volume that the same secret opens and sealed."""
    other = volume.path.with_suffix(".other")
    enroll(luks_format(volume._replace(path=other)))
    tokens = luks2.Header(other).json["tokens"]
    other.unlink()
    rewritten(on(tokens=tokens))(volume)


def luks1(volume):
    """Another format with the same key."""
    blank(volume.path)
    must("cryptsetup", "luksFormat", "--type", "luks1", "-q",
         "--pbkdf-force-iterations", "1000", "--key-file", volume.key,
         volume.path)


def begin_reencryption(volume):
    """cryptsetup's own, stopped before the first sector."""
    slot_number = our_slot(luks2.Header(volume.path).json)
    must("cryptsetup", "reencrypt", "--init-only", "-q", *CHEAP, "--key-slot",
         slot_number, "--key-file", volume.key, volume.path)


def primary_damaged_secondary_hostile(volume):
    """The recovery that the host would like."""
    rewritten(HEADERS["data cipher null"], [1])(volume)
    luks2.damage(volume.path, 0)


NULL = HEADERS["data cipher null"]
REFUSED = {name: rewritten(edit) for name, edit in HEADERS.items()} | {
    "token of another volume": token_of_another,
    "hostile primary, newer": rewritten(NULL, [0]),
    "hostile secondary, newer": rewritten(NULL, [1]),
    "hostile primary, same epoch": rewritten(NULL, [0], 0),
    "hostile secondary, primary bad": primary_damaged_secondary_hostile,
    "LUKS1": luks1,
    "reencryption begun": begin_reencryption,
}
# A right key that does not open the slot its token names looks wrong to
# `cocosecret verify`, which says so after it refused the header.
VERIFY_STATUS = {"token for another slot": 6}

HELD = ("data cipher null", "data cipher aes-ecb", "segment linear",
        "key slot cipher null", "PBKDF2 bomb", "argon2 time bomb",
        "digest bomb", "LUKS1", "reencryption begun")

ACCEPTED = {
    "as it is": lambda volume: None,
    "same content, higher epoch": rewritten(lambda header: None, epoch=5),
    "secondary copy damaged": lambda volume: luks2.damage(volume.path, 1),
    "primary copy damaged": lambda volume: luks2.damage(volume.path, 0),
    "secondary copy older": rewritten(lambda header: None, [0]),
    "primary copy older": rewritten(lambda header: None, [1]),
    "hostile secondary, older": rewritten(NULL, [1], -1),
}
