# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-agent and a broker behind https://: who it believes to be the broker, and
what a host on the way to it can do. The rest is in test_agent.py."""

import contextlib
import re
import socket
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
import pytest

from harness import attest, broker, documents, place, tls
from harness.attest import brought, machine, resources
from harness.known import DISK
from harness.tls import PINS, Holder

HERE = "127.0.0.1"
CA = Holder("ca", is_ca=True)
MIDDLE = Holder("middle", is_ca=True, issuer=CA)
OTHER = Holder("other", is_ca=True)
KBS = Holder(names=[HERE], issuer=CA)


@pytest.fixture(name="tsm")
def make_machine(tmp_path):
    """An SNP guest."""
    return machine(tmp_path)


@pytest.fixture(name="image")
def make_image(tmp_path):
    """What puts a text into the image as its pins."""
    return lambda pins: tls.image(tmp_path, pins)


def serve(holder, faults=None, **options):
    """A broker that has the disk's secret."""
    return tls.Server(broker.Broker(resources(), faults), holder, **options)


def run(url, tsm, before, **options):
    """The program that has TLS."""
    return attest.run(url, tsm, before=before, program="cocosecret-agent-tls",
                      **options)


def rsa_key(bits):
    """Which takes a while."""
    return rsa.generate_private_key(65537, bits)


def made(holder):
    """Of what a test needs: a Holder, or what makes it."""
    return holder() if callable(holder) else holder


# (what the server has, what the image has)
KNOWN = {
    "its CA": (KBS, CA.pem),
    "a CA above another, which the server shows": (
        Holder(names=[HERE], issuer=MIDDLE), CA.pem),
    "a CA below another": (Holder(names=[HERE], issuer=MIDDLE), MIDDLE.pem),
    "its certificate, of no name": (KBS, KBS.pem),
    "its own certificate": ((own := Holder("own", ["other.example"])), own.pem),
    "its key": (KBS, KBS.public),
    "its key, in another certificate": (
        Holder("new", issuer=OTHER, key=KBS.key,
               usage=ExtendedKeyUsageOID.CLIENT_AUTH), KBS.pem),
    "one of several": (KBS, OTHER.pem + "\n" + OTHER.public + CA.pem),
    "RSA": (lambda: Holder(names=[HERE], issuer=CA, key=rsa_key(2048)), CA.pem),
    "SHA-384": (Holder(names=[HERE], issuer=CA, digest=hashes.SHA384()), CA.pem),
    "names": (Holder(names=["kbs.example", "10.0.0.1", HERE], issuer=CA), CA.pem),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known(tsm, image, name):
    """Who the image says is the broker; all certificates have expired long ago."""
    holder, pins = KNOWN[name]
    with serve(made(holder)) as server:
        outcome = run(server.url, tsm, image(pins),
                      after="cat /run/cocosecret/agent.json\n")
        assert not server.failed
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}
    assert server.url in outcome.said.replace("\\/", "/")


UNKNOWN, MISNAMED = "is not one of " + PINS, "has another name than rd.cocosecret.kbs="
STRANGERS = {
    "of itself": (Holder(names=[HERE]), CA.pem, UNKNOWN),
    "of another CA": (Holder(names=[HERE], issuer=OTHER), CA.pem, UNKNOWN),
    "of a CA of the same name": (
        Holder(names=[HERE], issuer=Holder("ca", is_ca=True)), CA.pem, UNKNOWN),
    "of one who may not issue": (Holder(names=[HERE], issuer=KBS), CA.pem, UNKNOWN),
    "of a pinned server that may not issue": (
        Holder(names=[HERE], issuer=KBS), KBS.pem, UNKNOWN),
    "of a pinned key": (Holder(names=[HERE], issuer=CA), CA.public, UNKNOWN),
    "of a client": (Holder(names=[HERE], issuer=CA,
                           usage=ExtendedKeyUsageOID.CLIENT_AUTH), CA.pem, UNKNOWN),
    "by SHA-1": (lambda: Holder(names=[HERE], issuer=CA, digest=hashes.SHA1()),
                 CA.pem, UNKNOWN),
    "a weak key": (lambda: Holder(names=[HERE], issuer=CA, key=rsa_key(1024)),
                   CA.pem, UNKNOWN),
    "another address": (Holder(names=["127.0.0.2", "::1"], issuer=CA), CA.pem, MISNAMED),
    "a name that looks like the address": (
        Holder(names=["DNS:" + HERE], issuer=CA), CA.pem, MISNAMED),
    "the address as the subject": (Holder(HERE, issuer=CA), CA.pem, MISNAMED),
    "another server": (Holder(names=["kbs.example"], issuer=CA), CA.pem, MISNAMED),
}


