# SPDX-License-Identifier: GPL-2.0-or-later
"""What cocosecret audit finds in the roots of Debian's cloud images: the words
of doc/audit-of-a-cloud-image.md."""

import json
import re
import subprocess

from . import cloudroot, place

DOCUMENT = place.TOP / "doc/audit-of-a-cloud-image.md"
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
HEAD = """\
# What cocosecret audit finds in a cloud image

`make audit-cloud` wrote this. It makes a root like that of Debian's genericcloud image
with debootstrap, from the packages that such an image has and what its installer
writes (`tests/harness/cloudroot.py`), and has `cocosecret audit` read it as it is:
nothing in it is ours, and nothing is closed. `cocosecret-audit(1)` explains each door.
[examples/debootstrap](../examples/debootstrap/README.md) shows a root that closes
them.
"""


def said(*options, folder):
    """Its output."""
    done = subprocess.run([place.BUILD / "cocosecret", "audit", *options,
                           folder], text=True, capture_output=True,
                          check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return done.stdout


def doors(folder):
    """The names of those that are open."""
    return [door["door"] for door in
            json.loads(said("--json", folder=folder))["doors"]]


def plain(text):
    """Without what another kernel of the same release changes."""
    return re.sub(r"(/lib/modules)/[^/]+/", r"\1/VERSION/", text)


def document():
    """All of it."""
    parts = [HEAD]
    for suite, name in RELEASES.items():
        root = cloudroot.root(suite)
        parts.append(f"\n## {name}: {len(doors(root))} doors\n\n    "
                     + plain(said(folder=root)).strip().replace(
                         "\n", "\n    ").replace("\n    \n", "\n\n") + "\n")
    return "".join(parts)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
