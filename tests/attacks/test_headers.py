# SPDX-License-Identifier: GPL-2.0-or-later
"""Headers that their owner did not make, from a good volume, by code.

`cocosecret verify` runs the very checks of cocosecret-unlock on an image
file. Beside it, in the same run, what cryptsetup of this system says with the
owner's right key. The boot with such disks is in tests/vm.
"""

import copy
import hashlib
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from . import luks2

TOP = pathlib.Path(__file__).resolve().parents[2]
COCOSECRET = TOP / "build/cocosecret"
SECRET = "736869e5-84f0-4973-92ec-06879ce3da0b"
OTHER_UUID = "11111111-2222-4333-8444-555555555555"
LIMIT = 2.0  # seconds for a refusal
CHEAP = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


def call(*command, limit=60, **options):
    return subprocess.run([str(word) for word in command], timeout=limit,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, **options)


def must(*command):
    done = call(*command)
    assert done.returncode == 0, done.stderr


def enrolled(folder, name, uuid=None):
    """A sealed volume: folder/NAME, opened by folder/NAME.key."""
    path = folder / name
    owner, key = folder / f"{name}.owner", folder / f"{name}.key"
    for file in (owner, key):
        file.write_bytes(os.urandom(32))
    with open(path, "wb") as file:
        file.truncate(20 << 20)
    more = ("--uuid", uuid) if uuid else ()
    must("cryptsetup", "luksFormat", "--type", "luks2", "-q", *CHEAP, *more,
         "--cipher", "aes-xts-plain64", "--key-file", owner, path)
    must(COCOSECRET, "enroll", path, "--name", "root",
         "--new-key-file", key, "--key-file", owner)
    return path


@pytest.fixture(name="good", scope="module")
def good_fixture(tmp_path_factory):
    """Two volumes of one owner."""
    folder = tmp_path_factory.mktemp("volumes")
    enrolled(folder, "other")
    return enrolled(folder, "good")


def our_slot(json):
    (token,) = [token for token in json["tokens"].values()
                if token["type"] == "cocosecret"]
    return token["keyslots"][0]


def segment(**changes):
    """An attack that edits the data segment."""
    return lambda header: header.json["segments"]["0"].update(changes)


def slot(*keys, **changes):
    """An attack that edits an object of our key slot."""
    def edit(header):
        value = header.json["keyslots"][our_slot(header.json)]
        for key in keys:
            value = value[key]
        value.update(changes)
    return edit


def on(*keys, **changes):
    """An attack that edits an object of the metadata."""
    def edit(header):
        value = header.json
        for key in keys:
            value = value[key]
        value.update(changes)
    return edit


def add_slot(header):
    slots = header.json["keyslots"]
    slots["7"] = copy.deepcopy(slots[our_slot(header.json)])
    header.json["digests"]["0"]["keyslots"].append("7")


def linear_segment(header):
    old = header.json["segments"]["0"]
    header.json["segments"]["0"] = {"type": "linear", "offset": old["offset"],
                                    "size": old["size"]}
    header.json["digests"]["0"]["segments"] = []


def two_segments(header):
    first = header.json["segments"]["0"]
    first["size"] = str(1 << 20)
    header.json["segments"]["1"] = dict(
        first, offset=str(int(first["offset"]) + (1 << 20)), size="dynamic")
    header.json["digests"]["0"]["segments"].append("1")


def double_token(header):
    tokens = header.json["tokens"]
    tokens["5"] = copy.deepcopy(next(iter(tokens.values())))


def seal_of_another(header):
    """The token of another volume of the same owner."""
    other = luks2.Header(header.path.with_name("other"))
    header.json["tokens"] = other.json["tokens"]


def argon(memory, iterations):
    return slot(kdf={"type": "argon2id", "time": iterations, "memory": memory,
                     "cpus": 4, "salt": "A" * 43 + "="})