def assert_final(outcome, words):
    """At once, and with the line."""
    assert outcome.status == 3 and not outcome.left and outcome.seconds < 5
    assert words in outcome.said, outcome.said
    assert "trying again" not in outcome.said


@pytest.mark.parametrize("name", STRANGERS)
def test_stranger(tsm, image, name):
    """Anybody else is told nothing, and the run ends at once."""
    holder, pins, words = STRANGERS[name]
    with serve(made(holder)) as server:
        outcome = run(server.url, tsm, image(pins))
        assert len(server.failed) == 1 and not server.broker.seen
    assert_final(outcome, words)


@pytest.mark.parametrize("names, fits", [
    (["localhost"], True), (["LocalHost"], True), (["*.localhost"], False),
    (["kbs.cocosecret.test"], False), ([HERE], False), ([], False)])
def test_name(tsm, image, names, fits):
    """A name that is looked up: who answers for it is the host's word, the
    certificate is not."""
    with serve(Holder("localhost", names, issuer=CA)) as server:
        outcome = run(f"https://localhost:{server.port}", tsm, image(CA.pem))
    if fits:
        assert outcome.status == 0 and outcome.left == {DISK: brought()}, outcome.said
    else:
        assert_final(outcome, MISNAMED)


@pytest.mark.parametrize("name, fits", [
    ("*.cocosecret.test", True), ("kb*.cocosecret.test", False), ("*.test", False),
    ("cocosecret.test", False)])
def test_wildcard(tsm, image, name, fits):
    """A whole label at most."""
    with serve(Holder(names=[name], issuer=CA)) as server:
        outcome = run(f"https://kbs.cocosecret.test:{server.port}", tsm, image(CA.pem))
    if fits:
        assert outcome.status == 0, outcome.said
    else:
        assert_final(outcome, MISNAMED)


V = ssl.TLSVersion
FOREIGN = "does not speak TLS 1.2 or 1.3 as this side does"


@pytest.mark.parametrize("versions, ciphers, fits", [
    ((V.TLSv1_3, V.TLSv1_3), None, True),
    # As Trustee's server
    ((V.TLSv1_2, V.TLSv1_2), "ECDHE-ECDSA-AES256-GCM-SHA384", True),
    ((V.TLSv1_2, V.TLSv1_2), "ECDHE-ECDSA-CHACHA20-POLY1305", True),
    ((V.TLSv1_2, V.TLSv1_2), "ECDHE-ECDSA-AES128-SHA256", False),
    ((V.TLSv1_2, V.TLSv1_2), "ADH-AES128-GCM-SHA256:@SECLEVEL=0", False),
    ((V.TLSv1, V.TLSv1_1), "DEFAULT:@SECLEVEL=0", False)])
def test_version(tsm, image, versions, ciphers, fits):
    """Nothing old."""
    with serve(KBS) as server:
        server.context.minimum_version, server.context.maximum_version = versions
        if ciphers:
            server.context.set_ciphers(ciphers)
        outcome = run(server.url, tsm, image(CA.pem))
    if fits:
        assert outcome.status == 0, outcome.said
    else:
        assert_final(outcome, FOREIGN)


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_wants_client(tsm, image, version):
    """A server that wants a certificate of the client's gets none."""
    with serve(KBS) as server:
        server.context.maximum_version = version
        server.context.load_verify_locations(cadata=CA.pem)
        server.context.verify_mode = ssl.CERT_REQUIRED
        outcome = run(server.url, tsm, image(CA.pem))
        assert not server.broker.seen
    # With TLS 1.3 the end of the connection may be faster than the reason for it.
    assert outcome.status == 3 and not outcome.left and FOREIGN in outcome.said


@pytest.mark.parametrize("polite", [False, True])
@pytest.mark.parametrize("faults", [
    {step: ["cut"] for step in ("auth", "attest", "resource")},
    {step: ["chunked"] for step in ("auth", "attest", "resource")},
    {step: ["slow"] for step in ("auth", "attest", "resource")}])
