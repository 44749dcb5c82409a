# SPDX-License-Identifier: GPL-2.0-or-later
"""What people stumble over, from public reports: whatever they give, the
command says what it is and which one helps; nothing is lost meanwhile."""

import contextlib
import gzip
import os
import pathlib
import re
import subprocess

import pytest

from attacks import catalogue, disks, luks2
from attacks.catalogue import COCOSECRET, call
from harness import known

RAW = "qemu-img convert -O raw"


def run(*words, folder=None):
    """(exit status, what was said)"""
    with contextlib.chdir(folder) if folder else contextlib.nullcontext():
        done = call(COCOSECRET, *words)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(name="volume")
def fixture_volume(tmp_path):
    """Sealed as root."""
    return catalogue.good(tmp_path / "disk")


@pytest.fixture(name="plain")
def fixture_plain(tmp_path):
    """Of the owner's, not enrolled."""
    return catalogue.luks_format(catalogue.keys(tmp_path / "plain"))


def enroll(volume, *words, key=None, name=catalogue.NAME):
    """Again, or for the first time."""
    return run("enroll", volume.path, "--name", name, "--new-key-file",
               key or volume.key, "--key-file", volume.owner, *words)


def new_key(tmp_path, size=32):
    """A file."""
    path = tmp_path / f"new-{size}"
    path.write_bytes(os.urandom(size))
    return path


def make_luks1(volume):
    """As kiwi and qemu-img still make them."""
    catalogue.must("cryptsetup", "luksFormat", "--type", "luks1", "-q",
                   "--pbkdf-force-iterations", "1000", "--key-file",
                   volume.owner, volume.path)


def make_ext4(volume):
    """What was never encrypted."""
    catalogue.must("mke2fs", "-q", "-t", "ext4", volume.path)


def begins(with_, at=0):
    """A file that has no more than a container's mark."""
    def write(volume):
        volume.path.write_bytes(bytes(at) + with_ + bytes(8192))
    return write


def cut(size):
    """A download that broke off."""
    return lambda volume: os.truncate(volume.path, size)


def damage(volume):
    """Neither copy of the header is whole."""
    with open(volume.path, "r+b") as file:
        for at in (4096, 16384 + 4096):
            file.seek(at)
            file.write(b"damage")


