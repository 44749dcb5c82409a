# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/hardware, libvirt and kubevirt, as far as they go without SEV: the
commands of the guide, libvirt's program for the owner, whose tables and ours
are held against each other, QEMU's schema and libvirt's.
"""

import base64
import hashlib
import hmac
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import uuid

import jsonschema
import pytest
import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

from attacks import catalogue
from attacks.catalogue import COCOSECRET, TOP
from harness import documents, firmware, known, packages

VALIDATE = "/usr/bin/virt-qemu-sev-validate"
DOMAIN_SCHEMA = "/usr/share/libvirt/schemas/domain.rng"
EXAMPLES = TOP / "examples"
HEADER = 20  # bytes of the table's and of each entry's
# What QEMU would tell of a launch.
API_MAJOR, API_MINOR, BUILD_ID, POLICY = 1, 55, 8, 1
# Not SEV-ES: that measures registers, too.
FILES = {"OVMF.amdsev.fd": 4096, "vmlinuz": 3000, "initrd.img": 5000,
         "guest_tik.bin": 16, "guest_tek.bin": 16}


def guide(name):
    """The blocks of an example's README."""
    return documents.blocks((EXAMPLES / name / "README.md").read_text())


def block(name, begin):
    """The one that begins so."""
    (found,) = [text for text in guide(name) if text.startswith(begin)]
    return found


def shell(script, folder, **variables):
    """Runs a block, as it is; our commands are those that were built. What it
    says on standard output."""
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, timeout=60, check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env=os.environ | variables
        | {"PATH": f"{COCOSECRET.parent}:/usr/bin:/bin"})
    assert done.returncode == 0, script + done.stdout + done.stderr
    return done.stdout