def test_passing(tsm, image, faults, polite):
    """An answer that ends too early is none, whether the server says that this is its
    end or somebody on the way cuts it."""
    with serve(KBS, faults, polite=polite) as server:
        outcome = run(server.url, tsm, image(CA.pem))
        seen = [step for step, _ in server.broker.seen]
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}
    if "cut" in faults["auth"]:
        assert outcome.said.count("before its answer was whole") == 3
        assert seen.count("resource") == 2


def test_too_large(tsm, image):
    """It is HTTP's limits that count."""
    with serve(KBS, {"resource": ["huge"]}) as server:
        outcome = run(server.url, tsm, image(CA.pem))
    assert_final(outcome, "larger than any")


@contextlib.contextmanager
def listening(*answers):
    """A port at which one connection after the other is answered by a function; the last
    one by all that follow."""
    with socket.create_server((HERE, 0)) as listener:
        def serve_all():
            count = 0
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                answer = answers[min(count, len(answers) - 1)]
                threading.Thread(target=talk, args=(answer, peer), daemon=True).start()
                count += 1

        def talk(answer, peer):
            with contextlib.suppress(OSError):
                answer(peer)
            peer.close()
        threading.Thread(target=serve_all, daemon=True).start()
        yield f"https://{HERE}:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def as_broker(server):
    """Through to a server."""
    return lambda peer: server.talk(peer)  # pylint: disable=unnecessary-lambda


def say(data):
    """Whatever was asked."""
    def answer(peer):
        peer.recv(1000)
        peer.sendall(data)
    return answer


def stall(peer):
    """Nothing, for long."""
    peer.recv(1000)
    time.sleep(30)


def reset(peer):
    """The end, without a word."""
    peer.recv(1000)


@pytest.mark.parametrize("fault, words", [
    (stall, "it did not answer in time; trying again"),
    (reset, "it ended the connection before its answer was whole; trying again")])
def test_handshake_again(tsm, image, fault, words):
    """What may pass is tried again, in time."""
    with serve(KBS) as server, listening(fault, as_broker(server)) as url:
        outcome = run(url, tsm, image(CA.pem), timeout=25)
    assert outcome.status == 0, outcome.said
    assert words in outcome.said and outcome.seconds < 20


def test_handshake_never(tsm, image):
    """Neither does a silent one hold it up."""
    with listening(stall) as url:
        outcome = run(url, tsm, image(CA.pem), timeout=2)
    assert outcome.status == 3 and outcome.seconds < 5
    assert "rd.cocosecret.timeout= gives is over" in outcome.said


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x03\xff\xff" + bytes(1000),
    b"\x17\x03\x03\x00\x10" + bytes(16)], ids=lambda data: repr(data[:8]))
def test_no_tls(tsm, image, data):
    """What is no TLS is told so, and not asked twice."""
    with listening(say(data)) as url:
        outcome = run(url, tsm, image(CA.pem))
    assert_final(outcome, FOREIGN)


def drip(peer):
    """A handshake of a byte a moment, without end."""
    peer.recv(1000)
    peer.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\x00")
    while True:
        peer.sendall(b"\x00")
        time.sleep(.01)


def flood(record):
    """The same again and again, without end."""
    def answer(peer):
        peer.recv(1000)
        while True:
            peer.sendall(record * 1000)
    return answer


# Which are to be passed over: RFC 5246, section 7.4.1.1; RFC 8446, appendix D.4.
HELLO_REQUEST = b"\x16\x03\x03\x00\x04" + bytes(4)
CHANGE_CIPHER = b"\x14\x03\x03\x00\x01\x01"


@pytest.mark.parametrize("fault", [drip, flood(HELLO_REQUEST), flood(CHANGE_CIPHER)],
                         ids=["drip", "hello", "change"])
def test_endless(tsm, image, fault):
    """Who always has more to say has no more time than others: if it is all one to
    libssl, the process is ended that listens to it."""
    with listening(fault) as url:
        outcome = run(url, tsm, image(CA.pem), timeout=3)
    assert outcome.status == 3 and outcome.seconds < 7, outcome.said


