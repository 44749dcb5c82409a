# SPDX-License-Identifier: GPL-2.0-or-later
"""The token plugin in a booted guest: disks attached later, opened by the
cryptsetup and systemd that Debian ships, or refused by them.

What is refused where without device-mapper: tests/attacks/test_plugin.py.
"""

import pytest

from attacks import catalogue, luks2, scenes
from harness import documents, hostile, place, rootvm

pytestmark = pytest.mark.slow

TOKENS = "/usr/lib/x86_64-linux-gnu/cryptsetup"
LOADED = "modprobe efi_secret && ls " + rootvm.SECRETS
# Each says its status and what it mapped; the key is in no argument.
OPEN = r"""
{command} >&2
echo "=> $?"
dmsetup table victim 2>/dev/null && dmsetup remove --retry victim
"""
COMMANDS = {
    "cryptsetup": "timeout 30 " + documents.shown("cryptsetup open ").strip()
                  .replace("DEVICE", "{device}").replace("NAME", "victim"),
    "systemd-cryptsetup": "timeout 30 /lib/systemd/systemd-cryptsetup attach "
                          "victim {device} none luks,headless=true,tries=1",
}
WIPED = f"rm {rootvm.SECRETS}/*"
# The manual's drop-in, and the crypttab.
(ONLY_OURS,) = [text for text in
                documents.displays("libcryptsetup-token-cocosecret.7")
                if text.startswith("[Service]")]
CRYPTTAB = r"""
printf 'data UUID={uuid} none luks,noauto,{options}\n' >/etc/crypttab
systemctl daemon-reload
systemctl reset-failed systemd-cryptsetup@data.service 2>/dev/null
"""
UNIT = "systemd-cryptsetup@data.service"
DROPIN = f"/etc/systemd/system/{UNIT}.d"
JOURNAL = f"journalctl --sync; journalctl -b -o cat -u {UNIT}"


def opened(host, program, device):
    """(status, what was mapped, what was said)."""
    _, output = host.guest.run(OPEN.format(
        command=COMMANDS[program].format(device=device)), 120)
    said, _, rest = output.decode().partition("=> ")
    status, _, mapped = rest.partition("\n")
    return int(status), mapped.strip(), said


def load(host, secret):
    """A secret that efi_secret shows."""
    host.launch(secret)
    host.guest.check(LOADED)


def found(host, secret):
    """Where in the guest's memory it is."""
    with host.standing_still():
        return host.ram.find(secret)


def good_opens(host, folder):
    """Both programs map it, and leave no copy of the key behind."""
    volume = catalogue.good(folder / "good")
    before = place.sha256(volume.path)
    with host.showing([volume.path]) as (device,):
        load(host, volume.secret)
        assert found(host, volume.secret)
        for program in COMMANDS:
            status, mapped, said = opened(host, program, device)
            assert status == 0 and "crypt aes-xts-plain64" in mapped, said
        host.guest.check(WIPED)
        assert found(host, volume.secret) == []
        assert host.writes() == 0
    assert place.sha256(volume.path) == before
    print("good: mapped by both, no write, key gone after rm")


def hostile_refused(host, folder, name):
    """Neither program maps it; what is wrong, if anything."""
    wrong = []
    volume = catalogue.good(folder / "victim")
    catalogue.REFUSED[name](volume)
    words = []
    with host.showing([volume.path]) as (device,):
        load(host, volume.secret)
        for program in COMMANDS:
            status, mapped, said = opened(host, program, device)
            refused = "cocosecret: the header of" in said
            words.append(f"{status}{' refused' if refused else ''}")
            if status in (0, 124) or mapped:
                wrong.append((name, program, status, mapped, said))
            if program == "cryptsetup" and host.writes():
                wrong.append((name, "writes"))
        host.guest.check(WIPED)
    print(f"{name:32} exit " + ", ".join(words))
    return wrong


