# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/vtpm, by its own commands and files: a root whose key a TPM gives out to
the approved image only, and only once; and what a host tries instead."""

import pathlib
import shutil
import typing

import pytest

from harness import expect, initrd, known, place, rootvm, vtpm

pytestmark = pytest.mark.slow

PCR = "/sys/class/tpm/tpm0/pcr-sha256/15"
GIVEN = f"cocosecret: vtpm: the TPM has given the secret {known.DISK}"
REFUSED = "cocosecret: vtpm: the TPM does not give the secret: "
# systemd's words.
NOT_APPROVED = "Couldn't find signature for this PCR bank, PCR index and public key."
CHANGED = "Current policy digest does not match stored policy digest"


class Sealed(typing.NamedTuple):
    """A TPM's state, and what was sealed to it."""

    state: pathlib.Path
    credentials: dict

    def text(self, party, **image):
        """What is in the partition if it is this party's."""
        return self.credentials[party], vtpm.approve_direct(party, **image)


@pytest.fixture(name="sealed", scope="module")
def sealed_fixture():
    """For the owner, and for the host, by one TPM."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        with vtpm.Tpm(folder / "state") as tpm:
            credentials = vtpm.seal(tpm, folder)
        yield Sealed(folder / "state", credentials)


@pytest.fixture(name="tpm")
def tpm_fixture(sealed, folder):
    """The machine's TPM, as it was after the sealing."""
    shutil.copytree(sealed.state, folder / "state")
    with vtpm.Tpm(folder / "state") as tpm:
        yield tpm


def ended(guest, *says):
    """It powered off, and the console's first line with an exit status has these
    words; all that the console has."""
    assert guest.wait_off() == "guest-shutdown"
    console = guest.log_path("console").read_text(errors="replace")
    assert "cocosecret: root: opened" not in console
    lines = [line for line in console.splitlines()
             if "cocosecret: " in line and "(exit" in line]
    print("\n".join(lines))
    assert all(words in lines[0] for words in says), says
    return console


def try_again(guest, text):
    """What the running root gets from the TPM with the same credential."""
    preload = vtpm.use_libraries(guest, "/dev/disk/by-id/virtio-disk2")
    for name, line in zip(("credential", "approved"), text):
        vtpm.put(guest, f"/run/{name}", line.encode())
    status, said = guest.run(
        f"{preload} systemd-creds decrypt --name={known.DISK} "
        "--tpm2-device=/dev/tpmrm0 --tpm2-signature=/run/approved /run/credential "
        "/run/again", 120)
    print(said.decode())
    assert status
    return said.decode()


def test_opens(sealed, tpm):
    """The root is open, its key is gone, and the TPM does not give it again."""
    (owner, _), text = vtpm.parties(), sealed.text(vtpm.parties()[0])
    with vtpm.machine(tpm, text) as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        assert GIVEN in guest.check("dmesg")
        assert guest.check("stat -f -c %T /run/cocosecret/secrets; "
                           "ls -A /run/cocosecret/secrets") == "ramfs"
        assert guest.check("ls /run") .count("vtpm") == 0
        print("PCR 15:", guest.check(f"cat {PCR}"))
        expect.gone(guest, owner.disk.key)
        assert NOT_APPROVED in try_again(guest, text)


def changes(what, folder):
    """What a host does, as vtpm.machine() takes it."""
    if what == "initrd":
        return {"initramfs": vtpm.extended(folder / "initrd", {"etc/changed": b""})}
    if what == "command line":
        return {"cmdline": vtpm.CMDLINE + " rd.cocosecret.owner=none"}
    return {"more": ["-device", "e1000"]}  # whose ROM is a program


@pytest.mark.parametrize("what, says", [
    ("initrd", NOT_APPROVED), ("command line", NOT_APPROVED), ("card", CHANGED)],
    ids=["initrd", "command line", "card"])
def test_changed(what, says, sealed, tpm, folder):
    """Another initramfs, another command line, which asks for no signature, or a
    card whose program the firmware runs."""
    with vtpm.machine(tpm, sealed.text(vtpm.parties()[0]),
                      **changes(what, folder)) as guest:
        ended(guest, REFUSED, says)


def uki(sealed, folder=None):
    """(text, boots) of the owner's, with the host's credential on the ESP if there is
    a folder for it."""
    owner, program = vtpm.parties()[0], vtpm.made() / "uki.efi"
    esp = {}
    if folder:
        (folder / "credential").write_text(sealed.credentials[None])
        esp = {"EFI/BOOT/BOOTX64.EFI.extra.d/a.cred": folder / "credential"}
    return ((sealed.credentials[owner], vtpm.approve(owner, "--uki", program)),
            vtpm.Program(program, esp=esp))


def test_uki(sealed, tpm):
    """The same image as one EFI program."""
    text, boots = uki(sealed)
    with vtpm.machine(tpm, text, boots=boots) as guest:
        guest.wait_ready()
        expect.unlocked(guest)


def test_uki_changed(sealed, tpm, folder):
    """Its stub hands on what it finds beside it."""
    text, boots = uki(sealed, folder)
    with vtpm.machine(tpm, text, boots=boots) as guest:
        ended(guest, REFUSED, NOT_APPROVED)


def test_no_tpm(sealed):
    """The host may always deny service."""
    with vtpm.machine(None, sealed.text(vtpm.parties()[0])) as guest:
        ended(guest, "cocosecret: vtpm: no TPM 2.0")


def test_other_tpm(sealed, folder):
    """A TPM that was cleared, or is another one."""
    with vtpm.Tpm(folder / "other") as tpm, \
            vtpm.machine(tpm, sealed.text(vtpm.parties()[0])) as guest:
        ended(guest, REFUSED, "integrity check failed")


def test_null(sealed, tpm):
    """A secret under no key, which systemd itself would take here."""
    owner = vtpm.parties()[0]
    text = sealed.credentials[None], vtpm.approve_direct(owner)
    with vtpm.machine(tpm, text) as guest:
        ended(guest, "vtpm: no credential for a TPM with a signed policy")


def test_forged(sealed, tpm):
    """The host's own secret, sealed to the same TPM, with his disk: what he lacks is
    the owner's signature."""
    _, host = vtpm.parties()
    with vtpm.machine(tpm, sealed.text(host), disk=host.disk) as guest:
        console = ended(guest, "names another owner's key", "(exit 5)")
        assert GIVEN in console
        assert guest.disk_writes()["disk0"] == 0
