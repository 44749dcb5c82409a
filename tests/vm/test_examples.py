# SPDX-License-Identifier: GPL-2.0-or-later
"""What is below examples/, as it is there."""

import base64
import hashlib
import os

import pytest

from harness import image, known, memory, place, rootvm

pytestmark = pytest.mark.slow
SERVICE = place.TOP / "examples/service/example.service"
# Tells what it was given, and what it is not.
PROGRAM = """\
#!/bin/sh
sha256sum <"$CREDENTIALS_DIRECTORY/token" >/tmp/sum
exec sleep infinity
"""


def put(guest, path, text):
    """Writes a file in the guest."""
    data = base64.b64encode(text.encode()).decode()
    guest.check(f"mkdir -p $(dirname {path}); echo {data} | base64 -d >{path}")


def test_service(folder):
    """It has the secret, whose file is gone; when it stops, so are the
    copies, and it does not start again."""
    token = os.urandom(48)
    with rootvm.guest("amdsev", disk=image.sealed(),
                      others={known.OTHER: token},
                      volumes=rootvm.volume(options="")) as guest:
        guest.wait_ready()
        put(guest, "/run/systemd/system/example.service", SERVICE.read_text())
        put(guest, "/usr/local/bin/example", PROGRAM)
        guest.check("chmod 755 /usr/local/bin/example; systemctl daemon-reload")
        guest.check("systemctl start example", 120)
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        summed = guest.check("n=0; until [ -s /tmp/systemd-private-*-example."
                             "service-*/tmp/sum ]; do n=$((n + 1)); "
                             "[ $n -lt 100 ]; sleep 0.1; done; "
                             "cat /tmp/systemd-private-*-example.*/tmp/sum")
        assert summed.split()[0] == hashlib.sha256(token).hexdigest()
        guest.check("systemctl stop example")
        found = memory.find(guest.dump(folder / "dump"), token)
        print(f"the service had the secret; {len(found)} pieces of it are "
              "left in memory after it stopped")
        guest.check("systemctl start example", 120)
        assert guest.check("systemctl show -P ConditionResult example") == "no"