KINDS = {
    "LUKS1": (make_luks1, "is LUKS1; cryptsetup convert"),
    "ext4": (make_ext4, "holds ext4 and no LUKS2 header; cryptsetup reencrypt"),
    "qcow2": (begins(b"QFI\xfb\0\0\0\3"), f"is a qcow2 image, not .*{RAW}"),
    "vmdk": (begins(b"KDMV"), f"is a vmdk image, .*{RAW}"),
    "vdi": (begins(b"\x7f\x10\xda\xbe", 64), f"is a vdi image, .*{RAW}"),
    "vhdx": (begins(b"vhdxfile"), f"is a vhdx image, .*{RAW}"),
    "vhd": (begins(b"conec" b"tix"), f"is a vhd image, .*{RAW}"),
    "gzip": (begins(gzip.compress(b"x")), "compressed with gzip.*unpack"),
    "empty": (cut(0), "is empty"),
    "zeros": (begins(b""), "no LUKS2 header, nor anything else"),
    "cut in the header": (cut(10000), "is cut off: it has 10000 bytes"),
    "cut in the key slots": (cut(100000), "is cut off: .* header and key slots take"),
    "damaged": (damage, "both copies are damaged; cryptsetup luksHeaderR"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["enroll", "verify"])
def test_what_it_is(plain, kind, command):
    """No LUKS2: exit 5, in a line that says what is there and what helps."""
    make, says = KINDS[kind]
    make(plain)
    before = plain.path.read_bytes()
    status, said = enroll(plain) if command == "enroll" else run(
        command, plain.path, "--key-file", plain.key)
    assert status == 5 and re.search(says, said), said
    line = said.strip().splitlines()[-1]  # libcryptsetup's come before
    assert str(plain.path) in line and "/proc/self" not in line
    assert plain.path.read_bytes() == before
    print(said.strip().replace(str(plain.path), "disk.img"))


def test_partitions_are_named(tmp_path, volume):
    """Two with LUKS, and none: number, kind and label of each."""
    path = disks.image(tmp_path, {disks.FIRST: volume, disks.SECOND: volume})
    status, said = run("verify", path, "--key-file", volume.key)
    assert status == 2 and '2 (LUKS2, "root"), 3 (LUKS2, "data")' in said
    make_ext4(volume)
    path = disks.image(tmp_path, {disks.FIRST: volume})
    status, said = run("verify", path, "--key-file", volume.key)
    assert status == 2 and '2 (ext4, "root")' in said and "encrypt" in said


def test_enroll_again(volume, tmp_path):
    """The same is done already; for another key rotate is named; another name
    is none that it can have; --force and --also as ever."""
    before, new = volume.path.read_bytes(), new_key(tmp_path)
    status, said = enroll(volume)
    assert status == 0 and "enrolled already" in said and "0, key" in said
    status, said = enroll(volume, key=new)
    assert status == 5 and "cocosecret rotate replaces that key" in said
    status, said = enroll(volume, name="other")
    assert status == 2 and f"under the name {catalogue.NAME}" in said
    assert "()" not in said and volume.path.read_bytes() == before
    assert enroll(volume, "--also", f"{known.DISK}={volume.key}", key=new
                  )[0] == 0
    for key in (volume.key, new):
        assert run("verify", volume.path, "--key-file", key)[0] == 0


def test_enroll_again_signs(volume, tmp_path):
    """What is enrolled may lack the owner's signature only."""
    owner = catalogue.keygen_owner(tmp_path / "owner")
    status, said = enroll(volume, "--sign-key", owner)
    assert status == 0 and "sealed and signed" in said
    assert run("verify", volume.path, "--key-file", volume.key, "--owner",
               catalogue.public(owner))[0] == 0
    assert len(luks2.Header(volume.path).json["keyslots"]) == 2


def test_lost_slot(volume):
    """verify and seal name enroll, which puts the token in order again."""
    catalogue.must("cryptsetup", "luksKillSlot", "-q", "--key-file",
                   volume.owner, volume.path, "1")
    for command in ("verify", "seal"):
        status, said = run(command, volume.path, "--key-file", volume.key)
        assert status == 5 and "lost its key slot" in said, said
        assert "cocosecret enroll gives" in said
    status, said = enroll(volume)
    assert status == 0 and "token 0, key slot 1" in said, said
    assert run("verify", volume.path, "--key-file", volume.key)[0] == 0
    assert list(luks2.Header(volume.path).json["tokens"]) == ["0"]


def test_lost_slot_of_another(volume, tmp_path):
    """Nothing seals that token again, so the message names no --also."""
    new = new_key(tmp_path)
    assert enroll(volume, "--secret", known.OTHER, "--also",
                  f"{known.DISK}={volume.key}", key=new)[0] == 0
    catalogue.must("cryptsetup", "luksKillSlot", "-q", "--key-file",
                   volume.owner, volume.path, "1")
    words = ("seal", volume.path, "--key-file", new, "--secret", known.OTHER)
    status, said = run(*words)
    assert status == 5
    status, said = run("rotate", *words[1:3], volume.owner, "--new-key-file",
                       volume.key)
    assert status != 0
    status, said = run(*words, "--force")
    assert status == 0 and "token 0 has lost its key slot" in said, said
    assert "--also" not in said


def test_ignored_slot(plain):
    """A key that is given is tried on slots that are not tried unasked."""
    catalogue.must("cryptsetup", "config", "--key-slot", "0", "--priority",
                   "ignore", plain.path)
    assert enroll(plain)[0] == 0
    assert enroll(plain._replace(owner=plain.key),
                  key=plain.owner)[0] in (0, 5)


def test_no_token_left(plain):
    """All 32 numbers are taken."""
    header = luks2.Header(plain.path)
    header.json["tokens"] = {str(number): {"type": "x", "keyslots": []}
                             for number in range(32)}
    header.seqid += 1
    header.write()
    before = plain.path.read_bytes()
    status, said = enroll(plain)
    assert status == 7 and "no room for another token" in said
    assert plain.path.read_bytes() == before


def test_large_keys(plain, tmp_path):
    """Told where they are enrolled, not where a table is made of them."""
    status, said = enroll(plain, key=new_key(tmp_path, 65536))
    assert status == 2 and "no secret table takes a key of 65536 bytes" in said
    status, said = enroll(plain, key=new_key(tmp_path, 3032))
    assert status == 0 and "warning" not in said
    status, said = enroll(plain, "--secret", known.OTHER, "--also",
                          f"{known.DISK}={tmp_path / 'new-3032'}",
                          key=new_key(tmp_path, 3033))
    assert status == 0 and "does not fit into the 3072 bytes" in said
    for size, status in ((3032, 0), (3033, 2)):
        assert run("table", "build", "-o", tmp_path / "table",
                   tmp_path / f"new-{size}")[0] == status


def test_which_key(volume, tmp_path):
    """A wrong key is no changed header, nor the other way round."""
    status, said = run("verify", volume.path, "--key-file", new_key(tmp_path))
    assert status == 6 and "is not the key of secret" in said
    assert "before a rotation" in said and "changed" not in said
    status, said = run("verify", volume.path, "--key-file", volume.key,
                       "--name", "other")
    assert status == 5 and "is sealed for the name" in said
    header = luks2.Header(volume.path)
    header.json["config"]["flags"] = ["allow-discards"]
    header.seqid += 1
    header.write()
    status, said = run("verify", volume.path, "--key-file", volume.key)
    assert status == 5 and "is its key, but somebody changed" in said
    assert "cocosecret seal shows" in said


@pytest.mark.parametrize("words, says", [
    (["verify", "--key-file", "k"], "a DEVICE is missing, or --header"),
    (["verify", "disk"], "--key-file KEY is missing"),
    (["enroll", "disk"], "--new-key-file KEY is missing"),
    (["verify", "disk", "two", "--key-file", "k"], "two: is one DEVICE too"),
    (["verify", "--header", "h", "two", "--key-file", "k"], "beside --header"),
    (["table", "build", "k"], "-o FILE is missing"),
    (["table", "build", "-o", "t"], "a KEYFILE is missing"),
])
def test_what_is_missing(words, says):
    """Not all that may be."""
    status, said = run(*words)
    assert status == 2 and says in said and "--help" in said


def test_table_words(tmp_path):
    """As those write a secret who come from other tools."""
    (tmp_path / "disk.key").write_bytes(os.urandom(32))
    (tmp_path / "a=b").write_bytes(os.urandom(32))
    build = ("table", "build", "-o")
    assert run(*build, "good", "disk.key", folder=tmp_path)[0] == 0
    good = (tmp_path / "good").read_bytes()
    for word, says in ((f"{{{known.DISK}}}=disk.key", None),
                       (f"{known.DISK.upper()}=disk.key", None),
                       ("luks-key=disk.key", None),
                       ("luks-key:disk.key", f"={known.DISK}=disk.key"),
                       (f"{known.DISK}:disk.key", f"{known.DISK}=disk.key"),
                       (known.DISK.replace("-", "") + "=disk.key",
                        "UUID=KEYFILE"),
                       ("a=b", "./ before it")):
        status, said = run(*build, "table", word, folder=tmp_path)
        if says is None:
            assert (tmp_path / "table").read_bytes() == good
            (tmp_path / "table").unlink()
        else:
            assert status == 2 and says.lstrip("=") in said, said
            assert not (tmp_path / "table").exists()
    assert run(*build, "table", "./a=b", folder=tmp_path)[0] == 0


def writers(volume, tmp_path):
    """Commands that write what -o names, but for its name."""
    signer = catalogue.public(catalogue.keygen_owner(tmp_path / "signer"))
    return {
        "keygen": ["keygen", "--force", "-o"],
        "table build": ["table", "build", volume.key, "-o"],
        "seal": ["seal", volume.path, "--key-file", volume.key, "--owner",
                 signer, "--to-sign"],
    }


def to_pipe(command, name, tmp_path):
    """What came out of standard output."""
    return subprocess.run([COCOSECRET, *command, name], cwd=tmp_path,
                          capture_output=True, check=False)


@pytest.mark.parametrize("kind", ["keygen", "table build", "seal"])
def test_links_stay(volume, tmp_path, kind):
    """What a link leads to is replaced, in its own folder; one that leads
    nowhere, a device, a pipe and a folder are left alone."""
    command = writers(volume, tmp_path)[kind]
    store = tmp_path / "store"
    store.mkdir()
    (store / "target").write_bytes(b"old")
    for name, target in (("link", "chain"), ("chain", "store/target"),
                         ("nowhere", "store/nothing"), ("null", "/dev/null")):
        (tmp_path / name).symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    done = to_pipe(command, "link", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "link").is_symlink() and (tmp_path / "chain").is_symlink()
    assert (store / "target").read_bytes() != b"old"
    assert (store / "target").stat().st_mode & 0o777 == 0o600
    assert list(store.iterdir()) == [store / "target"]
    for name in ("nowhere", "null", "pipe", "store"):
        done = to_pipe(command, name, tmp_path)
        assert done.returncode in (2, 7) and name.encode() in done.stderr
    assert not (store / "nothing").exists()
    assert os.path.samefile(tmp_path / "null", "/dev/null")
    assert pathlib.Path("/dev/null").is_char_device()


@pytest.mark.parametrize("kind", ["keygen", "table build"])
def test_standard_output(volume, tmp_path, kind):
    """By each of its names, into a pipe and a file; no word goes in between."""
    command = writers(volume, tmp_path)[kind]
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    size = 32 if kind == "keygen" else 80
    for name in ("-", "/dev/stdout", "/proc/self/fd/1", "stdout"):
        done = to_pipe(command, name, tmp_path)
        assert done.returncode == 0 and len(done.stdout) == size, done.stderr
        assert name.encode() in done.stderr
        with open(tmp_path / "file", "wb") as file:
            subprocess.run([COCOSECRET, *command, name], cwd=tmp_path,
                           check=True, stdout=file, stderr=subprocess.PIPE)
        assert (tmp_path / "file").stat().st_size == size
    assert (tmp_path / "stdout").is_symlink()
    assert os.readlink("/dev/stdout") == "/proc/self/fd/1"
    assert not (tmp_path / "-").exists()


def test_success_speaks(plain, tmp_path):
    """One line of what is there now; none with -q."""
    new, table = new_key(tmp_path), tmp_path / "table"
    old = ("--key-file", plain.key)
    commands = [
        (["keygen", "--force", "-o", tmp_path / "key"], "key of 32 bytes"),
        (["table", "build", "-o", table, plain.key], "80 bytes of the area's"),
        (["enroll", plain.path, "--name", "root", "--new-key-file", plain.key,
          "--key-file", plain.owner], f"sealed for secret {known.DISK}, "
                                      "token 0, key slot 1, name root"),
        (["verify", plain.path, *old], "sealed for secret"),
        (["seal", plain.path, *old], "key slot 1, name root"),
        (["rotate", plain.path, *old, "--new-key-file", new],
         "key slot 2, name root"),
    ]
    start = plain.path.read_bytes()
    for quiet in ([], ["-q"], ["--quiet"]):
        plain.path.write_bytes(start)
        for words, says in commands:
            done = call(COCOSECRET, *words, *quiet)
            assert done.returncode == 0 and not done.stderr, done.stderr
            assert says in done.stdout if not quiet else not done.stdout
            if words[0] in ("enroll", "rotate") and not quiet:
                key = new if words[0] == "rotate" else plain.key
                assert done.stdout.endswith(
                    "next, the table for the launch: cocosecret table build "
                    f"-o TABLE {known.DISK}={key}\n")
