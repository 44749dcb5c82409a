# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports of SEV-SNP and quotes of TDX, really signed, by a vendor of the tests'
own: what stands in them is in AMD's document 56860, "Attestation", and in Intel's of
the DCAP quote. And the JSON that a broker of Trustee's wants of them, made of the
bytes without any code of ours."""

import base64
import functools
import hashlib
import itertools
import os
import struct
import typing
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from . import place

SNP_SIZE, SNP_DATA, SNP_SIGNED = 0x4a0, 0x50, 0x2a0
SNP_PARAMETER = 72  # bytes of each number of a signature
QUOTE_HEADER, QUOTE_BODY, QUOTE_DATA = 48, 584, 48 + 0x208

# How the certificates of a table are told from each other.
VCEK = "63da758d-e664-4564-adc5-f4b93be8accd"
ASK = "4ab7b379-bbac-4fe4-a02f-05aef327c782"
ARK = "c0b406a4-a803-4952-9743-3fb6014cd0ae"

CHIP = hashlib.sha512(b"a chip").digest()
# Milan: bootloader, TEE, four reserved, SNP, microcode.
LEVELS = bytes([3, 0, 0, 0, 0, 0, 8, 115])
MILAN = bytes([0x19, 1, 1])  # family, model, stepping
TURIN = bytes([0x1a, 2, 1])
TURIN_LEVELS = bytes([1, 2, 3, 4, 0, 0, 0, 5])

AMD = ("/OU=Engineering/C=US/L=Santa Clara/ST=CA/O=Advanced Micro Devices/CN=")
INTEL = "/O=Intel Corporation/L=Santa Clara/ST=CA/C=US/CN=Intel SGX "
AMD_CA = """\
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
crlDistributionPoints = URI:https://kdsintf.amd.com/vcek/v1/Milan/crl
"""
# 57230, "VCEK certificate definition"; it has no other extensions.
AMD_LEAF = "1.3.6.1.4.1.3704.1."
VCEK_EXTENSIONS = "\n".join([
    "subjectKeyIdentifier = none", "authorityKeyIdentifier = none",
    f"{AMD_LEAF}1 = ASN1:INTEGER:0", f"{AMD_LEAF}2 = ASN1:IA5:Milan-B1",
    *(f"{AMD_LEAF}3.{number} = ASN1:INTEGER:{level}"
      for number, level in enumerate(LEVELS, 1)),
    f"{AMD_LEAF}4 = DER:{CHIP.hex(':')}", ""])
INTEL_CA = """\
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:https://certificates.trustedservices.intel.com/\
IntelSGXRootCA.der
"""
SGX = "1.2.840.113741.1.13.1"


def sgx_extensions():
    """Intel's "SGX PCK certificate and CRL profile", 1.3.5."""
    def pair(name, oid, value):
        return f"[{name}]\na = OID:{SGX}.{oid}\nb = {value}\n"

    levels = [f"INTEGER:{level}" for level in (11, 11, 2, 2, 3, 1, 0, 5,
                                               *[0] * 8, 13)]
    levels.append("FORMAT:HEX,OCTETSTRING:" + bytes(16).hex())
    return "".join([
        "basicConstraints = critical,CA:FALSE\n",
        "keyUsage = critical,digitalSignature,nonRepudiation\n",
        "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n",
        "crlDistributionPoints = URI:https://api.trustedservices.intel.com/\n",
        f"{SGX} = ASN1:SEQUENCE:sgx\n",
        "[sgx]\na = SEQUENCE:ppid\nb = SEQUENCE:tcb\nc = SEQUENCE:pceid\n"
        "d = SEQUENCE:fmspc\n",
        pair("ppid", 1, "FORMAT:HEX,OCTETSTRING:" + bytes(range(16)).hex()),
        pair("tcb", 2, "SEQUENCE:levels"),
        pair("pceid", 3, "FORMAT:HEX,OCTETSTRING:0000"),
        pair("fmspc", 4, "FORMAT:HEX,OCTETSTRING:50806f000000"),
        "[levels]\n", *(f"l{number} = SEQUENCE:level{number}\n"
                        for number in range(1, 19)),
        *(pair(f"level{number}", f"2.{number}", value)
          for number, value in enumerate(levels, 1))])


