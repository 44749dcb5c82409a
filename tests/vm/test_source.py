# SPDX-License-Identifier: GPL-2.0-or-later
"""A root unlocked with a secret that an agent brings; see tests/test_source.py
for when it does not.
"""

import os

import pytest

from attacks import catalogue
from harness import expect, image, known, place, rootvm, table

pytestmark = pytest.mark.slow

UNITS = "etc/systemd/system/"
# It plays the key broker, too: nothing else here knows a secret that is not
# a file of the initramfs.
GET_SECRET = f"""#!/bin/sh
modprobe efi_secret
cat {rootvm.SECRETS}/{known.OTHER}
rm {rootvm.SECRETS}/{known.OTHER}
""".encode()


def agent_files():
    """The manual's agent, with a client that plays the broker, too."""
    return {UNITS + "agent.service":
            (place.TOP / "examples/agent/agent.service").read_bytes(),
            UNITS + "cocosecret-unlock.service.wants/agent.service":
            "../agent.service",
            "usr/bin/get-secret": GET_SECRET}


def test_agent():
    """The manual's agent is done before the unlocker, once; then its folder
    is empty. What its cat leaves in memory is not looked for."""
    disk = image.sealed()
    launch = table.build({known.DISK: os.urandom(32), known.OTHER: disk.key})
    with rootvm.guest("amdsev", disk=disk, launch_table=launch,
                      files=agent_files(), volumes=rootvm.volume(options=""),
                      cmdline="rd.cocosecret.source=run "
                              "rd.cocosecret.owner=none") as guest:
        guest.wait_ready()
        expect.unlocked(guest)
        run = rootvm.STATE + "/secrets"
        assert guest.check(f"stat -f -c %T {run}; ls -A {run}") == "ramfs"
        # The launch secret of the same name was not taken, and not touched.
        assert guest.check(f"ls {rootvm.SECRETS}") == known.DISK
        log = guest.check("dmesg | grep 'cocosecret: '")
        assert f"secret {known.DISK} unlinked" in log
        print(log)
        units = guest.check("journalctl -b -o cat -t systemd")
        print("\n".join(line for line in units.splitlines()
                        if "agent.service" in line))
        assert "agent.service: Failed" not in units


@pytest.mark.parametrize("known_owner, says, status", [
    (True, "no owner has signed it", 5),
    (False, "no owner's public key", 2)], ids=["owner", "no owner"])
def test_forged_broker(known_owner, says, status, tmp_path):
    """Who impersonates the broker brings a secret, and the host a disk that is
    sealed with it: the owner's public key is what it lacks."""
    owner = catalogue.keygen_owner(tmp_path / "owner")
    disk = image.sealed()
    launch = table.build({known.DISK: os.urandom(32), known.OTHER: disk.key})
    files = agent_files()
    if known_owner:
        files["etc/cocosecret/owner.d/owner.pem"] = \
            catalogue.public(owner).read_bytes()
    with rootvm.guest("amdsev", disk=disk, launch_table=launch, files=files,
                      volumes=rootvm.volume(options=""),
                      cmdline="rd.cocosecret.source=run") as guest:
        assert guest.wait_off() == "guest-shutdown"
        console = guest.log_path("console").read_text(errors="replace")
        (line,) = [line for line in console.splitlines()
                   if "cocosecret: " in line and "(exit" in line]
        print(line)
        assert says in line and f"(exit {status})" in line
        assert guest.disk_writes() == {"disk0": 0}
