# SPDX-License-Identifier: GPL-2.0-or-later
"""efi_secret.ko: to load it and publish the secrets, beside a module that
does nothing; with tables up to what the firmware's area holds."""

import secrets
import uuid

from harness import packages, place, rootvm, table

from . import guest, unlock

# Each table has its turn in each pass, since a guest becomes faster as it runs.
PASSES, ROUNDS = 5, 7
COUNTS = (1, 4, 16, 32, 60)
SIZE = 30  # bytes of a secret, so that 60 fill the area

# Kept when unloaded, so that all rounds find the same table.
SCRIPT = """
set -e
PATH=$PATH:/usr/libexec/cocosecret-tests
module=$(modinfo -n efi_secret)
cat $module empty.ko >/dev/null
empty()
{{
	empty=$(loadtime empty.ko)
	rmmod empty
}}
ours()
{{
	ours=$(loadtime $module keep_on_unload=1)
	count=$(ls {secrets} | wc -l)
	[ $count = {count} ] || {{ echo $count secrets; exit 1; }}
	size=$(cat /sys/module/efi_secret/coresize)
	rmmod efi_secret
}}
for round in $(seq {rounds}); do
	if [ $((round % 2)) = 0 ]; then
		empty
		ours
	else
		ours
		empty
	fi
	echo $empty $ours
done
echo $size
"""


def any_secrets(count):
    """{guid: bytes}"""
    return {str(uuid.uuid4()): secrets.token_bytes(SIZE)
            for _ in range(count)}


def code_size(version):
    """(text, data, bss) of the module, in bytes."""
    path = place.BUILD / "module" / version / "efi_secret.ko"
    words = place.run("size", path).splitlines()[1].split()
    return [int(word) for word in words[:3]]


def one(machine, count, found):
    """Adds to what the JSON gets of a table."""
    new = any_secrets(count)
    machine.launch(new)
    lines = machine.check("cd /usr/libexec/cocosecret-tests" + SCRIPT.format(
        rounds=ROUNDS, secrets=rootvm.SECRETS, count=count), 300).splitlines()
    *pairs, core = lines
    for name, ns in zip(("empty_ns", "ours_ns"),
                        zip(*[map(int, pair.split()) for pair in pairs])):
        found.setdefault(name, []).extend(ns)
    found |= {"table": len(table.build(new)), "loaded": int(core)}


def measure():
    """What the JSON gets."""
    tables = {count: {} for count in COUNTS}
    with guest.started("bench-module") as machine:
        one(machine, 1, {})  # warms it
        for number in range(PASSES):
            for count in unlock.rotated(COUNTS, number):
                one(machine, count, tables[count])
    return {"tables": tables, "size": code_size(packages.Kernel().version)}