PSS = ("-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
       "rsa_pss_saltlen:48")
RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


def curve(name):
    """openssl's words for a key on a curve."""
    return "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{name}"


class Certificate(typing.NamedTuple):
    """What openssl is to make: NAME.pem with NAME.key."""

    name: str
    issuer: str
    subject: str
    key: tuple
    digest: tuple  # and how it is signed
    extensions: str


CERTIFICATES = [
    Certificate("ark", "ark", AMD + "ARK-Milan", RSA, PSS, AMD_CA),
    Certificate("ask", "ark", AMD + "SEV-Milan", RSA, PSS, AMD_CA),
    Certificate("vcek", "ask", AMD + "SEV-VCEK", curve("P-384"), PSS,
                VCEK_EXTENSIONS),
    Certificate("root", "root", INTEL + "Root CA", curve("P-256"),
                ("-sha256",), INTEL_CA),
    Certificate("platform", "root", INTEL + "PCK Platform CA",
                curve("P-256"), ("-sha256",), INTEL_CA),
    Certificate("pck", "platform", INTEL + "PCK Certificate", curve("P-256"),
                ("-sha256",), sgx_extensions()),
]


def make_certificate(folder, wanted):
    """By openssl."""
    key = folder / f"{wanted.name}.key"
    place.run("openssl", "genpkey", *wanted.key, "-out", key)
    request, words = folder / "request", folder / "extensions"
    words.write_text(wanted.extensions)
    place.run("openssl", "req", "-new", "-key", key, "-subj", wanted.subject,
              "-out", request)
    signer = (["-signkey", key] if wanted.issuer == wanted.name else
              ["-CA", folder / f"{wanted.issuer}.pem", "-CAkey",
               folder / f"{wanted.issuer}.key"])
    place.run("openssl", "x509", "-req", "-in", request, *signer, "-days",
              "9000", "-set_serial", str(1 + CERTIFICATES.index(wanted)),
              "-extfile", words, *wanted.digest, "-out",
              folder / f"{wanted.name}.pem")


def make_vendors(folder):
    """Both chains."""
    folder.mkdir()
    for wanted in CERTIFICATES:
        make_certificate(folder, wanted)


@functools.cache
def vendors():
    """The folder of certificates and keys: NAME.pem, NAME.key."""
    return place.artefact("vendors", place.digest(repr(CERTIFICATES)),
                          make_vendors)


@functools.cache
def private_key(name):
    """Of a certificate."""
    return serialization.load_pem_private_key(
        (vendors() / f"{name}.key").read_bytes(), None)


def der(name):
    """A certificate as a processor's table has it."""
    pem = (vendors() / f"{name}.pem").read_bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(
        serialization.Encoding.DER)


def numbers(key, message, digest):
    """(r, s) of a signature."""
    return utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))


# SEV-SNP

# Where a report has what, and how; as text of struct, or a number of bytes. What
# stands nowhere here is reserved.
FIELDS = {
    "version": (0x00, "I"), "guest_svn": (0x04, "I"), "policy": (0x08, "Q"),
    "family_id": (0x10, 16), "image_id": (0x20, 16), "vmpl": (0x30, "I"),
    "sig_algo": (0x34, "I"), "current_tcb": (0x38, "T"),
    "plat_info": (0x40, "Q"), "key_info": (0x48, "I"),
    "report_data": (SNP_DATA, 64), "measurement": (0x90, 48),
    "host_data": (0xc0, 32), "id_key_digest": (0xe0, 48),
    "author_key_digest": (0x110, 48), "report_id": (0x140, 32),
    "report_id_ma": (0x160, 32), "reported_tcb": (0x180, "T"),
    "cpuid_fam_id": (0x188, "B"), "cpuid_mod_id": (0x189, "B"),
    "cpuid_step": (0x18a, "B"), "chip_id": (0x1a0, 64),
    "committed_tcb": (0x1e0, "T"), "current": (0x1e8, "V"),
    "committed": (0x1ec, "V"), "launch_tcb": (0x1f0, "T"),
}
# Those of version 5.
LATER = {"launch_mit_vector": (0x1f8, "Q"), "current_mit_vector": (0x200, "Q")}

