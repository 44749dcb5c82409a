# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, and artefacts that are built once and shared."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
VM = BUILD / "vm"
CACHE = VM / "cache"
LOGS = VM / "logs"
GUEST = TOP / "tests/harness/guest"


def run(*command, limit=600, **options):
    """Runs a command that must succeed; its output is shown where not."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=limit, check=False, **options)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n"
                           + output[-4000:])
    return output


def version(top=TOP):
    """Of the source, from where the Makefile has it."""
    return re.match(r"\S+ \((\S+)\)", (top / "debian/changelog").read_text())[1]


def make(*arguments):
    """Runs the top Makefile, one run at a time."""
    with locked("make"):
        return run("make", "-s", "--no-print-directory", *arguments, cwd=TOP,
                   env=environment())


def environment():
    """Without what an outer make would hand down."""
    return {name: value for name, value in os.environ.items()
            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


def runs(pid):
    """Whether there is such a process; a chroot may have no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def scratch():
    """A temporary folder below build/; those of killed runs are removed."""
    VM.mkdir(parents=True, exist_ok=True)
    for old in VM.glob("run-*-*"):
        if not runs(int(old.name.split("-")[1])):
            shutil.rmtree(old, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=VM)


@contextlib.contextmanager
def locked(name):
    """Holds a lock that other test workers respect."""
    VM.mkdir(parents=True, exist_ok=True)
    with open(VM / f"{name}.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest(*parts):
    """A short hash of strings, bytes, and the contents of files and folders."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            part = tree_digest(part)
        if isinstance(part, str):
            part = part.encode()
        state.update(len(part).to_bytes(8, "little") + part)
    return state.hexdigest()[:16]


def tree_digest(path):
    """A hash of a file, or of a folder with names, modes and contents."""
    state = hashlib.sha256()
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in paths:
        status = file.lstat()
        state.update(f"{file.relative_to(path)} {status.st_mode:o}\n".encode())
        if file.is_symlink():
            state.update(os.readlink(file).encode())
        elif file.is_file():
            state.update(file.read_bytes())
    return state.digest()


def sha256(path):
    """Of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def remove(path):
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def artefact(name, key, build):
    """The path of an artefact, made by build(path) unless it is there.

    What it depends on is hashed in its key; one with another key replaces it.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{name}-{key}"
    with locked(name):
        if not path.exists():
            for old in CACHE.glob(f"{name}-" + "[0-9a-f]" * 16 + "*"):
                remove(old)
            new = CACHE / f"{name}-{key}.new"
            remove(new)  # of an interrupted run
            build(new)
            new.rename(path)
    return path
