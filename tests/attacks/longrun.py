# SPDX-License-Identifier: GPL-2.0-or-later
"""make long-run: boots of one image of cocosecret-init in a row, each with a scene
of the attack table that is drawn by lot, good ones among them. Each must end as the
table says, with no secret in memory. A run goes on where it was stopped."""

import json
import pathlib
import random
import sys
import tempfile
import time

from harness import marked, place

from . import booted, scenes

PAGE = place.TOP / "doc/long-runs.md"
BEGIN, END = "<!-- make long-run -->\n", "<!-- end of long-run -->\n"


class Run:
    """What came of a run's boots so far, a line each in a file."""

    def __init__(self, folder, seed):
        self.path = pathlib.Path(folder) / f"{seed}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.seed = seed

    def boots(self):
        """All of them."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def names(self, count):
        """Which scene each has; the same for the same seed."""
        lot = random.Random(self.seed)
        return [lot.choice(sorted(scenes.SCENES)) for _ in range(count)]

    def go_on(self, count, show):
        """Boots, until there are so many; show(NAME) says what was wrong."""
        for name in self.names(count)[len(self.boots()):]:
            begin = time.monotonic()
            wrong = show(name)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps({
                    "scene": name, "wrong": wrong,
                    "seconds": round(time.monotonic() - begin, 1)}) + "\n")
            print(f"{name}: {wrong or 'as it must'}", flush=True)

    def summary(self):
        """Lines for the page."""
        boots = self.boots()
        seconds = sorted(boot["seconds"] for boot in boots)
        wrong = [boot for boot in boots if boot["wrong"]]
        scenes_shown = {boot["scene"] for boot in boots}
        yield (f"Seed {self.seed}: {len(boots)} boots, "
               f"{len(scenes_shown)} different scenes, {len(wrong)} with another end than the table "
               f"says; {seconds[len(seconds) // 2]:.0f} s a boot, its making and "
               f"memory dump with it, {seconds[-1]:.0f} s at most.")
        yield from (f"- {boot['scene']}: {boot['wrong']}" for boot in wrong)


def show(name):
    """What was wrong with one boot, in words."""
    with tempfile.TemporaryDirectory() as folder:
        maker = booted.Maker(pathlib.Path(folder))
        row = booted.show(name, maker, pathlib.Path(folder) / "scene")
        return str(row) if row.wrong else ""


def main(count, seed):
    """How many went wrong."""
    run = Run(place.BUILD / "long-run", seed)
    run.go_on(count, show)
    lines = list(run.summary())
    print("\n".join(lines))
    marked.put(PAGE, BEGIN, END, "\n".join(lines) + "\n")
    return sum(bool(boot["wrong"]) for boot in run.boots())


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]), sys.argv[2]), 1))
