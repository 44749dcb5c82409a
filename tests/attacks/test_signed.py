# SPDX-License-Identifier: GPL-2.0-or-later
"""Headers that whoever has the secret can make, and the owner did not sign.

As image files, by `cocosecret verify --owner`, which runs the very check of
cocosecret-unlock; in a guest: tests/vm/test_attacks.py."""

import subprocess

import pytest

from . import catalogue, signed


@pytest.fixture(name="volume")
def volume_fixture(tmp_path):
    """One that its owner signed; its key is "owner" beside it."""
    owner = catalogue.keygen_owner(tmp_path / "owner")
    return catalogue.sign(catalogue.good(tmp_path / "disk"), owner)


def verify(volume, *words):
    """(exit status, what was said)"""
    done = catalogue.call(catalogue.COCOSECRET, "verify", volume.path,
                          "--key-file", volume.key, *words)
    return done.returncode, done.stdout + done.stderr


def by(volume):
    """As a boot that trusts the owner's key."""
    return "--owner", catalogue.public(volume.path.with_name("owner"))


@pytest.mark.parametrize("name", signed.FORGED)
def test_forged(volume, tmp_path, name):
    """The seal is good, or could be; the signature is not."""
    make, words = signed.FORGED[name]
    make(volume, tmp_path, tmp_path / "owner")
    status, said = verify(volume, *by(volume))
    assert (status, words in said) == (5, True), said
    assert "is refused" in said


def test_sealed_is_not_signed(volume, tmp_path):
    """What the signature is for: the seal alone lets it pass."""
    signed.FORGED["UUID changed, sealed again"][0](volume, tmp_path, None)
    assert verify(volume)[0] == 0
    assert verify(volume, *by(volume))[0] == 5


def test_owner_rotated(volume, tmp_path):
    """Two keys in the image, the header signed again, the old key out."""
    old, new = tmp_path / "owner", catalogue.keygen_owner(tmp_path / "new")
    both = tmp_path / "both.pem"
    both.write_bytes(catalogue.public(old).read_bytes()
                     + catalogue.public(new).read_bytes())
    assert verify(volume, "--owner", both)[0] == 0
    catalogue.sign(volume, new)
    assert verify(volume, "--owner", both)[0] == 0
    assert verify(volume, "--owner", catalogue.public(new))[0] == 0
    assert verify(volume, "--owner", catalogue.public(old))[0] == 5


def test_signed_elsewhere(volume, tmp_path):
    """Where the key is, openssl signs what was written for it; what it signed
    is of this header only."""
    other = catalogue.keygen_owner(tmp_path / "elsewhere")
    text, made = tmp_path / "text", tmp_path / "text.sig"

    def seal(*words):
        return catalogue.call(catalogue.COCOSECRET, "seal", volume.path,
                              "--key-file", volume.key, *words).returncode

    assert seal("--owner", catalogue.public(other), "--to-sign", text) == 0
    assert verify(volume, "--owner", catalogue.public(other))[0] == 5
    assert text.read_bytes().startswith(b"cocosecret signature v1\0{")
    subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", other,
                    "-in", text, "-out", made], check=True, timeout=60)
    assert seal("--signature", made) == 0
    assert verify(volume, "--owner", catalogue.public(other))[0] == 0
    made.write_bytes(made.read_bytes()[::-1])
    assert seal("--signature", made) == 5
    made.write_bytes(b"short")
    assert seal("--signature", made) == 2
    assert verify(volume, "--owner", catalogue.public(other))[0] == 0


def test_no_signature_lost(volume, tmp_path):
    """A command that would break it says so and changes nothing."""
    new = tmp_path / "new.key"
    catalogue.must(catalogue.COCOSECRET, "keygen", "-o", new)
    before = volume.path.read_bytes()
    rotate = (catalogue.COCOSECRET, "rotate", volume.path, "--key-file",
              volume.key, "--new-key-file", new)
    done = catalogue.call(*rotate)
    assert done.returncode == 5 and "--sign-key" in done.stderr
    assert volume.path.read_bytes() == before
    catalogue.must(*rotate, "--sign-key", tmp_path / "owner")
    assert verify(volume._replace(key=new), *by(volume))[0] == 0


def test_to_sign_what_is_signed(volume, tmp_path):
    """The signature of a header that did not change stays."""
    catalogue.must(catalogue.COCOSECRET, "seal", volume.path, "--key-file",
                   volume.key, "--to-sign", tmp_path / "text", *by(volume))
    assert verify(volume, *by(volume))[0] == 0


def test_not_that_owners_key(volume, tmp_path):
    """--owner says whose the key of --sign-key is."""
    other = catalogue.keygen_owner(tmp_path / "other")
    done = catalogue.call(catalogue.COCOSECRET, "seal", volume.path,
                          "--key-file", volume.key, "--sign-key", other,
                          *by(volume))
    assert done.returncode == 2 and "--owner" in done.stderr
    assert verify(volume, *by(volume))[0] == 0


def test_no_half_of_a_pair(tmp_path):
    """Neither beside something else nor in place of it."""
    owner = catalogue.keygen_owner(tmp_path / "owner")
    before = owner.read_bytes()
    catalogue.public(owner).unlink()
    catalogue.public(owner).mkdir()
    keygen = (catalogue.COCOSECRET, "keygen", "--owner", "--force", "-o")
    assert catalogue.call(*keygen, owner).returncode == 2
    assert owner.read_bytes() == before
    (tmp_path / "new.pub").symlink_to("none")
    done = catalogue.call(catalogue.COCOSECRET, "keygen", "--owner", "-o",
                          tmp_path / "new")
    assert done.returncode == 2 and not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["RSA", "X25519", "none", "public"])
def test_other_keys(volume, tmp_path, kind):
    """Only Ed25519 signs."""
    key = tmp_path / kind
    if kind == "public":
        key = catalogue.public(tmp_path / "owner")
    elif kind != "none":
        subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", key],
                       check=True, timeout=60, capture_output=True)
    done = catalogue.call(catalogue.COCOSECRET, "seal", volume.path,
                          "--key-file", volume.key, "--sign-key", key)
    assert done.returncode in (2, 7) and str(key) in done.stderr


def test_fleet(tmp_path):
    """One owner's key for several disks, each with a secret of its own: each
    is opened by its own secret, and by none of the others."""
    owner = catalogue.keygen_owner(tmp_path / "owner")
    fleet = [catalogue.sign(catalogue.good(tmp_path / name), owner)
             for name in ("one", "two", "three")]
    for volume in fleet:
        found = [verify(volume._replace(key=other.key), *by(volume))[0]
                 for other in fleet]
        assert found == [0 if other is volume else 6 for other in fleet]
