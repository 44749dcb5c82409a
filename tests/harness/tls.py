# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS for the tests' key broker: certificates, and a server that has them."""

import contextlib
import datetime
import ipaddress
import pathlib
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import broker

PINS = "/etc/cocosecret/kbs.pem"
PEM = serialization.Encoding.PEM
# The guest's clock is of no account: both are far from it.
LONG_AGO, LATER = datetime.datetime(2001, 1, 1), datetime.datetime(2001, 1, 2)


def name(text):
    """A subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative(text):
    """What a server is called: an address, or a name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def image(folder, pins):
    """What puts a text into an image's /etc as the server's pins; None for none."""
    (folder / "kbs.pem").write_text(pins or "")
    return "mount -t tmpfs tmpfs /etc\nmkdir /etc/cocosecret\n" \
        "echo 127.0.0.1 localhost kbs.cocosecret.test >/etc/hosts\n" + (f"cp {folder}/kbs.pem {PINS}\n" if pins is not None else "")


class Holder:
    """Somebody with a key and a certificate for it, made by himself or by another.

    subject     his name; of an authority, what its certificates name
    names       of a server; those with "DNS:" in front are names whatever they look like
    issuer      another Holder
    is_ca       may issue, says the certificate
    usage       of the certificate
    """

    def __init__(self, subject="kbs", names=(), *, issuer=None, is_ca=False,
                 usage=ExtendedKeyUsageOID.SERVER_AUTH, key=None,
                 digest=hashes.SHA256()):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer
        builder = x509.CertificateBuilder(
            issuer.certificate.subject if issuer else name(subject), name(subject),
            self.key.public_key(), x509.random_serial_number(), LONG_AGO, LATER
        ).add_extension(x509.BasicConstraints(is_ca, None), True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([
                x509.DNSName(text[4:]) if text.startswith("DNS:") else alternative(text)
                for text in names]), False)
        if not is_ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, digest)

    @property
    def pem(self):
        """The certificate."""
        return self.certificate.public_bytes(PEM).decode()

    @property
    def public(self):
        """The key alone."""
        return self.key.public_key().public_bytes(
            PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def private(self):
        """Which no image must have."""
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode()

    def chain(self):
        """What a server shows: its certificate, and who issued it, but the last."""
        above = self.issuer
        return self.pem + (above.chain() if above and above.issuer else "")

    def context(self):
        """Of a server that has it, and would do whatever a client puts up with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(self.private + self.chain())
            file.flush()
            context.load_cert_chain(pathlib.Path(file.name))
        return context


class Server(broker.Server):
    """A broker behind TLS. failed: what each handshake that came to nothing ended with."""

    def __init__(self, server, holder, *, polite=False, **options):
        super().__init__(server, **options)
        self.context, self.polite, self.failed = holder.context(), polite, []
        self.url = self.url.replace("http:", "https:")

    def talk(self, peer):
        """Without a word at its end, unless it is polite."""
        try:
            peer = self.context.wrap_socket(peer, server_side=True)
        except OSError as error:
            self.failed.append(str(error))
            peer.close()
            return
        with peer:
            with contextlib.suppress(ConnectionError, ssl.SSLError), \
                    peer.makefile("rwb") as stream:
                while self.broker.handle(stream):
                    pass
            if self.polite:
                with contextlib.suppress(OSError):
                    peer.unwrap()
