# SPDX-License-Identifier: GPL-2.0-or-later
"""An owner's key that never leaves its token: --sign-key with a pkcs11: URI, through
libcrypto's provider for them. SoftHSM stands in for the token, and a Debian 13 has
the provider."""

import json

import pytest

from harness import chroot, place

PACKAGES = ("pkcs11-provider", "softhsm2", "opensc", "openssl", "cryptsetup-bin",
            "libjson-c5", "libkmod2", "libuuid1", "libblkid1",
            "libdevmapper1.02.1")
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"
URI = "pkcs11:token=owner;object=sign"

PREPARE = f"""\
cd /root
softhsm2-util --init-token --free --label owner --pin {PIN} --so-pin 5678
pkcs11() {{ pkcs11-tool --module {MODULE} --token-label owner "$@"; }}
pkcs11 --login --pin {PIN} --keypairgen --key-type EC:edwards25519 --id 01 \
    --label sign
pkcs11 --login --pin {PIN} --keypairgen --key-type EC:prime256v1 --id 02 \
    --label other
pkcs11 --read-object --type pubkey --label sign -o owner.pem
head -c 32 /dev/urandom >disk.key
printf passphrase >passphrase
truncate -s 32M new.img
cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    new.img passphrase
"""
# By a variable, which needs no file; and by the configuration of libcrypto.
BY_VARIABLE = f"export PKCS11_PROVIDER_MODULE={MODULE}"
BY_FILE = """\
export OPENSSL_CONF=/root/openssl.cnf
cat >$OPENSSL_CONF <<END
openssl_conf = all
[all]
providers = both
[both]
default = ours
pkcs11 = tokens
[ours]
activate = 1
[tokens]
pkcs11-module-path = %s
activate = 1
END
""" % MODULE
ENROLL = ("cocosecret enroll disk.img --name root --key-file passphrase "
          "--new-key-file disk.key --sign-key")
SEAL = "cocosecret seal disk.img --force --key-file disk.key --sign-key"
VERIFY = "cocosecret verify disk.img --key-file disk.key --owner owner.pem"
# Its user types the PIN as often as he is asked for it.
TYPED = """\
mknod -m 666 /dev/tty c 5 0
mkfifo keyboard
script -qefc '{command}' screen <keyboard >/dev/null &
pid=$!
exec 3>keyboard
while kill -0 $pid 2>/dev/null; do
    sleep 1
    echo {pin} >&3 2>/dev/null || break
done
status=0
wait $pid || status=$?
exec 3>&-
rm keyboard
cat screen
echo "status $status"
"""
pytestmark = pytest.mark.slow


@pytest.fixture(name="token", scope="module")
def token_fixture():
    """A system with a token in it, and a disk."""
    place.make("unlock")
    with chroot.above(*chroot.equipped("trixie", "token", *PACKAGES)) as system:
        system.add("usr/bin", [place.BUILD / "cocosecret"])
        system.run(PREPARE)
        yield system


def shell(token, script, how=BY_VARIABLE):
    """What a script prints, with the disk as it came."""
    return token.run(f"{how}\ncd /root; cp new.img disk.img\n{script}", 60)


def status(token, command, how=BY_VARIABLE):
    """(exit status, output) of a command that is shown that disk."""
    words, _, code = shell(token, f"code=0; timeout 30 {command} 2>&1 || code=$?;"
                           "echo status $code", how).rpartition("status ")
    return int(code), words


@pytest.mark.parametrize("how", [BY_VARIABLE, BY_FILE], ids=["variable", "file"])
def test_signs(token, how):
    """enroll and seal sign with it, and the signature is the token's."""
    said = shell(token, f"""\
{ENROLL} '{URI}?pin-value={PIN}'
{VERIFY}
cryptsetup config disk.img --label renamed
! {VERIFY} 2>&1
{SEAL} '{URI};type=private?pin-value={PIN}'
{VERIFY}
cryptsetup token export --token-id 0 disk.img
""", how)
    *lines, exported = said.splitlines()
    print(*lines, sep="\n")
    assert sum(line.endswith("signed by its owner") for line in lines) == 2
    assert json.loads(exported)["signature"]["alg"] == "ed25519"


def test_asks_for_the_pin(token):
    """At the terminal; a wrong one is an error, and shown nowhere."""
    command = f'{ENROLL} "{URI}"'
    said = shell(token, TYPED.format(command=command, pin=PIN) + VERIFY)
    assert "status 0" in said and "signed by its owner" in said
    said = shell(token, TYPED.format(command=command, pin="9876"))
    assert "status 7" in said and "9876" not in said


@pytest.mark.parametrize("uri, code, why", [
    (f"{URI}?pin-value=9876", 7, "no private key"),
    (f"pkcs11:token=owner;object=nothing?pin-value={PIN}", 7, "no private key"),
    (f"{URI};type=public?pin-value={PIN}", 7, "no private key"),
    (f"pkcs11:token=owner;object=other?pin-value={PIN}", 2, "Ed25519"),
], ids=["wrong-pin", "no-such-key", "public-key", "another-kind"])
def test_refuses(token, uri, code, why):
    """Changes nothing, and keeps the PIN to itself."""
    got, said = status(token, f"{ENROLL} '{uri}'")
    print(said.strip())
    assert got == code and why in said
    assert PIN not in said and "9876" not in said
    shell(token, f"{ENROLL} '{uri}' 2>&1 || cmp new.img disk.img")


def test_says_what_is_missing(token):
    """The provider, or whose module is the token's."""
    uri = f"'{URI}?pin-value={PIN}'"
    got, said = status(token, f"{ENROLL} {uri}", how=":")
    print(said.strip())
    assert got == 7 and "PKCS11_PROVIDER_MODULE" in said
    got, said = status(token, f"env OPENSSL_MODULES=/nowhere {ENROLL} {uri}")
    print(said.strip())
    assert got == 7 and "pkcs11-provider" in said
