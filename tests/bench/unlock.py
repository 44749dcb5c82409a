# SPDX-License-Identifier: GPL-2.0-or-later
"""Opening one volume: whole programs, from fork to exit, in one guest.

The volume is as `cocosecret enroll` leaves it. Nobody has to look for the key
slot, and all open the same one, but clevis, which has its own. Of clevis with
a TPM there is a volume of its own, since it would try the other slot first.
"""

import contextlib
import json
import pathlib
import secrets

from harness import hostile, image, known, place, rootvm, steps

from . import guest

ROUNDS, COLD_ROUNDS = 11, 3
SIZE = 64  # MiB
VOLUME, TPM_VOLUME = ("/dev/disk/by-id/virtio-disk1",
                      "/dev/disk/by-id/virtio-disk2")
UUID = "3f1d9b2e-6c4a-4b7d-8e15-0a2c4e6f8b90"
TPM_UUID = "3f1d9b2e-6c4a-4b7d-8e15-0a2c4e6f8b91"
NAME = "bench"
FLOOR, OURS = "three device-mapper ioctls", "cocosecret-unlock"

# {name: command}; each maps its volume under NAME.
CONTENDERS = {
    "/bin/true": "/bin/true",
    FLOOR: "floor {name} {volume} volume-key {offset}",
    "libcryptsetup, volume key":
        "library volume-key {name} {volume} volume-key {slot}",
    "libcryptsetup, passphrase":
        "library passphrase {name} {volume} key {slot}",
    "cryptsetup open --key-file":
        "cryptsetup open --key-file key --key-slot {slot} {volume} {name}",
    "systemd-cryptsetup attach":
        "/lib/systemd/systemd-cryptsetup attach {name} {volume} "
        "/run/bench/key headless=1,tries=1,key-slot={slot}",
    "clevis luks unlock, tang": "clevis luks unlock -d {volume} -n {name}",
    "clevis luks unlock, TPM2": "clevis luks unlock -d {tpm} -n {name}",
    OURS: "cocosecret-unlock --cmdline cmdline --cocotab cocotab",
}
PEERS = [name for name in CONTENDERS if name != OURS]
# Whom cold rounds are about.
COLD = [FLOOR, "cryptsetup open --key-file", "systemd-cryptsetup attach",
        OURS]

SETTINGS = """
set -e
cd /run/bench
PATH=$PATH:/usr/libexec/cocosecret-tests
export TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=2321
"""
# The owner's key opens what is enrolled, clevis too.
PREPARE = """
mkdir -m 700 /run/bench /run/bench/tpm
""" + SETTINGS + """
printf '{owner}' >owner
printf '{key}' >key
echo 'rd.cocosecret.timeout=30' >cmdline
echo '{name} UUID={uuid}' >cocotab
systemctl start tangd.socket
swtpm socket --tpm2 --tpmstate dir=/run/bench/tpm --daemon \\
	--server type=tcp,port=2321 --ctrl type=tcp,port=2322 \\
	--flags not-need-init,startup-clear
clevis luks bind -y -k owner -d {volume} tang '{{"url":"http://127.0.0.1"}}'
clevis luks bind -y -k owner -d {tpm} tpm2 '{{}}'
cocosecret enroll {volume} --name {name} --new-key-file key --key-file owner
cryptsetup luksDump --dump-volume-key --volume-key-file volume-key \\
	--batch-mode --key-file owner {volume} >&2
udevadm settle
exec 2>/dev/null
echo @@
cryptsetup luksDump --dump-json-metadata {volume}
"""
# What is here for the first time: the module shows the secrets, as it does
# when the boot comes to the unlocker.
LOAD = "modprobe efi_secret\n"
FORGET = """
for again in 1 2 3; do
	for module in efi_secret dm_crypt algif_skcipher algif_hash af_alg xts \\
		essiv authenc encrypted_keys trusted aesni_intel \\
		ghash_clmulni_intel crypto_simd cryptd sha256_ssse3 \\
		sha512_ssse3 sha1_ssse3; do
		rmmod $module 2>/dev/null || true
	done
done
echo 3 >/proc/sys/vm/drop_caches
"""
MEASURE = """
rm -rf /run/cocosecret
stopwatch {command} 3>report >said 2>&1 || {{ cat said report; exit 1; }}
echo "{number} $(cat report)"
udevadm settle
"""
# What it says of itself, on a line.
STEPS = """
echo "steps [$(cat {state}/run.json),$(cat {state}/volumes/{name}.json)]" |
	tr '\\n' ' '
echo
"""
CLOSE = "dmsetup remove --retry {name}; udevadm settle\n"
WIPED = """
! ls {secrets}/* 2>/dev/null
rmmod efi_secret
"""


