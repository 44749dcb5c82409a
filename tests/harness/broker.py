# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for a key broker (Trustee), written from the protocol's document
and not from our client: HTTP, sessions, evidence and JWE in Python alone.

It is no verifier: it takes any report that holds the right hash, whoever signed
it. As a program, python3 -m harness.broker, it serves one machine at a port, or
on a serial port's socket.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import secrets
import socket
import struct
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

VERSION = "0.4.0"
ERRORS = "https://github.com/confidential-containers/kbs/errors/"
ALGORITHM = "ECDH-ES+A256KW"

# SNP's report as the Rust library sev has it: (name, offset, size); a TCB is
# version numbers in a u64, by generation of the processor.
NUMBERS = (
    ("version", 0, 4), ("guest_svn", 4, 4), ("policy", 8, 8),
    ("vmpl", 0x30, 4), ("sig_algo", 0x34, 4), ("plat_info", 0x40, 8),
    ("key_info", 0x48, 4), ("cpuid_fam_id", 0x188, 1),
    ("cpuid_mod_id", 0x189, 1), ("cpuid_step", 0x18a, 1),
    ("launch_mit_vector", 0x1f8, 8), ("current_mit_vector", 0x200, 8))
ARRAYS = (
    ("family_id", 0x10, 16), ("image_id", 0x20, 16), ("report_data", 0x50, 64),
    ("measurement", 0x90, 48), ("host_data", 0xc0, 32),
    ("id_key_digest", 0xe0, 48), ("author_key_digest", 0x110, 48),
    ("report_id", 0x140, 32), ("report_id_ma", 0x160, 32),
    ("chip_id", 0x1a0, 64))
TCBS = (("current_tcb", 0x38), ("reported_tcb", 0x180),
        ("committed_tcb", 0x1e0), ("launch_tcb", 0x1f0))
BUILDS = (("current", 0x1e8), ("committed", 0x1ec))
OLD_TCB = {"bootloader": 0, "tee": 1, "snp": 6, "microcode": 7}
NEW_TCB = {"fmc": 0, "bootloader": 1, "tee": 2, "snp": 3, "microcode": 7}
SNP_MEMBERS = {name for name, *_ in NUMBERS + ARRAYS + TCBS + BUILDS} \
    | {"signature"}


class Refusal(Exception):
    """An error as a broker words it: status, the type's name, detail."""


def base64url(data):
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    """The bytes; only of what base64url() writes."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert base64url(data) == text
    return data


def snp_bytes(report):
    """The 1184 bytes that the processor signed, from the JSON."""
    assert set(report) == SNP_MEMBERS, set(report) ^ SNP_MEMBERS
    data = bytearray(1184)
    for name, at, size in NUMBERS:
        # null where the version has none
        data[at:at + size] = (report[name] or 0).to_bytes(size, "little")
    for name, at, size in ARRAYS:
        assert len(report[name]) == size, name
        data[at:at + size] = bytes(report[name])
    layout = NEW_TCB if report["cpuid_fam_id"] >= 0x1a else OLD_TCB
    for name, at in TCBS:
        tcb = dict(report[name])
        assert set(tcb) == set(NEW_TCB)
        assert (tcb["fmc"] is None) == (layout is OLD_TCB)
        for part, byte in layout.items():
            data[at + byte] = tcb[part]
    for name, at in BUILDS:
        data[at:at + 3] = (report[name]["build"], report[name]["minor"],
                           report[name]["major"])
    for number, at in (("r", 0x2a0), ("s", 0x2a0 + 72)):
        assert len(report["signature"][number]) == 72
        data[at:at + 72] = bytes(report["signature"][number])
    return bytes(data)


def quote_data(quote):
    """What a TDX quote of version 4 or 5 holds of the guest's."""
    version, _, tee = struct.unpack_from("<HHI", quote)
    assert tee == 0x81 and version in (4, 5)
    body = 48 if version == 4 else 54
    return quote[body + 0x208:body + 0x248]


