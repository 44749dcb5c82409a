# SPDX-License-Identifier: GPL-2.0-or-later
"""How cost grows, and the line that it follows.

Headers, their tokens and fleets are measured on this machine, and disks that
are not ours in a guest. The parts volumes and module have measured the rest.
Of all rounds the least counts: what else the machine does only adds to it.
"""

import contextlib
import json
import pathlib
import secrets
import shutil
import time
import typing

from attacks import catalogue
from harness import documents, hostile, known, place

from . import boot, guest, native, stats, unlock, volumes

ROUNDS = 51
METADATA = (16, 64, 256, 1024, 4096)  # KiB of each of the header's copies
TOKENS = (1, 2, 4, 8, 16, 32)  # LUKS2 has room for no more
DISKS = (64, 16, 4, 0)
RUNS = 4  # in a round, since to plug disks in takes longer
# {machines: rounds}; LESS in the place of the last, if that took longer.
FLEETS = {10: 7, 100: 5, 1000: 2, 10000: 2}
LESS, LIMIT_MS = 2000, 240000

FLEET = place.TOP / "examples/fleet"
OTHER = {"type": "bench", "keyslots": [], "note": "x" * 150}

PLUG = """
for host in /sys/class/scsi_host/host*; do
	echo '- - -' >$host/scan
done
until [ $(ls /sys/block | grep -c ^sd) = {count} ]; do
	sleep 0.2
done
udevadm settle
"""
UNPLUG = """
for disk in $(ls /sys/block | grep ^sd | tail -n +$(({count} + 1))); do
	echo 1 >/sys/block/$disk/device/delete
done
udevadm settle
[ $(ls /sys/block | grep -c ^sd) = {count} ]
"""


class Kind(typing.NamedTuple):
    """What grows; times() of a part are {number: [ms]}."""

    part: str
    what: str
    unit: str
    times: typing.Callable
    is_native: bool = False
    per: int = 1  # so many are one unit


class Curve(typing.NamedTuple):
    """What it takes; points: (number, ms)."""

    kind: Kind
    where: str
    points: list

    def line(self):
        """The one that it follows."""
        return stats.line(self.points)

    def text(self):
        """That, for people."""
        line = self.line()
        slope = line.slope * self.kind.per
        return (f"{stats.short(line.base)} ms {'-' if slope < 0 else '+'} "
                f"{stats.short(abs(slope))} ms a {self.kind.unit}").replace("-", "−")


def own(name):
    """What this part has measured."""
    return lambda part: {number: found["ms"]
                         for number, found in part[name].items()}


def of_volumes(part):
    """{number: [ms]}"""
    return {number: found["ours"]["ms"]
            for number, found in part["counts"].items()}


def of_module(part):
    """{number: [ms]}"""
    return {number: [ns / 1e6 for ns in found["ours_ns"]]
            for number, found in part["tables"].items()}


KINDS = (
    Kind("volumes", "volumes opened in one run", "volume", of_volumes),
    Kind("module", "secrets that the module shows", "secret", of_module),
    Kind("growth", "KiB of a header's metadata", "MiB", own("metadata"), True, 1024),
    Kind("growth", "tokens in a header", "token", own("tokens"), True),
    Kind("growth", "disks that are not ours", "disk", own("disks")),
    Kind("growth", "keys and tables of a fleet", "machine", own("fleets"), True),
)


def where(machine, is_native):
    """And when."""
    return ", ".join(("no VM" if is_native else machine["accelerator"],
                      machine["day"], machine["commit"]))


def curves(results):
    """Of what was measured."""
    return [Curve(kind, where(results[kind.part]["machine"], kind.is_native),
                  sorted((int(number), stats.spread(ms).least) for number, ms
                         in kind.times(results[kind.part]).items()))
            for kind in KINDS if kind.part in results]


def recovery(folder, name, *options, tokens=1):
    """The command that does all with a new header but to map the volume."""
    volume = catalogue.luks_format(catalogue.keys(folder / name), *options)
    other = folder / "other.json"
    other.write_text(json.dumps(OTHER))
    for _ in range(tokens - 1):  # the last one is ours
        place.run("cryptsetup", "token", "import", "--json-file", other,
                  volume.path)
    catalogue.enroll(volume)
    return f"{place.BUILD}/bench/recover {volume.path} {volume.key}"


def headers():
    """{what: {number: {"ms", "kib"}}}"""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        commands = {("metadata", size): recovery(
            folder, f"metadata{size}", "--luks2-metadata-size", f"{size}k")
                    for size in METADATA}
        commands |= {("tokens", count): recovery(
            folder, f"tokens{count}", tokens=count) for count in TOKENS}
        taken = native.rounds(commands, ROUNDS, folder / "report")
    found = {"metadata": {}, "tokens": {}}
    for (what, number), one in taken.items():
        found[what][number] = one
    return found


def fleet(folder, count, made, command):
    """ms for as many keys and tables."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "machines").write_text(
        "".join(f"m{number}\n" for number in range(count)))
    script = {"cwd": folder, "env": place.environment() | {"PATH": catalogue.PATH}}
    place.run("sh", "-euc", made, **script)
    begin = time.monotonic()
    place.run("sh", "-euc", command, limit=10 * LIMIT_MS / 1000, **script)
    return round((time.monotonic() - begin) * 1000, 3)


def fleets():
    """{count: {"ms"}}, by the commands of the example's README."""
    certificate, made, command = documents.blocks(
        (FLEET / "README.md").read_text())[0].splitlines()
    found = {}
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(FLEET / "tables", folder)
        place.run("sh", "-euc", certificate, cwd=folder)
        fleet(folder, 1, made, command)
        each = 0  # ms for a machine
        for count, rounds in FLEETS.items():
            if each * count > LIMIT_MS:
                count = LESS
            ms = [fleet(folder, count, made, command) for _ in range(rounds)]
            each = stats.spread(ms).median / count
            found[count] = {"ms": ms}
    return found


@contextlib.contextmanager
def started():
    """(guest, key); beside its volume there are others' disks."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        volume = catalogue.enroll(catalogue.luks_format(
            catalogue.keys(folder / "volume"), "--uuid", unlock.UUID))
        others = [folder / f"other{number}.scsi.img"
                  for number in range(max(DISKS))]
        for path in others:
            catalogue.blank(path)
        with guest.started("bench-growth", [volume.path, *others]) as machine:
            machine.check(
                volumes.PREPARE.format(key=hostile.octal(volume.secret))
                + f"echo '{catalogue.NAME} UUID={unlock.UUID}' >cocotab.all", 300)
            yield machine, volume.secret


def plugged(machine, key, count):
    """ms to open the volume beside so many disks, all there at most."""
    machine.launch({known.DISK: key})
    said = machine.check(unlock.SETTINGS + UNPLUG.format(count=count)
                         + volumes.RUN.format(count=1), 400)
    status, ns, _ = map(int, said.splitlines()[-1].split())
    assert status == 0
    return round(ns / 1e6, 3)


def disks():
    """{count: {"ms"}}; in each round all are there first, and go then."""
    found = {count: {"ms": []} for count in DISKS}
    with started() as (machine, key):
        plugged(machine, key, max(DISKS))  # warms it
        for _ in range(boot.ROUNDS):
            machine.check(PLUG.format(count=max(DISKS)), 400)
            for count in DISKS:
                found[count]["ms"] += [plugged(machine, key, count)
                                       for _ in range(RUNS)]
    return found


def measure():
    """What the JSON gets."""
    guest.programs()
    place.make("unlock")
    return headers() | {"fleets": fleets(), "disks": disks()}