VALUES = {
    "version": 3, "guest_svn": 2, "policy": 0x30000, "family_id": b"f" * 16,
    "image_id": b"i" * 16, "vmpl": 0, "sig_algo": 1, "current_tcb": LEVELS,
    "plat_info": 0x25, "key_info": 0, "report_data": bytes(64),
    "measurement": hashlib.sha384(b"an image").digest(),
    "host_data": hashlib.sha256(b"a host's").digest(),
    "report_id": hashlib.sha256(b"a guest").digest(),
    "report_id_ma": b"\xff" * 32, "reported_tcb": LEVELS,
    "cpuid_fam_id": MILAN[0], "cpuid_mod_id": MILAN[1],
    "cpuid_step": MILAN[2], "chip_id": CHIP, "committed_tcb": LEVELS,
    "current": bytes([21, 55, 1]), "committed": bytes([20, 55, 1]),
    "launch_tcb": LEVELS,
}


def put(report, name, value):
    """A field's value into a report."""
    offset, form = (FIELDS | LATER)[name]
    if isinstance(value, int):
        value = struct.pack("<" + form, value)
    report[offset:offset + len(value)] = value


def snp_report(data, **changes):
    """A report on 64 bytes, as the kernel gives it to whoever asked."""
    report = bytearray(SNP_SIZE)
    changes = {"report_data": data} | changes
    for name, value in (VALUES | changes).items():
        put(report, name, value)
    r, s = numbers(private_key("vcek"), bytes(report[:SNP_SIGNED]),
                   hashes.SHA384())
    for index, number in enumerate((r, s)):
        offset = SNP_SIGNED + index * SNP_PARAMETER
        report[offset:offset + SNP_PARAMETER] = number.to_bytes(
            SNP_PARAMETER, "little")
    return bytes(report)


def certificate_table(names=("vcek", "ask", "ark")):
    """The auxblob: AMD's GHCB specification, "SNP extended guest request". Its GUIDs
    are in the order of their text, as both our judges read them."""
    guids = {"vcek": VCEK, "ask": ASK, "ark": ARK}
    head, body = b"", b""
    start = 24 * (len(names) + 1)
    for name in names:
        certificate = der(name)
        head += uuid.UUID(guids[name]).bytes + struct.pack(
            "<II", start + len(body), len(certificate))
        body += certificate
    return head + bytes(24) + body


def shown_levels(report, raw):
    """Security levels as the crate sev's JSON has them: with an fmc from Turin on."""
    names = ("bootloader", "tee", None, None, None, None, "snp", "microcode")
    if shown(report, "cpuid_fam_id") == TURIN[0]:
        names = ("fmc", "bootloader", "tee", "snp", None, None, None, "microcode")
    levels = {"fmc": None} | dict(zip(names, raw))
    del levels[None]
    return levels


def shown(report, name):
    """A field as that JSON has it."""
    offset, form = (FIELDS | LATER)[name]
    if isinstance(form, int):
        return list(report[offset:offset + form])
    if form == "T":
        return shown_levels(report, report[offset:offset + 8])
    if form == "V":
        build, minor, major = report[offset:offset + 3]
        return {"major": major, "minor": minor, "build": build}
    return struct.unpack_from("<" + form, report, offset)[0]


def snp_json(report, table=b""):
    """The evidence that a broker wants of a report, and of a table's VCEK."""
    shows = {name: shown(report, name) for name in FIELDS}
    shows |= {name: shown(report, name) if shows["version"] >= 5 else None
              for name in LATER}
    shows["signature"] = {
        name: list(report[start:start + SNP_PARAMETER])
        for name, start in (("r", SNP_SIGNED),
                            ("s", SNP_SIGNED + SNP_PARAMETER))}
    chain = [{"cert_type": kind, "data": list(data)}
             for kind, data in split_table(table)]
    return {"attestation_report": shows, "cert_chain": chain or None}


