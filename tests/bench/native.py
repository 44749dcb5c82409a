# SPDX-License-Identifier: GPL-2.0-or-later
"""On this machine, without device-mapper: the volume key from its key slot.
Ours also checks the policy and the seal. No VM, so these are real times."""

import json
import pathlib
import secrets
import subprocess

from harness import image, place

from . import guest, unlock

ROUNDS = 51
SIZE = 32  # MiB
OURS, PEER = "cocosecret, key and seal", "cryptsetup --test-passphrase"
CONTENDERS = {
    "/bin/true": "/bin/true",
    "libcryptsetup, passphrase": "{build}/bench/library passphrase - {volume} "
                                 "{key} {slot}",
    PEER:
        "cryptsetup open --test-passphrase --key-file {key} "
        "--key-slot {slot} {volume}",
    OURS: "{build}/bench/recover {volume} {key}",
}


def enrolled(folder):
    """(volume, key, its key slot)"""
    owner, key = folder / "owner", folder / "key"
    for file in (owner, key):
        file.write_bytes(secrets.token_bytes(32))
    volume = image.volume(folder / "volume", unlock.UUID, owner, SIZE)
    place.make("unlock")
    place.run(place.BUILD / "cocosecret", "enroll", volume, "--new-key-file",
              key, "--key-file", owner)
    metadata = json.loads(place.run("cryptsetup", "luksDump",
                                    "--dump-json-metadata", volume))
    (token,) = metadata["tokens"].values()
    return volume, key, token["keyslots"][0]


def once(command, report):
    """(ms, KiB)"""
    with open(report, "w+b") as file:
        subprocess.run(
            ["sh", "-c", f"{place.BUILD}/bench/stopwatch {command} "
                         f"3>&{file.fileno()}"], check=True, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            pass_fds=[file.fileno()])
        file.seek(0)
        _, ns, kib = map(int, file.read().split())
    return ns / 1e6, kib


def rounds(commands, count, report):
    """{name: {"ms": […], "kib": […]}} of {name: command}."""
    found = {name: {"ms": [], "kib": []} for name in commands}
    for number in range(-1, count):
        for name in unlock.rotated(list(commands), number):
            ms, kib = once(commands[name], report)
            if number >= 0:  # the first one fills caches
                found[name]["ms"].append(round(ms, 3))
                found[name]["kib"].append(kib)
    return found


def measure():
    """What the JSON gets."""
    guest.programs()
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        volume, key, slot = enrolled(folder)
        commands = {name: command.format(build=place.BUILD, volume=volume,
                                         key=key, slot=slot)
                    for name, command in CONTENDERS.items()}
        return {"warm": rounds(commands, ROUNDS, folder / "report")}