WRONG = {
    "none": (None, "there is no " + PINS + ", by which"),
    "empty": ("", PINS + ": holds no certificate and no public key"),
    "no PEM": ("MIIB", "holds no certificate"), "cut": (CA.pem[:-40], "cut or damaged"),
    "private": (KBS.private + KBS.pem, "holds a private key, which stays with the broker"),
}


@pytest.mark.parametrize("name", WRONG)
def test_pins(tsm, image, name):
    """Without knowing whom to ask, nobody is asked."""
    pins, words = WRONG[name]
    with serve(KBS) as server:
        outcome = run(server.url, tsm, image(pins))
        assert not server.failed and not server.broker.seen
    assert outcome.status == 2 and words in outcome.said, outcome.said


def test_owner(tsm, image):
    """Who the broker is does not say whose the disk is."""
    with serve(KBS) as server:
        outcome = run(server.url, tsm, image(CA.pem), owner="none")
    assert outcome.status == 2 and "without the owner's key" in outcome.said


INSTALL = """\
mkdir -p /run/up/cocosecret /run/work
mount -t overlay -o lowerdir=/usr/lib,upperdir=/run/up,workdir=/run/work overlay /usr/lib
"""


@pytest.mark.parametrize("there", [True, False])
def test_two_programs(tsm, image, there):
    """The one without TLS starts the other in its place, where the image has it."""
    before = image(CA.pem) + INSTALL + (
        f"cp {place.BUILD}/cocosecret-agent-tls /usr/lib/cocosecret\n" if there else "")
    with serve(KBS) as server:
        outcome = attest.run(server.url, tsm, before=before)
    if there:
        assert outcome.status == 0 and outcome.left == {DISK: brought()}, outcome.said
    else:
        assert outcome.status == 2, outcome.said
        assert "cocosecret-agent-tls does not start: No such file" in outcome.said


def test_libraries():
    """Only the program that has TLS needs libssl; the other is not larger for it."""
    for name, needs in ("cocosecret-agent", False), ("cocosecret-agent-tls", True), (
            "cocosecret-init", False), ("cocosecret", False), ("cocosecret-image", False):
        said = place.run("readelf", "-d", place.BUILD / name)
        assert ("libssl" in said) == needs, name
    assert b"sample" not in (place.BUILD / "cocosecret-agent-tls").read_bytes()


def test_files(tsm, image):
    """No configuration, no list of authorities of the system's; and after the first word
    with the network no file at all."""
    with serve(KBS) as server:
        outcome = run(
            server.url, tsm, image(CA.pem) + "agent() { strace -f -e trace=openat,open,"
            'connect -o /run/trace -E FAKETSM="$FAKETSM" -E LD_PRELOAD="$LD_PRELOAD" '
            "-E OPENSSL_CONF=/run/none.cnf -E SSL_CERT_FILE=/run/none.pem "
            "-E SSLKEYLOGFILE=/run/log "
            f'"{place.BUILD}/cocosecret-agent-tls" --cmdline /run/cmdline '
            "--cocotab /run/cocotab; }\n", after="sed 's/^/trace /' /run/trace; ls /run\n")
    assert outcome.status == 0, outcome.said
    lines = re.findall(r"^trace (\d+) +(.*)$", outcome.said, re.M)
    assert not [line for _, line in lines
                if re.search(r"openssl\.cnf|none\.|/ssl/|/certs|/run/log", line)]
    (courier,) = {pid for pid, line in lines if line.startswith("connect(")
                  and "AF_INET" in line}
    calls = [line for pid, line in lines if pid == courier]
    first = next(i for i, line in enumerate(calls) if line.startswith("connect("))
    assert not [line for line in calls[first:] if line.startswith("open")]
    assert "log" not in outcome.said.split()


def test_example(tsm, image, tmp_path):
    """What the manual gets the server's key with."""
    commands = [text for text in documents.examples("cocosecret-agent.8")
                if "openssl x509" in text]
    (tmp_path / "kbs-server.pem").write_text(KBS.pem)
    with serve(KBS) as server:
        for command in commands:
            place.run("sh", "-euc", command.replace(
                "192.0.2.7:8080", f"{HERE}:{server.port}"), cwd=tmp_path)
            made = (tmp_path / "kbs.pem").read_text()
            assert made == KBS.public
            (tmp_path / "kbs.pem").unlink()
        assert len(commands) == 2
        assert run(server.url, tsm, image(made)).status == 0
