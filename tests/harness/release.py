# SPDX-License-Identifier: GPL-2.0-or-later
"""make release-check: all that a release needs, at one commit. What has passed
there is not run again, so it goes on where it was stopped; a page tells of it."""

import json
import pathlib
import re
import subprocess
import sys
import time

from . import place

STEPS = {
    "check": "every test that fits into half an hour",
    "check-slow": "those that do not",
    "check-matrix": "each Debian with each initramfs on either firmware",
    "check-packages": "packages installed, upgraded, purged",
    "check-kernels": "the module on the kernels of three releases",
    "check-kernel": "the module under KASAN, with lockdep",
    "prove": "proofs of the parsers",
    "bench": "ours beside the others",
    "fuzz": "every fuzzer, ten minutes each",
}
PAGE = "doc/release.md"
COUNTED = re.compile(r"\d+ (passed|proved)\b|no finding")
PACKAGES = ("qemu-system-x86", "ovmf", "libcryptsetup12", "gcc", "clang")
HEAD = """\
# What was run for this release

`make release-check` wrote this page. It runs each of these at one commit and goes on
where it was stopped; a step that failed or has no result is not a release's.

"""


class Release:
    """The steps' results at the commit that is checked out."""

    def __init__(self, top=place.TOP):
        self.top = pathlib.Path(top)
        changed = [line for line in self._git(
            "status", "--porcelain", "--untracked-files=all").splitlines()
                   if line[3:] != PAGE]
        if changed:
            raise RuntimeError("this is not the source of a commit: "
                               + ", ".join(line[3:] for line in changed)
                               + "; commit it, or put it aside by git stash")
        self.commit = self._git("rev-parse", "HEAD").strip()
        self.folder = self.top / "build/release" / self.commit
        self.folder.mkdir(parents=True, exist_ok=True)

    def _git(self, *words):
        return subprocess.run(["git", *words], cwd=self.top, check=True,
                              capture_output=True, text=True).stdout

    def result(self, step):
        """What is known of a step, or nothing."""
        path = self.folder / f"{step}.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def run(self, step):
        """Runs one; its result is there once it has ended, and no sooner."""
        begin, log = time.time(), self.folder / f"{step}.log"
        (self.folder / f"{step}.json").unlink(missing_ok=True)
        with open(log, "wb") as file:
            status = subprocess.run(
                ["make", "--no-print-directory", step], cwd=self.top, check=False,
                stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, env=place.environment()).returncode
        said = [line for line in log.read_text(errors="replace").splitlines()
                if COUNTED.search(line)]
        (self.folder / f"{step}.json").write_text(json.dumps({
            "status": status, "seconds": round(time.time() - begin),
            "date": time.strftime("%Y-%m-%d", time.gmtime(begin)),
            "said": said[-1].strip("= ") if said else ""}))

    def missing(self):
        """Those that have not passed."""
        return [step for step in STEPS
                if self.result(step).get("status") != 0]

    def page(self):
        """The text of the page."""
        rows = [f"| `make {step}`, {what} | {outcome(found)} | "
                f"{found.get('said', '')} | {minutes(found)} | "
                f"{found.get('date', '')} |"
                for step, what in STEPS.items()
                for found in [self.result(step)]]
        return (HEAD + f"Version {place.version(self.top)}, commit {self.commit[:12]}, on "
                + ", ".join(machine()) + ".\n\n"
                + "| step | | it said | minutes | begun |\n|---|---|---|---|---|\n"
                + "\n".join(rows) + "\n")


def outcome(found):
    """In a word."""
    if not found:
        return "not run"
    return "passed" if found["status"] == 0 else "**failed**"


def minutes(found):
    """That it took."""
    return f"{found['seconds'] / 60:.0f}" if found else ""


def machine():
    """What it ran on and with."""
    release = pathlib.Path("/etc/os-release").read_text()
    yield re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.M)[1]
    yield from subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *PACKAGES],
        check=False, capture_output=True, text=True).stdout.splitlines()


def main(top=place.TOP):
    """Whether all have passed."""
    release = Release(top)
    for step in release.missing():
        print(f"release-check: {step}", flush=True)
        release.run(step)
        print(f"release-check: {step}: {outcome(release.result(step))}; log: "
              f"{release.folder / step}.log", flush=True)
        (release.top / PAGE).write_text(release.page())
    missing = release.missing()
    print(f"{len(STEPS) - len(missing)} passed, {len(missing)} failed; see {PAGE}")
    return len(missing)


if __name__ == "__main__":
    try:
        sys.exit(min(main(), 1))
    except RuntimeError as problem:
        sys.exit(f"release-check: {problem}")