def theirs():
    """libvirt's program, as a module."""
    loader = importlib.machinery.SourceFileLoader("validate", VALIDATE)
    spec = importlib.util.spec_from_loader("validate", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def parse(table):
    """{guid: secret}, by the rules of libvirt's and QEMU's side: lengths
    include heads, and what follows the table is zero."""
    guid, size = uuid.UUID(bytes_le=table[:16]), table[16:20]
    assert str(guid) == known.HEADER
    size = int.from_bytes(size, "little")
    assert size <= len(table) and not any(table[size:])
    found, at = {}, HEADER
    while at < size:
        length = int.from_bytes(table[at + 16:at + 20], "little")
        assert HEADER <= length <= size - at
        found[str(uuid.UUID(bytes_le=table[at:at + 16]))] = \
            table[at + HEADER:at + length]
        at += length
    return found


@pytest.mark.parametrize("sizes", [(32,), (24,), (32, 100), (1, 3000)],
                         ids=str)
def test_tables(tmp_path, sizes):
    """Theirs and ours are the same bytes; theirs has zeros after it where
    ours is whole without."""
    secrets = dict(zip((known.DISK, known.OTHER), map(os.urandom, sizes)))
    table = theirs().SecretsTable()
    words = []
    for guid, secret in secrets.items():
        path = tmp_path / guid
        path.write_bytes(secret)
        table.load_secret("luks-key" if guid == known.DISK else guid, path)
        words.append(f"{guid}={path}")
    built = table.build()
    catalogue.must(COCOSECRET, "table", "build", "-o", tmp_path / "ours",
                   *words)
    ours = (tmp_path / "ours").read_bytes()
    assert len(ours) % 16 == 0 and len(ours) - HEADER < len(built)
    assert built.startswith(ours) and built[len(ours):] in (b"", bytes(16))
    assert parse(ours) == parse(built) == secrets
    (tmp_path / "theirs").write_bytes(built)
    said = shell("cocosecret table check theirs; cocosecret table show theirs",
                 tmp_path)
    assert all(guid in said for guid in secrets)
    print(f"{len(ours)} bytes ours, {len(built)} theirs")


def digest(data):
    """SHA-256."""
    return hashlib.sha256(data).digest()


def entry(guid, data):
    """Of the hash table."""
    return uuid.UUID(guid).bytes_le + (18 + len(data)).to_bytes(2, "little") \
        + data


def measure(folder, kernel="vmlinuz", initrd="initrd.img", cmdline=""):
    """What the processor would answer: SEV API 6.5.1, with the digest of
    firmware and hash table, to which QEMU adds 16 zeros at most."""
    def read(name):
        return (folder / name).read_bytes() if name else b""
    hashes = entry(firmware.HASH_CMDLINE,
                   digest(cmdline.encode() + b"\0"))
    hashes += entry(firmware.HASH_INITRD, digest(read(initrd)))
    hashes += entry(firmware.HASH_KERNEL, digest(read(kernel)))
    hashes = entry(firmware.HASH_TABLE, hashes)
    hashes += bytes(16 - len(hashes) % 16)
    nonce = os.urandom(16)
    message = bytes([4, API_MAJOR, API_MINOR, BUILD_ID]) \
        + POLICY.to_bytes(4, "little") \
        + digest(read("OVMF.amdsev.fd") + hashes) + nonce
    return hmac.digest(read("guest_tik.bin"), message, "sha256") + nonce


def decrypt(folder, measurement):
    """The table in a packet, whose MAC must be right: SEV API 6.6."""
    header, payload = (base64.b64decode((folder / name).read_bytes())
                       for name in ("header.b64", "payload.b64"))
    flags, iv, mac = header[:4], header[4:20], header[20:]
    size = len(payload).to_bytes(4, "little")
    assert flags == bytes(4) and mac == hmac.digest(
        (folder / "guest_tik.bin").read_bytes(),
        b"\1" + flags + iv + size + size + payload + measurement[:32],
        "sha256")
    key = algorithms.AES((folder / "guest_tek.bin").read_bytes())
    cipher = Cipher(key, modes.CTR(iv)).decryptor()
    return cipher.update(payload) + cipher.finalize()


def told(measurement):
    """The variables of the guide's commands."""
    return {"MEASUREMENT": base64.b64encode(measurement).decode(),
            "API_MAJOR": str(API_MAJOR), "API_MINOR": str(API_MINOR),
            "BUILD_ID": str(BUILD_ID), "POLICY": str(POLICY)}


def test_owner(tmp_path):
    """The owner's commands of the guide, with a processor played by this
    test: what it would decrypt is our table. Another kernel gets no key."""
    for name, size in FILES.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    volume = catalogue.luks_format(catalogue.keys(tmp_path / "volume"))
    volume.path.rename(tmp_path / "disk.img")
    volume.owner.rename(tmp_path / "owner.key")
    said = shell(block("hardware", "cocosecret keygen"), tmp_path)
    assert said == block("hardware", "disk.key: ")
    command = block("hardware", "virt-qemu-sev-validate --tik")
    cmdline = re.search(r'--cmdline "(.*)"', command)[1]
    measurement = measure(tmp_path, cmdline=cmdline)
    said = shell(command, tmp_path, **told(measurement))
    assert said == block("hardware", "OK: ")
    table = decrypt(tmp_path, measurement)
    assert parse(table) == {known.DISK: (tmp_path / "disk.key").read_bytes()}
    said = shell(block("hardware", "cocosecret table build"), tmp_path)
    assert said == block("hardware", "table.bin: ")
    assert table.startswith((tmp_path / "table.bin").read_bytes())
    (tmp_path / "header.b64").unlink()
    (tmp_path / "vmlinuz").write_bytes(b"another")
    with pytest.raises(AssertionError, match="Measurement does not match"):
        shell(command, tmp_path, **told(measurement))
    assert not (tmp_path / "header.b64").exists()


def with_stub(script):
    """The stub that was built."""
    return script.replace("cocosecret uki", "cocosecret uki --stub "
                          f"{firmware.programs()[1]}")


def test_owner_of_one_file(tmp_path):
    """The same with the measured file of cocosecret uki, and nothing else."""
    for name, size in FILES.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    (tmp_path / "disk.key").write_bytes(os.urandom(32))
    (tmp_path / "vmlinuz").write_bytes(packages.Kernel().image.read_bytes())
    make, check = re.split(r"(?m)^(?=virt-qemu)", with_stub(
        block("hardware", "cocosecret uki")))
    said = shell(make, tmp_path)
    assert digest((tmp_path / "guest.efi").read_bytes()).hex() in said
    measurement = measure(tmp_path, "guest.efi", None)
    shell(check, tmp_path, **told(measurement))
    assert parse(decrypt(tmp_path, measurement)) == {
        known.DISK: (tmp_path / "disk.key").read_bytes()}
    (tmp_path / "initrd.img").write_bytes(b"another")
    shell(make, tmp_path)
    with pytest.raises(AssertionError, match="Measurement does not match"):
        shell(check, tmp_path, **told(measurement))


def answers(*commands):
    """QEMU's, to QMP commands."""
    lines = [{"execute": "qmp_capabilities"}, *commands, {"execute": "quit"}]
    done = subprocess.run(
        ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display",
         "none", "-S", "-qmp", "stdio"], timeout=60, check=True, text=True,
        input="".join(json.dumps(line) + "\n" for line in lines),
        stdout=subprocess.PIPE)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [answer for answer in found
            if "return" in answer or "error" in answer][1:]


