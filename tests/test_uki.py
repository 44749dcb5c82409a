# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret uki, and the size of the program that it puts before a kernel;
the booted thing is in tests/vm/test_stub.py."""

import hashlib
import os
import pathlib
import re
import struct
import subprocess

import pytest

from harness import firmware, packages, place

STUB = place.TOP / "stub"
CMDLINE = "console=ttyS0 quiet"
SECTIONS = re.compile(r"^ +\d+ (\.\w+) +([0-9a-f]+) +([0-9a-f]+) .* "
                      r"([0-9a-f]+) +2\*\*\d", re.M)


@pytest.fixture(name="parts")
def fixture_parts(tmp_path):
    """Options for a kernel and what stands for its initramfs."""
    initrd = tmp_path / "initrd.img"
    initrd.write_bytes(bytes(range(256)) * 77)
    return {"--stub": firmware.programs()[1], "--initrd": initrd,
            "--kernel": packages.Kernel().image, "--cmdline": CMDLINE}


def call(output, parts, *more):
    """The command."""
    words = [str(word) for pair in parts.items() for word in pair]
    return subprocess.run(
        [firmware.programs()[0], "uki", "-o", output, *words, *more],
        capture_output=True, text=True, timeout=120, check=False)


def make(output, parts, *more):
    """Its standard output where it must succeed."""
    done = call(output, parts, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sections(path):
    """{name: bytes}, as binutils find them."""
    said = place.run("objdump", "-h", path)
    data = path.read_bytes()
    return {name: data[int(at, 16):][:int(size, 16)]
            for name, size, _, at in SECTIONS.findall(said)}


def test_file(parts, tmp_path):
    """Each part as it was, the stub first; the same again elsewhere; and what
    SEV measures is what the tests' firmware would compare."""
    one, other = tmp_path / "one.efi", tmp_path / "sub/other.efi"
    other.parent.mkdir()
    said = make(one, parts, "--print-measurement")
    assert make(other, parts) == ""
    assert one.read_bytes() == other.read_bytes()
    found = sections(one)
    assert found[".linux"] == parts["--kernel"].read_bytes()
    assert found[".initrd"] == parts["--initrd"].read_bytes()
    assert found[".cmdline"] == CMDLINE.encode() + b"\0"
    assert found[".text"] == sections(parts["--stub"])[".text"]
    table = firmware.hash_table(one.read_bytes(), b"", "")
    for name, value in re.findall(r"^(\w+) +([0-9a-f]{64})$", said, re.M):
        assert bytes.fromhex(value) in table, name
    assert said.split()[::2] == ["kernel", "initrd", "cmdline"]
    assert said.split()[1] == hashlib.sha256(one.read_bytes()).hexdigest()
    assert sorted(tmp_path.glob("*.efi*")) == [one]
    print(said)


# PE format, "Optional Header" and "Section Flags"
NX_COMPAT, WRITABLE, RUN, CODE = 0x100, 1 << 31, 1 << 29, 1 << 5
PAGE = 4096


def test_memory(parts, tmp_path):
    """It says that no page of it is both written and run, and so it is: a
    firmware that sees to that takes it, with a kernel in it, too."""
    made = tmp_path / "made.efi"
    make(made, parts)
    for path in (parts["--stub"], made):
        data = path.read_bytes()
        pe, = struct.unpack_from("<I", data, 0x3c)
        count, size = (struct.unpack_from("<H", data, pe + at)[0]
                       for at in (6, 20))
        alignment, = struct.unpack_from("<I", data, pe + 56)
        flags, = struct.unpack_from("<H", data, pe + 94)
        assert flags & NX_COMPAT and alignment == PAGE
        end, run = 0, []
        for number in range(count):
            name, length, address, *_, flags = struct.unpack_from(
                "<8sIIIIIIHHI", data, pe + 24 + size + 40 * number)
            assert address % PAGE == 0 and address >= end, name
            assert not flags & WRITABLE or not flags & RUN, name
            if flags & (RUN | CODE):
                run.append(name.rstrip(b"\0"))
            end = address + length
        assert run == [b".text"]


