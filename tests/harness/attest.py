# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-agent of this tree, without a guest: the real program against a
broker at this machine, with a stand-in for configfs-tsm preloaded, in mounts that
end with it."""

import dataclasses
import hashlib
import random
import re

from . import broker, place, unlocker
from .known import DISK

PATH = "default/cocosecret/"
SECRET = bytes(range(100, 132))
OWNER = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"  # RFC 8032, test 1, in part
DATA_AT = {"snp": 0x50, "tdx": 48 + 0x208}
PROVIDERS = {"snp": b"sev_guest\n", "tdx": b"tdx_guest\n"}
LEFT = re.compile(r"^left (\S+) (\d+) (\S+)$", re.M)


@dataclasses.dataclass
class Outcome:
    """How a run ended: what it said, and which secrets it left behind."""
    status: int
    seconds: float
    said: str
    left: dict


def snp_report(version=3, family=0x19):
    """Bytes of a report, as a processor fills them in; nobody signed them."""
    dice = random.Random(f"{version} {family}")
    report = bytearray(1184)
    for name, at, size in broker.NUMBERS + broker.ARRAYS:
        if "mit_vector" not in name or version >= 5:
            report[at:at + size] = dice.randbytes(size)
    layout = broker.NEW_TCB if family >= 0x1a else broker.OLD_TCB
    for _, at in broker.TCBS:
        for byte in layout.values():
            report[at + byte] = dice.randrange(256)
    for _, at in broker.BUILDS:
        report[at:at + 3] = dice.randbytes(3)
    report[0x2a0:0x330] = dice.randbytes(144)
    report[:4] = version.to_bytes(4, "little")
    report[8:16] = (0xffffffffff0f0000).to_bytes(8, "little")
    report[0x188] = family
    return bytes(report)


def tdx_quote(size=5000):
    """The same for a quote of version 4."""
    quote = bytearray(random.Random(size).randbytes(size))
    quote[:8] = bytes([4, 0, 2, 0, 0x81, 0, 0, 0])
    return bytes(quote)


def certificates(*entries):
    """A table as a host gives it, of (GUID in memory's order, bytes)."""
    at = 24 * (len(entries) + 1)
    table, data = b"", b""
    for guid, certificate in entries:
        table += guid + at.to_bytes(4, "little") \
            + len(certificate).to_bytes(4, "little")
        data += certificate
        at += len(certificate)
    return table + bytes(24) + data


def preload():
    """The stand-in as a library."""
    source = place.GUEST / "faketsm.c"
    return place.artefact("faketsm.so", place.digest(source), lambda path:
                          place.run("cc", "-shared", "-fPIC", "-D_GNU_SOURCE",
                                    "-o", path, source))


def machine(folder, tee="snp", report=None, **files):
    """What the stand-in reads: a folder of these files, below @folder."""
    folder = folder / "tsm"
    folder.mkdir(exist_ok=True)
    files = {"provider": PROVIDERS[tee], "privlevel_floor": b"0\n",
             "report": report or {"snp": snp_report, "tdx": tdx_quote}[tee](),
             "at": str(DATA_AT[tee]).encode(), **files}
    for name, content in files.items():
        if isinstance(content, str):
            content = content.encode()
        (folder / name).write_bytes(content)
    return folder


def run(url, tsm=None, cmdline="", cocotab="root /dev/vda\n", timeout=10,
        before="", after="", program="cocosecret-agent", owner=OWNER, wrapper=""):
    """One run; with secrets, their digests and modes. wrapper: words of another
    program that runs it."""
    words = f"rd.cocosecret.source=run rd.cocosecret.timeout={timeout} {cmdline}"
    if owner:
        words += f" rd.cocosecret.owner={owner}"
    if url:
        words += f" rd.cocosecret.kbs={url}"
    mount = f"mkdir -p /sys/kernel/config/tsm/report\nFAKETSM={tsm} " \
        f"LD_PRELOAD={preload()}\n" if tsm else "FAKETSM= LD_PRELOAD=\n"
    script = f"""
printf %s '{words}' >/run/cmdline
printf %s '{cocotab}' >/run/cocotab
{mount}
agent() {{
	{wrapper} env FAKETSM="$FAKETSM" LD_PRELOAD="$LD_PRELOAD" \\
		"{place.BUILD / program}" --cmdline /run/cmdline --cocotab /run/cocotab
}}
{before}
agent
status=$?
{after}
[ -z "$FAKETSM" ] || ls -A /sys/kernel/config/tsm/report
for file in $(ls -A $run 2>/dev/null); do
	echo "left $file $(stat -c %a $run/$file) $(sha256sum <$run/$file | cut -c-64)"
done
exit $status
"""
    status, seconds, said = unlocker.run(script)
    return Outcome(status, seconds, said,
                   {name: (mode, digest)
                    for name, mode, digest in LEFT.findall(said)})


def brought(secret=SECRET):
    """As run() finds it."""
    return ("400", hashlib.sha256(secret).hexdigest())


def resources(secret=SECRET, name=DISK, **more):
    """What a broker has."""
    return {PATH + name: secret, **more}
