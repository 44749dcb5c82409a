# SPDX-License-Identifier: GPL-2.0-or-later
"""One run that opens many volumes with one secret; cryptsetup beside it, one
volume after the other."""

import contextlib
import pathlib
import secrets

from harness import disks, hostile, image, known, place

from . import guest, unlock

# {volumes: rounds}
COUNTS = {1: 7, 4: 5, 16: 5, 64: 3}
SIZE = 18  # MiB

PREPARE = """
mkdir -m 700 /run/bench
""" + unlock.SETTINGS + """
printf '{key}' >key
echo 'rd.cocosecret.timeout=60' >cmdline
udevadm settle
"""
RUN = """
head -n {count} cocotab.all >cocotab
modprobe efi_secret
rm -rf /run/cocosecret
stopwatch cocosecret-unlock --cmdline cmdline --cocotab cocotab 3>report \\
	>said 2>&1 || {{ cat said report; dmesg | tail; exit 1; }}
udevadm settle
[ "$(dmsetup ls --target crypt | wc -l)" = {count} ]
dmsetup remove_all
udevadm settle
rmmod efi_secret
cat report
"""
PEER = """
cat >all <<'END'
while read -r name device rest; do
	cryptsetup open --key-file key --key-slot 1 \\
		/dev/disk/by-uuid/${{device#UUID=}} $name
done <cocotab
END
stopwatch sh -e all 3>report
udevadm settle
dmsetup remove_all
udevadm settle
cat report
"""


def make(folder, number, owner, key):
    """(disk, line of the cocotab)"""
    name, uuid = f"v{number}", disks.any_uuid()
    path = image.volume(folder / f"{name}.scsi.img", uuid, owner, SIZE)
    place.run(place.BUILD / "cocosecret", "enroll", path, "--name", name,
              "--new-key-file", key, "--key-file", owner)
    return path, f"{name} UUID={uuid}\n"


@contextlib.contextmanager
def started():
    """(guest, key)"""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        owner, key = folder / "owner", folder / "key"
        for file in (owner, key):
            file.write_bytes(secrets.token_bytes(32))
        place.make("unlock")
        paths, lines = zip(*[make(folder, number, owner, key)
                             for number in range(max(COUNTS))])
        with guest.started("bench-volumes", paths) as machine:
            machine.check(PREPARE.format(key=hostile.octal(key.read_bytes()))
                          + f"echo '{''.join(lines)}' >cocotab.all", 300)
            yield machine, key.read_bytes()


def one(machine, key, count):
    """((ms, KiB) of ours, and of cryptsetup)"""
    machine.launch({known.DISK: key})
    said = machine.check(unlock.SETTINGS + RUN.format(count=count)
                         + PEER.format(), 900)
    found = []
    for line in said.splitlines()[-2:]:
        status, ns, kib = map(int, line.split())
        assert status == 0
        found.append((round(ns / 1e6, 3), kib))
    return found


def measure():
    """What the JSON gets."""
    found = {}
    with started() as (machine, key):
        one(machine, key, 1)  # warms it
        for count, rounds in COUNTS.items():
            ours, theirs = zip(*[one(machine, key, count)
                                 for _ in range(rounds)])
            found[count] = {name: {"ms": [ms for ms, _ in each],
                                   "kib": [kib for _, kib in each]}
                            for name, each in (("ours", ours),
                                               ("cryptsetup", theirs))}
    return {"counts": found}
