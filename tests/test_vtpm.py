# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/vtpm's approve-image: what it signs, and what it does not. That a TPM agrees
is seen in tests/vm/test_vtpm.py."""

import base64
import hashlib
import json
import pathlib
import subprocess

import pytest

from harness import firmware, place

PROGRAM = place.TOP / "examples/vtpm/approve-image"
WORDS = "root=/dev/mapper/root rd.cocosecret.source=run"
# TPM2_PolicyPCR of PCR 4, 9 and 15 in the bank of SHA-256.
HEAD = bytes(32) + bytes.fromhex("0000017f 00000001 000b 03 108200")


def approve(folder, *words):
    """(status, approvals, what it says) for the folder's key and initramfs."""
    done = subprocess.run([PROGRAM, "--key", folder / "key", *words], check=False,
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(name="image", scope="module")
def image_fixture(tmp_path_factory):
    """(folder, the words that name what is in it)"""
    folder = tmp_path_factory.mktemp("vtpm")
    place.run("openssl", "genpkey", "-algorithm", "RSA", "-out", folder / "key")
    place.run("openssl", "pkey", "-in", folder / "key", "-pubout", "-out",
              folder / "pub")
    (folder / "initrd").write_bytes(b"an initramfs")
    program = firmware.programs()[1].read_bytes()
    # sbsign signs what it has made a multiple of 8 bytes long.
    (folder / "kernel").write_bytes(program + bytes(-len(program) % 8))
    return folder, ["--kernel", folder / "kernel", "--initrd", folder / "initrd",
                    "--cmdline"]


def program_digest(folder, program):
    """What sbsign has it sign of a program."""
    place.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
              "/CN=x", "-keyout", folder / "sb.key", "-out", folder / "sb.pem")
    place.run("sbsign", "--key", folder / "sb.key", "--cert", folder / "sb.pem",
              "--detached", "--output", folder / "sb.p7", program)
    # A DigestInfo: SHA-256's name, no parameters, 32 bytes.
    head = bytes.fromhex("300d06096086480165030402010500 0420")
    data = pathlib.Path(folder / "sb.p7").read_bytes()
    return data.split(head, 1)[1][:32]


def extended(*digests):
    """A PCR."""
    value = bytes(32)
    for digest in digests:
        value = hashlib.sha256(value + digest).digest()
    return value


def sha256(data):
    """Its."""
    return hashlib.sha256(data).digest()


def test_signs(image):
    """The policy of the PCRs, as another program knows the kernel's hash, under a
    signature that openssl verifies."""
    folder, words = image
    status, text, said = approve(folder, *words, WORDS)
    assert status == 0, said
    (found,) = json.loads(text)["sha256"]
    pcr4 = extended(program_digest(folder, words[1]),
                    sha256(b"Calling EFI Application from Boot Option"),
                    sha256(bytes(4)))
    pcr9 = extended(sha256((WORDS + " initrd=initrd\0").encode("utf-16-le")),
                    sha256(b"an initramfs"))
    policy = sha256(HEAD + sha256(pcr4 + pcr9 + bytes(32)))
    assert (found["pcrs"], found["pol"]) == ([4, 9, 15], policy.hex())
    (folder / "policy").write_bytes(policy)
    (folder / "signature").write_bytes(base64.b64decode(found["sig"]))
    place.run("openssl", "dgst", "-sha256", "-verify", folder / "pub", "-signature",
              folder / "signature", folder / "policy")


def test_also(image):
    """An image that was approved stays so."""
    folder, words = image
    (folder / "old").write_text(approve(folder, *words, WORDS)[1])
    _, text, _ = approve(folder, "--also", folder / "old", *words, WORDS + " quiet")
    old, new = json.loads(text)["sha256"]
    assert [old] == json.loads((folder / "old").read_text())["sha256"]
    assert old["pol"] != new["pol"] and old["pkfp"] == new["pkfp"]


@pytest.mark.parametrize("words, says", [
    (WORDS + " rd.cocosecret.owner=none", "rd.cocosecret.owner=none"),
    (WORDS + " rd.cocosecret.on-failure=shell", "on-failure=shell"),
    (WORDS + " rd.cocosecret=0", "rd.cocosecret=0"),
    ("quiet", "has no rd.cocosecret.source=run")])
def test_refuses(words, says, image):
    """A command line that leaves secret or root to the host."""
    status, text, said = approve(image[0], *image[1], words)
    assert (status, text) == (1, "") and says in said


def test_no_program(image):
    """Files of another kind."""
    folder, words = image
    words = words[:1] + [folder / "initrd"] + words[2:]
    assert approve(folder, *words, WORDS)[0] == 1
    assert approve(folder, "--uki", image[1][1])[0] == 1  # without an initramfs