def evidence_data(tee, evidence):
    """(the hash that the evidence holds, what was measured)"""
    if tee == "sample":
        assert evidence["svn"] == "1"
        return base64.b64decode(evidence["report_data"], validate=True), b""
    if tee == "tdx":
        assert set(evidence) == {"quote", "cc_eventlog"}
        quote = base64.b64decode(evidence["quote"], validate=True)
        return quote_data(quote), quote[48 + 0x88:][:48]
    report = snp_bytes(evidence["attestation_report"])
    for certificate in evidence["cert_chain"] or ():
        assert certificate["cert_type"] in ("VCEK", "VLEK", "ASK", "ARK")
        assert bytes(certificate["data"])
    return report[0x50:0x90], report[0x90:0xc0]


def runtime_hash(nonce, key):
    """RFC 8785, for what holds nothing but ASCII strings."""
    text = json.dumps({"tee-pubkey": key, "nonce": nonce,
                       "additional-evidence": ""},
                      sort_keys=True, separators=(",", ":"))
    return hashlib.sha384(text.encode()).digest()


def concat_kdf(shared):
    """RFC 7518, section 4.6, for the key that wraps another."""
    info = len(ALGORITHM).to_bytes(4, "big") + ALGORITHM.encode() \
        + bytes(8) + (256).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), 32, info).derive(shared)