def split_table(table):
    """(kind, certificate) of each entry."""
    kinds = {uuid.UUID(guid).bytes: kind for guid, kind in
             ((VCEK, "VCEK"), (ASK, "ASK"), (ARK, "ARK"))}
    for start in itertools.count(0, 24):
        guid, offset, length = struct.unpack_from("<16sII", table.ljust(
            start + 24, b"\0"), start)
        if not any(guid):
            return
        yield kinds[guid], table[offset:offset + length]


# TDX

ATTESTATION_KEY = ec.derive_private_key(
    int.from_bytes(hashlib.sha256(b"an attestation key").digest(), "big"),
    ec.SECP256R1())
QE_VENDOR = uuid.UUID("939a7233-f79c-4ca9-940a-0db3957f0607").bytes
QE_AUTHENTICATION = bytes(range(32))


def signed(key, message):
    """r and s, 32 bytes each."""
    return b"".join(number.to_bytes(32, "big")
                    for number in numbers(key, message, hashes.SHA256()))


def quoting_enclave(public):
    """Its report, which vouches for the attestation key."""
    report = bytearray(384)
    report[0:16] = bytes([11, 11, 2, 2, 3, 1, 0, 5]) + bytes(8)
    report[64:96] = hashlib.sha256(b"an enclave").digest()
    report[128:160] = hashlib.sha256(b"its signer").digest()
    struct.pack_into("<HH", report, 256, 2, 8)
    report[320:352] = hashlib.sha256(public + QE_AUTHENTICATION).digest()
    return bytes(report)


def certification(public):
    """Who says so: of type 6, with the chain of type 5 in it."""
    enclave = quoting_enclave(public)
    chain = b"".join((vendors() / f"{name}.pem").read_bytes()
                     for name in ("pck", "platform", "root"))
    data = (enclave + signed(private_key("pck"), enclave)
            + struct.pack("<H", len(QE_AUTHENTICATION)) + QE_AUTHENTICATION
            + struct.pack("<HI", 5, len(chain)) + chain)
    return struct.pack("<HI", 6, len(data)) + data


def tdx_quote(data):
    """A quote of version 4 on 64 bytes."""
    header = struct.pack("<HHIHH", 4, 2, 0x81, 0, 0) + QE_VENDOR + bytes(20)
    registers = b"".join(hashlib.sha384(name).digest() for name in (
        b"firmware", b"configuration", b"kernel", b"initramfs"))
    body = (bytes([5, 1, 6]) + bytes(13) + hashlib.sha384(b"seam").digest()
            + bytes(48) + bytes(8) + struct.pack("<QQ", 1 << 28, 0xe7)
            + hashlib.sha384(b"a domain").digest() + 3 * bytes(48)
            + registers + data)
    assert len(header) == QUOTE_HEADER and len(body) == QUOTE_BODY
    public = ATTESTATION_KEY.public_key().public_numbers()
    public = public.x.to_bytes(32, "big") + public.y.to_bytes(32, "big")
    rest = (signed(ATTESTATION_KEY, header + body) + public
            + certification(public))
    return header + body + struct.pack("<I", len(rest)) + rest


def tdx_json(quote):
    """The evidence that a broker wants of a quote, without an event log."""
    return {"quote": base64.b64encode(quote).decode(), "cc_eventlog": None}


def turin_report(data):
    """A report of a newer processor, which only this kind's judge of JSON knows."""
    return snp_report(data, version=5, cpuid_fam_id=TURIN[0],
                      cpuid_mod_id=TURIN[1], cpuid_step=TURIN[2],
                      **{name: TURIN_LEVELS for name, (_, form)
                         in FIELDS.items() if form == "T"})


def fresh():
    """64 bytes to ask about."""
    return os.urandom(64)
