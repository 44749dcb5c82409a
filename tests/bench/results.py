# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured: build/bench/bench.json, a part at a time."""

import json
import os
import subprocess
import time

from harness import accel, place

FOLDER = place.BUILD / "bench"
FILE = FOLDER / "bench.json"


def commit():
    """What was measured, with a mark where it was changed since."""
    done = subprocess.run(["git", "-C", place.TOP, "describe", "--always",
                           "--dirty"], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() or "no commit"


def machine():
    """Where."""
    return {"day": time.strftime("%Y-%m-%d"), "commit": commit(),
            "accelerator": accel.choose()["name"], "cpus": os.cpu_count()}


def load():
    """{part: what it found}"""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def keep(part, **found):
    """Notes what a part found, at once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    everything = load() | {part: {"machine": machine()} | found}
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(everything, indent=1) + "\n")
    new.rename(FILE)
