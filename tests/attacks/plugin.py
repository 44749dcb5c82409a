# SPDX-License-Identifier: GPL-2.0-or-later
"""This system's cryptsetup with our token plugin, the file as it is built,
and a secret where an agent would put it: in mounts that end with the command.
"""

import subprocess
import time
import typing

from harness import known

from . import catalogue

PLUGIN = catalogue.TOP / "build/libcryptsetup-token-cocosecret.so"
SCRIPT = """
plugin=$1 secret=$2 name=$3 cmdline=$4
shift 4
tokens=$(pkg-config --variable=libdir libcryptsetup)/cryptsetup
mkdir -p "$tokens"
mount -t tmpfs tmpfs "$tokens"
cp "$plugin" "$tokens"
mount -t tmpfs tmpfs /run
mkdir -p -m 700 /run/cocosecret/secrets
mount -t ramfs -o mode=700 ramfs /run/cocosecret/secrets
[ -z "$secret" ] || cp "$secret" "/run/cocosecret/secrets/$name"
[ -z "$cmdline" ] || {
	echo "$cmdline" >/run/cmdline
	mount --bind /run/cmdline /proc/cmdline
}
exec "$@"
"""
# The line that shows that nothing was asked of the plugin but to validate.
UNREACHED = {
    "token stripped": "No usable token (type cocosecret) is available.",
    "segment linear": "No usable token (type cocosecret) is available.",
    "reencryption claimed": "is not a valid LUKS device.",
    "reencryption begun": "a token of this type is not for exactly one key",
    "LUKS1": "Command failed",
}


class Done(typing.NamedTuple):
    """A command that ended."""

    status: int
    seconds: float
    output: str


def run(*command, secret=None, cmdline=""):
    """With the file secret as the disk key, or with none; as on a machine that
    was booted with such a command line."""
    begin = time.monotonic()
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", SCRIPT, "sh", PLUGIN,
         secret or "", known.DISK, cmdline, *command], timeout=60, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    return Done(done.returncode, time.monotonic() - begin, done.stdout)


def test_passphrase(path, secret, *options, cmdline=""):
    """Opens by a token, as far as it goes without device-mapper."""
    return run("cryptsetup", "open", "--test-passphrase", "-v", *options, path,
               secret=secret, cmdline=cmdline)