def encrypt(secret, key, faults=(), kept=None):
    """A JWE for a public key in JSON, with what is to be wrong with it. kept: a list
    for the keys that whoever opens it holds for a moment."""
    assert key["kty"] == "EC" and key["crv"] == "P-256"
    assert key["alg"] == ALGORITHM
    x, y = (int.from_bytes(from_base64url(key[name]), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    own = ec.generate_private_key(ec.SECP256R1())
    shared = own.exchange(ec.ECDH(), public)
    if "wrong epk" in faults:
        own = ec.generate_private_key(ec.SECP256R1())
    numbers = own.public_key().public_numbers()
    epk = {"crv": "P-256", "kty": "EC",
           "x": base64url(numbers.x.to_bytes(32, "big")),
           "y": base64url(numbers.y.to_bytes(32, "big"))}
    if "off curve" in faults:
        epk["y"] = epk["x"]
    if "P-521" in faults:
        epk["crv"] = "P-521"
    if "short coordinate" in faults:
        epk["x"] = base64url(numbers.x.to_bytes(32, "big")[1:])
    header = {"alg": ALGORITHM, "enc": "A256GCM", "epk": epk}
    if "A128GCM" in faults:
        header["enc"] = "A128GCM"
    if "crit" in faults:
        header["crit"] = ["exp"]
    content, iv = secrets.token_bytes(32), secrets.token_bytes(12)
    if kept is not None:
        kept += content, shared, concat_kdf(shared)
    protected = base64url(json.dumps(header).encode())
    sealed = AESGCM(content).encrypt(iv, secret, protected.encode())
    jwe = {"protected": protected,
           "encrypted_key": base64url(aes_key_wrap(concat_kdf(shared), content)),
           "iv": base64url(iv), "ciphertext": base64url(sealed[:-16]),
           "tag": base64url(sealed[-16:])}
    for member in ("tag", "iv", "ciphertext", "encrypted_key"):
        if "wrong " + member in faults:
            data = from_base64url(jwe[member])
            jwe[member] = base64url(data[:-1] + bytes([data[-1] ^ 1]))
    if "short tag" in faults:
        jwe["tag"] = base64url(sealed[-16:-4])
    for member in ("aad", "unprotected", "header"):
        if member in faults:
            jwe[member] = "" if member == "aad" else {}
    return jwe


class Broker:
    """Sessions, resources, and what goes wrong.

    faults: {step: [words]}, of which each request of that step takes the
    first; a list that is empty means that nothing goes wrong. A word is a status
    ("503"), "NAME" or "NAME: detail" for an error of that type, one of those of
    send(), or of encrypt().
    """

    def __init__(self, resources, faults=None, measurement=None,
                 version=VERSION):
        self.resources, self.measurement = resources, measurement
        self.version = version
        self.faults = {step: list(words)
                       for step, words in (faults or {}).items()}
        self.sessions, self.seen, self.evidence = {}, [], []
        self.old_jwe, self.kept = None, []
        self.asked, self.go = threading.Event(), threading.Event()

    # Each step, as the document has it.

    def auth(self, _, body):
        """A nonce and a cookie."""
        request = json.loads(body)
        assert set(request) == {"version", "tee", "extra-params"}
        if request["version"] != self.version:
            raise Refusal(401, "AttestationError", "RCAR handshake Auth failed")
        name = secrets.token_hex(16)
        nonce = base64.b64encode(secrets.token_bytes(32)).decode()
        self.sessions[name] = {"tee": request["tee"], "nonce": nonce,
                               "key": None, "measured": None}
        return {"nonce": nonce, "extra-params": ""}, {
            "Set-Cookie": f"kbs-session-id={name}; Expires=Thu, 01 Jan 1970 "
                          "00:00:00 GMT; Path=/"}

    def attest(self, session, body):
        """A token for evidence over the nonce and the key."""
        if session is None:
            raise Refusal(401, "AttestationError",
                          "RCAR handshake Attest failed")
        request = json.loads(body)
        assert set(request) == {"runtime-data", "tee-evidence"}
        runtime, evidence = request["runtime-data"], request["tee-evidence"]
        assert set(runtime) == {"nonce", "tee-pubkey"}
        assert set(evidence) == {"primary_evidence", "additional_evidence"}
        assert evidence["additional_evidence"] == ""
        assert runtime["nonce"] == session["nonce"]
        self.evidence.append(evidence["primary_evidence"])
        data, measured = evidence_data(session["tee"],
                                       evidence["primary_evidence"])
        wanted = runtime_hash(session["nonce"], runtime["tee-pubkey"])
        if data[:48] != wanted or data[48:].strip(b"\0"):
            raise Refusal(401, "AttestationError",
                          "RCAR handshake Attest failed")
        session.update(key=runtime["tee-pubkey"], measured=measured)
        return {"token": "eyJhbGciOiJub25lIn0.e30."}, {}

    def resource(self, session, path, faults):
        """A resource, encrypted to the attested key."""
        if session is None or session["key"] is None:
            raise Refusal(401, "TokenNotFound", "Attestation Token not found")
        if self.measurement not in (None, session["measured"]):
            raise Refusal(401, "PolicyDeny", "Access denied by policy")
        if path not in self.resources:
            raise Refusal(401, "PluginInternalError", "Plugin internal error")
        secret = self.resources[path]
        if "other resource" in faults:
            secret = bytes(reversed(secret))
        if "old jwe" in faults and self.old_jwe:
            return self.old_jwe, {}
        jwe = encrypt(secret, session["key"], faults, self.kept)
        self.old_jwe = jwe
        return jwe, {}

    # Of HTTP, what it takes.

    def step(self, method, path):
        """Which of the three."""
        if (method, path) == ("POST", "/kbs/v0/auth"):
            return "auth"
        if (method, path) == ("POST", "/kbs/v0/attest"):
            return "attest"
        if method == "GET" and path.startswith("/kbs/v0/resource/"):
            return "resource"
        raise Refusal(404, "InvalidRequestPath", f"Request path {path}")

    def session(self, fields):
        """By the cookie, which has nothing but name and value."""
        cookie = fields.get("cookie", "")
        assert not cookie or cookie.startswith("kbs-session-id=")
        return self.sessions.get(cookie.partition("=")[2])

    def answer(self, step, path, fields, body, faults):
        """(status, body, fields)"""
        for fault in faults:
            if fault.isdigit():
                return int(fault), b"out of order", {}
            if fault == "lost":
                self.sessions.clear()
            if fault == "held":  # until who watches has seen enough
                self.asked.set()
                self.go.wait(60)
            name, _, detail = fault.partition(": ")
            if name.isalpha() and name[0].isupper():
                raise Refusal(401, name, detail or "of this test")
        session = self.session(fields)
        if step == "resource":
            value, extra = self.resource(session, path[len("/kbs/v0/resource/"):],
                                         faults)
        else:
            value, extra = getattr(self, step)(session, body)
        text = json.dumps(value)
        if "duplicate" in faults:
            text = '{"tag":"AAAA","nonce":"AAAA",' + text[1:]
        if "not JSON" in faults:
            text = text[:-1]
        if "with a NUL" in faults:
            text += "\0{}"
        return 200, text.encode(), extra

    def handle(self, stream):
        """One request; false where there is none."""
        line = stream.readline()
        if not line.strip():
            return False
        method, path, version = line.decode().split()
        assert version == "HTTP/1.1"
        fields = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        assert fields["host"]
        body = stream.read(int(fields.get("content-length", 0)))
        faults, step = (), "none"
        try:
            step = self.step(method, path)
            queue = self.faults.get(step, [])
            faults = queue.pop(0) if queue else ()
            faults = (faults,) if isinstance(faults, str) else faults
            status, text, extra = self.answer(step, path, fields, body, faults)
        except Refusal as refusal:
            status, name, detail = refusal.args
            extra = {"Content-Type": "application/json"}
            text = json.dumps({"type": ERRORS + name, "detail": detail}).encode()
        self.seen.append((step, status))
        send(stream, status, text, extra, faults)
        return fields.get("connection") != "close"


def send(stream, status, text, extra, faults):
    """An answer, and what goes wrong with it on its way."""
    head = f"HTTP/1.1 {status} Whatever\r\nDate: Thu, 01 Jan 1970\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in extra.items())
    if "huge head" in faults:
        head += "".join(f"X-{n}: {'x' * 1000}\r\n" for n in range(17))
    if "chunked" in faults:
        pieces = [text[at:at + 100] for at in range(0, len(text), 100)]
        data = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece)
                        for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"
        data = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + data
    elif "no length" in faults:
        data = head.encode() + b"\r\n" + text
    else:
        if "huge" in faults:
            text = text.ljust((1 << 20) + 1)
        length = len(text) + (1 if "cut" in faults else 0)
        data = f"{head}Content-Length: {length}\r\n\r\n".encode() + text
    if "not HTTP" in faults:
        data = b"SSH-2.0-OpenSSH\r\n" + data
    if "silent" in faults:
        time.sleep(30)
    try:
        if "slow" in faults:
            for at in range(0, len(data), 40):
                stream.write(data[at:at + 40])
                stream.flush()
                time.sleep(.005)
        else:
            stream.write(data)
            stream.flush()
    except (BrokenPipeError, ConnectionResetError):
        pass


class Server:
    """A broker at a port of 127.0.0.1, while a with block lasts."""

    def __init__(self, broker, port=0, address="127.0.0.1"):
        self.broker = broker
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, port), family=family)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://{address}:{self.port}"

    def serve(self):
        """A connection after the other, each in a thread."""
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        """As long as the client likes."""
        with peer, contextlib.suppress(ConnectionError), \
                peer.makefile("rwb") as stream:
            while self.broker.handle(stream):
                pass

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def serve_stream(broker, stream):
    """The same on a serial line, which is one connection for ever."""
    while True:
        broker.handle(stream)


def main():
    """For a guest of a test, or a person."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--socket", help="of a virtio-serial port, to listen at")
    parser.add_argument("--measurement", help="in hexadecimal: no other is served")
    parser.add_argument("resource", nargs="+",
                        help="REPOSITORY/TYPE/TAG=FILE")
    options = parser.parse_args()
    resources = {name: pathlib.Path(file).read_bytes() for name, _, file in (
        word.partition("=") for word in options.resource)}
    broker = Broker(resources, measurement=options.measurement and bytes.fromhex(
        options.measurement))
    if not options.socket:
        Server(broker, options.port, options.address).serve()
        return
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(options.socket):
            os.unlink(options.socket)
        listener.bind(options.socket)
        listener.listen()
        while True:
            peer, _ = listener.accept()
            with peer, peer.makefile("rwb") as stream:
                while broker.handle(stream):
                    pass


if __name__ == "__main__":
    main()