def swapped_later(host, folder, reads, hostile_first):
    """A header that changes between two reads: nothing but the good one is
    mapped, whichever was read."""
    folder.mkdir()
    scene = scenes.swapped(reads, hostile_first, True)(host, folder)
    (disk,) = scene.disks
    words = []
    with disk.running(), host.showing([disk]) as (device,):
        load(host, scene.secret)
        for program in COMMANDS:
            disk.arm()
            status, mapped, said = opened(host, program, device)
            assert bool(status) != bool(mapped), said
            cells = mapped.split()
            assert status or (*cells[2:4], cells[7]) == \
                scenes.GOOD_TABLE, mapped
            words.append(f"{status}, served {disk.served.read_text()}")
        host.guest.check(WIPED)
    print(f"swapped after {reads}, {'hostile' if hostile_first else 'good'} "
          "first: exit " + "; ".join(words))


def asked(host):
    """Is somebody asked for a passphrase?"""
    return host.guest.run("ls /run/systemd/ask-password/ask.*")[0] == 0


def crypttab(host, device_header, options):
    """The line, read again."""
    raw = device_header.binary[luks2.UUID:luks2.UUID + 40]
    host.guest.check(CRYPTTAB.format(uuid=raw.rstrip(b"\0").decode(),
                                     options=options) + "true")


def crypttab_opens(host, folder):
    """The manual's line and drop-in: opened, and no other plugin seen."""
    volume = catalogue.good(folder / "tab")
    host.guest.check(f"mkdir -p {DROPIN} && printf '%s' '{ONLY_OURS}' "
                     f">{DROPIN}/tokens.conf")
    with host.showing([volume.path]):
        load(host, volume.secret)
        crypttab(host, luks2.Header(volume.path), "headless=true,tries=1")
        host.guest.check(f"systemctl start {UNIT} || ({JOURNAL}; false)", 120)
        assert "crypt aes-xts" in host.guest.check("dmsetup table data")
        host.guest.check(f"systemctl stop {UNIT}")
        assert host.guest.run("dmsetup table data")[0]
        host.guest.check(WIPED)
    print("crypttab: systemctl start opened it, stop closed it")


def crypttab_closed(host, folder):
    """A refused header: with headless nothing is asked, without it is."""
    volume = catalogue.good(folder / "closed")
    catalogue.REFUSED["label"](volume)
    with host.showing([volume.path]):
        load(host, volume.secret)
        crypttab(host, luks2.Header(volume.path), "headless=true,tries=1")
        status, _ = host.guest.run(f"systemctl start {UNIT}", 120)
        said = host.guest.check(JOURNAL)
        assert status and not asked(host)
        assert "the header of" in said and "is refused" in said
        assert "headless" in said
        assert host.guest.run("dmsetup table data")[0]

        crypttab(host, luks2.Header(volume.path), "tries=1")
        host.guest.check(f"systemctl start --no-block {UNIT}")
        host.guest.check("for i in $(seq 150); do ls "
                         "/run/systemd/ask-password/ask.* && exit; sleep .2; "
                         "done; exit 1", 120)
        host.guest.check(f"systemctl stop {UNIT}")
        host.guest.check(WIPED)
    print("crypttab, refused: fails with headless=true, asks with tries=1")


def test_plugin():
    """Every scene in one guest."""
    with place.scratch() as scratch, hostile.host() as host:
        folder = place.pathlib.Path(scratch)
        host.guest.check(f"test -e {TOKENS}/libcryptsetup-token-cocosecret.so "
                         f"-a -e {TOKENS}/libcryptsetup-token-systemd-tpm2.so")
        good_opens(host, folder)
        crypttab_opens(host, folder)
        crypttab_closed(host, folder)
        wrong = [what for name in catalogue.REFUSED
                 for what in hostile_refused(host, folder, name)]
        assert wrong == []
        for reads in (1, 3, 5, 6, 8):
            for first in (False, True):
                swapped_later(host, folder / f"swap{reads}{first}", reads,
                              first)