def test_qmp():
    """Each QMP command of the guide is one of QEMU's, with all that it wants
    and nothing that it does not know; injecting fails for want of SEV only."""
    commands = [json.loads(line) for text in guide("hardware")
                for line in text.splitlines() if line.startswith("{")]
    assert len(commands) == 5
    schema = {item["name"]: item for item in
              answers({"execute": "query-qmp-schema"})[0]["return"]}
    for command in commands:
        described = schema[command["execute"]]
        members = schema[described["arg-type"]]["members"]
        given = set(command.get("arguments", {}))
        assert given <= {member["name"] for member in members}
        assert {member["name"] for member in members
                if "default" not in member} <= given
    (inject,) = [command for command in commands if "arguments" in command]
    inject["arguments"] = {
        "packet-header": base64.b64encode(bytes(52)).decode(),
        "secret": base64.b64encode(bytes(80)).decode()}
    said = answers(inject)[0]["error"]["desc"]
    assert said == "SEV not enabled for guest"
    print(", ".join(command["execute"] for command in commands), "are known")


def valid(schema, document):
    """By libvirt's schema."""
    return schema.validate(etree.fromstring(document))


def test_libvirt(tmp_path):
    """The domain, with a session put in as the README says, is one."""
    for name in ("guest_godh.b64", "guest_session.b64"):
        (tmp_path / name).write_bytes(base64.b64encode(os.urandom(99)))
    (tmp_path / "domain.xml").write_bytes(
        (EXAMPLES / "libvirt/domain.xml").read_bytes())
    shell(block("libvirt", "sed "), tmp_path)
    domain = (tmp_path / "guest.xml").read_bytes()
    assert b"@" not in domain.replace(b"<!--", b"")
    schema = etree.RelaxNG(etree.parse(DOMAIN_SCHEMA))
    assert valid(schema, domain), schema.error_log
    assert not valid(schema, domain.replace(b"kernelHashes", b"kernelhash"))
    for name in ("vmlinuz", "initrd.img"):
        (tmp_path / name).write_bytes(packages.Kernel().image.read_bytes())
    shell(with_stub(block("libvirt", "cocosecret uki")), tmp_path)
    assert (tmp_path / "guest.efi").stat().st_size
    walled = (tmp_path / "walled.xml").read_bytes()
    assert valid(schema, walled), schema.error_log
    (boot,) = etree.fromstring(walled).findall("os")
    assert [part.tag for part in boot] == ["type", "loader", "kernel"]
    assert boot.findtext("kernel").endswith("/guest.efi")


def test_kubevirt(tmp_path):
    """The instance and the bodies are what the API takes."""
    schema = json.loads((EXAMPLES / "kubevirt/schema.json").read_text())

    def check(what, document):
        jsonschema.validate(document, {
            "$ref": f"#/definitions/{what}",
            "definitions": schema["definitions"]})

    instance = yaml.safe_load((EXAMPLES / "kubevirt/guest.yaml").read_text())
    check("instance", instance)
    instance["spec"]["domain"]["launchSecurity"]["sev"]["dhcert"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        check("instance", instance)
    for name in ("guest_session", "guest_godh", "header", "payload"):
        (tmp_path / f"{name}.b64").write_bytes(
            base64.b64encode(os.urandom(52)))
    shell(block("kubevirt", "printf "), tmp_path)
    for what in ("setupsession", "injectlaunchsecret"):
        check(what, json.loads((tmp_path / f"{what}.json").read_text()))