def test_signed(parts, tmp_path):
    """Whole and kernel, by sbsign: sbverify agrees."""
    key, _ = firmware.SecureBoot.open_key(tmp_path)
    signed, kernel = tmp_path / "signed.efi", tmp_path / "kernel.efi"
    certificate = firmware.SecureBoot.certificate
    make(signed, parts, "--sign-key", key, "--sign-cert", certificate)
    kernel.write_bytes(sections(signed)[".linux"])
    for path in (signed, kernel):
        place.run("sbverify", "--cert", certificate, path)
    assert not list(tmp_path.glob("signed.efi.*"))
    done = call(signed, parts, "--sign-key", key, "--sign-cert",
                tmp_path / "none")
    assert done.returncode == 7 and "cannot be signed" in done.stderr
    assert not list(tmp_path.glob("signed.efi.*"))
    place.run("sbverify", "--cert", certificate, signed)


def test_stub_that_is_signed(parts, tmp_path):
    """Its signature would be of another file."""
    key, _ = firmware.SecureBoot.open_key(tmp_path)
    signed = tmp_path / "stub.efi"
    place.run("sbsign", "--key", key, "--cert",
              firmware.SecureBoot.certificate, "--output", signed,
              parts["--stub"])
    done = call(tmp_path / "made.efi", parts | {"--stub": signed})
    assert done.returncode == 2 and "is signed" in done.stderr


def test_rest_of_stub(parts, tmp_path):
    """What is in none of its sections is left out: signers differ over it."""
    longer = tmp_path / "stub.efi"
    longer.write_bytes(parts["--stub"].read_bytes() + b"behind" * 1000)
    one, other = tmp_path / "one.efi", tmp_path / "other.efi"
    make(one, parts)
    make(other, parts | {"--stub": longer})
    assert one.read_bytes() == other.read_bytes()


def test_output_that_is_no_file(parts, tmp_path):
    """A pipe or a device is not replaced."""
    os.mkfifo(tmp_path / "pipe")
    done = call(tmp_path / "pipe", parts)
    assert done.returncode == 2 and "not a regular file" in done.stderr
    assert (tmp_path / "pipe").is_fifo()


def damaged(path, stub, at, form, value):
    """A stub with another number in its headers, counted from the PE's."""
    data = bytearray(stub.read_bytes())
    start, = struct.unpack_from("<I", data, 0x3c)
    struct.pack_into(form, data, start + at, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("option, value, says", [
    ("--cmdline", "a\nb", "plain printable"),
    ("--cmdline", "caf\xe9", "plain printable"),
    pytest.param("--cmdline", "x" * 2030, "would cut", id="long"),
    ("--kernel", "initrd.img", "is no x86-64 kernel"),
    ("--kernel", "/dev/null", "is no file of 1 byte"),
    ("--initrd", ".", "is no file of 1 byte"),
    ("--stub", "initrd.img", "is no EFI program"),
    ("--stub", (6, "<H", 0xffff), "is no EFI program"),
    ("--stub", (0x54, "<I", 0x200), "no room"),
    ("--stub", (0x3c, "<I", 0), "no room"),
])
def test_refused(parts, tmp_path, option, value, says):
    """Exit 2, a line, and no file."""
    if isinstance(value, tuple):
        value = damaged(tmp_path / "stub", parts["--stub"], *value)
    elif option != "--cmdline":
        value = tmp_path / value
    done = call(tmp_path / "out.efi", parts | {option: value})
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not list(tmp_path.glob("out.efi*"))


def test_twice(parts, tmp_path):
    """A file of its own is no stub; a key needs its certificate."""
    made = tmp_path / "made.efi"
    make(made, parts)
    done = call(tmp_path / "out.efi", parts | {"--stub": made})
    assert done.returncode == 2 and "in it already" in done.stderr
    done = call(tmp_path / "out.efi", parts, "--sign-key", made)
    assert done.returncode == 2 and "one needs the other" in done.stderr


def code(path):
    """Its lines that are neither empty nor comment."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    return [line for line in text.splitlines()
            if line.strip() and not line.strip().startswith("//")]


def test_small():
    """Whoever trusts it reads so much."""
    lines = sum(len(code(path)) for path in STUB.glob("*.c"))
    asl = len((STUB / "dsdt.asl").read_text().splitlines())
    size = firmware.programs()[1].stat().st_size
    print(f"{lines} lines of code in C, {asl} of ASL, {size} bytes")
    assert lines <= 700 and asl <= 60 and size <= 80 << 10


def test_reproducible(tmp_path):
    """The stub, built elsewhere."""
    made = pathlib.Path(firmware.programs()[1])
    place.make("stub", f"BUILD={tmp_path}")
    assert (tmp_path / made.name).read_bytes() == made.read_bytes()
