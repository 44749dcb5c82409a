# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-unlock of this tree, without a guest: up to the devices, which
are not there, in mounts that end with the program."""

import subprocess
import time

from . import place

RUN = "/run/cocosecret/secrets"
# No kernel log, so that messages come to standard error; no securityfs and no
# module, so that nothing of this machine's is wiped.
SCRIPT = """
unlock=$1
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /sys/kernel
mkfifo /run/none
mount --bind /run/none /dev/kmsg
mkdir -m 700 /run/cocosecret
ramfs() { mkdir -m 700 $run && mount -t ramfs -o mode=700 ramfs $run; }
put() {
	head -c 5000 /dev/zero | tr '\\0' k >$run/.new && mv $run/.new $run/$1
}
unlock() { "$unlock" --cmdline /run/cmdline --cocotab /run/cocotab; }
echo "rd.cocosecret.source=run rd.cocosecret.owner=none rd.cocosecret.timeout=1" >/run/cmdline
echo "root /dev/disk/by-id/none" >/run/cocotab
"""


def run(script):
    """(exit status, seconds, output) of a script with what is above."""
    begin = time.monotonic()
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-uc", f"run={RUN}{SCRIPT}{script}",
         "sh", place.BUILD / "cocosecret-unlock"], timeout=60,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, check=False)
    print(done.stdout.strip())
    return done.returncode, time.monotonic() - begin, done.stdout