class Bench:
    """A guest with the volume, and its keys."""

    def __init__(self, machine, folder):
        self.guest, self.folder = machine, folder
        self.key = (folder / "key").read_bytes()
        self.words = {"name": NAME, "volume": VOLUME, "tpm": TPM_VOLUME,
                      "uuid": UUID, "secrets": rootvm.SECRETS,
                      "state": rootvm.STATE}
        self.steps = []

    def prepare(self):
        """Makes the volumes what they are."""
        owner = (self.folder / "owner").read_bytes()
        said = self.guest.check(PREPARE.format(
            owner=hostile.octal(owner), key=hostile.octal(self.key),
            **self.words), 600)
        self.metadata = json.loads(said.split("@@")[1])
        (token,) = [token for token in self.metadata["tokens"].values()
                    if token["type"] == "cocosecret"]
        offset = int(self.metadata["segments"]["0"]["offset"]) // 512
        self.words |= {"slot": token["keyslots"][0], "offset": offset}

    def script(self, name, cold):
        """What measures one of them, once."""
        command = CONTENDERS[name].format(**self.words)
        ours = name == OURS
        yield FORGET if cold else LOAD if ours else ""
        yield MEASURE.format(number=list(CONTENDERS).index(name),
                             command=command)
        yield STEPS.format(**self.words) if ours else ""
        yield CLOSE.format(**self.words) if "bin/true" not in command else ""
        yield WIPED.format(**self.words) if ours else ""

    def round(self, names, cold=False):
        """{name: (ms, KiB)}, in that order."""
        self.guest.launch({known.DISK: self.key})
        script = "".join(part for name in names
                         for part in self.script(name, cold))
        found = {}
        for line in self.guest.check(SETTINGS + script, 400).splitlines():
            if line.startswith("steps "):
                self.steps.append(json.loads(line.removeprefix("steps ")))
                continue
            number, status, ns, kib = map(int, line.split())
            assert status == 0
            found[list(CONTENDERS)[number]] = ns / 1e6, kib
        return found


def rotated(names, number):
    """Each is first, and last, in some round."""
    number %= len(names)
    return names[number:] + names[:number]


def rounds(bench, names, count, cold=False):
    """{name: {"ms": […], "kib": […]}}"""
    found = {name: {"ms": [], "kib": []} for name in names}
    for number in range(count):
        for name, (ms, kib) in bench.round(rotated(names, number),
                                           cold).items():
            found[name]["ms"].append(round(ms, 3))
            found[name]["kib"].append(kib)
    return found


def breakdown(records, total):
    """{step: [ms]} of runs that took so many ms in total."""
    found = {}
    for (run, volume), ms in zip(records, total, strict=True):
        inner = steps.of(run, volume)
        inside = steps.whole(run)
        for step, took in {"program started and ended": ms - inside, **inner,
                           "all else": inside - sum(inner.values())}.items():
            found.setdefault(step, []).append(round(took, 3))
    return found


@contextlib.contextmanager
def started():
    """A Bench."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        for name in ("owner", "key"):
            (folder / name).write_bytes(secrets.token_bytes(32))
        volumes = [image.volume(folder / f"{uuid}.img", uuid, folder / "owner",
                                SIZE) for uuid in (UUID, TPM_UUID)]
        with guest.started("bench-unlock", volumes) as machine:
            bench = Bench(machine, folder)
            bench.prepare()
            yield bench


def measure():
    """What the JSON gets."""
    names = list(CONTENDERS)
    with started() as bench:
        cold = rounds(bench, COLD, COLD_ROUNDS, True)
        bench.round(names)
        bench.steps.clear()
        warm = rounds(bench, names, ROUNDS)
        versions = bench.guest.check(
            "uname -r; dpkg-query -Wf '${Package} ${Version}\\n' systemd "
            "cryptsetup-bin clevis")
    return {"warm": warm, "cold": cold, "versions": versions.splitlines(),
            "steps": breakdown(bench.steps, warm[OURS]["ms"])}