ATTACKS = {
    "data cipher null": segment(encryption="cipher_null-ecb"),
    "data cipher aes-ecb": segment(encryption="aes-ecb"),
    "data cipher aes-cbc-plain": segment(encryption="aes-cbc-plain"),
    "data offset moved": segment(offset=str((16 << 20) + 4096)),
    "data size fixed": segment(size=str(1 << 20)),
    "sector size": segment(sector_size=1024),
    "IV moved": segment(iv_tweak="8"),
    "segment flagged": segment(flags=["backup-final"]),
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
    "argon2 time bomb": argon(1 << 20, 1 << 30),
    "digest bomb": on("digests", "0", iterations=0xffffffff),
    "token stripped": lambda header: header.json.update(tokens={}),
    "token doubled": double_token,
    "token renamed": lambda header: [
        token.update(name="data") for token in header.json["tokens"].values()],
    "token for another slot": lambda header: [
        token.update(keyslots=["0"])
        for token in header.json["tokens"].values()],
    "token without a seal": lambda header: [
        token.pop("seal") for token in header.json["tokens"].values()],
    "token of another volume": seal_of_another,
    "allow-discards set": on("config", flags=["allow-discards"]),
    "no-read-workqueue set": on("config", flags=["no-read-workqueue"]),
    "requirement unknown": on("config",
                              requirements={"mandatory": ["later"]}),
    "reencryption claimed": on("config", requirements={
        "mandatory": ["online-reencrypt-v2"]}),
    "label": lambda header: header.set_text(luks2.LABEL, "x"),
    "subsystem": lambda header: header.set_text(luks2.SUBSYSTEM, "x"),
    "UUID": lambda header: header.set_text(luks2.UUID, OTHER_UUID),
}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def verify(path, key):
    """(exit status, seconds, message) of ours."""
    begin = time.monotonic()
    done = call(COCOSECRET, "verify", path, "--key-file", key)
    return (done.returncode, time.monotonic() - begin,
            (done.stderr or done.stdout).strip().partition("\n")[0])


def cryptsetup(path, key):
    """What cryptsetup makes of it with the right key."""
    scratch = path.with_name("for-cryptsetup")
    shutil.copy(path, scratch)
    try:
        done = call("cryptsetup", "open", "--test-passphrase", "--type",
                    "luks2", "--key-file", key, scratch, limit=4)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "opens" if done.returncode == 0 else "refuses"


def victim(good):
    path = good.with_name("victim")
    shutil.copy(good, path)
    return path, good.with_name("good.key")


@pytest.mark.parametrize("name", ATTACKS)
def test_refused(good, name):
    """Exit 5, at once, nothing written."""
    path, key = victim(good)
    header = luks2.Header(path)
    ATTACKS[name](header)
    header.seqid += 1
    header.write()
    before = sha256(path)
    status, seconds, refusal = verify(path, key)
    assert sha256(path) == before
    print(f"{name:26} exit {status} in {seconds * 1000:2.0f} ms, cryptsetup "
          f"{cryptsetup(path, key)}; {refusal.replace(str(path), 'it')}")
    # A right key that does not open the slot its token names looks wrong, too.
    assert status == (6 if name == "token for another slot" else 5)
    assert "is refused" in refusal or "no LUKS2 header" in refusal
    assert seconds < LIMIT


def test_luks1_refused(good, tmp_path):
    """Another format with the same key."""
    path, key = tmp_path / "luks1", good.with_name("good.key")
    with open(path, "wb") as file:
        file.truncate(20 << 20)
    must("cryptsetup", "luksFormat", "--type", "luks1", "-q",
         "--pbkdf-force-iterations", "1000", "--key-file", key, path)
    assert verify(path, key)[0] == 5


def test_wrong_key(good):
    """A key that nobody enrolled is told from a header that was changed."""
    path, _ = victim(good)
    assert verify(path, good.with_name("other.key"))[0] == 6


ACCEPTED = {
    "as it is": lambda header: None,
    "same content, higher epoch": lambda header: (
        setattr(header, "seqid", header.seqid + 5), header.write()),
    "secondary copy damaged": lambda header: luks2.damage(header.path, 1),
    "primary copy damaged": lambda header: luks2.damage(header.path, 0),
    "secondary copy older": lambda header: (
        setattr(header, "seqid", header.seqid + 1), header.write([0])),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(good, name):
    """Still the owner's own header; nothing is written to mend it."""
    path, key = victim(good)
    ACCEPTED[name](luks2.Header(path))
    before = sha256(path)
    status, seconds, message = verify(path, key)
    assert (status, sha256(path)) == (0, before), message
    print(f"{name}: accepted in {seconds * 1000:.0f} ms, image unchanged")
