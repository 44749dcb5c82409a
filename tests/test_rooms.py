# SPDX-License-Identifier: GPL-2.0-or-later
"""The folders of unlock/ are its architecture: a room includes what is below."""

import pathlib
import re

import audit

UNLOCK = pathlib.Path(__file__).parent.parent / "unlock"
ROOMS = re.search(r"^rooms := (.*)", (UNLOCK / "unlock.mk").read_text(), re.M)[1].split()


# Of the module and of the stub, whose files are built into programs as well.
BESIDE = "table.h", "pe.h", "mark.h"


def includes(path):
    """What a file asks for of ours."""
    return re.findall(r'^#include "([^"]*)"', path.read_text(), re.M)


def test_downwards_only():
    """No include points up the list, and none leaves out the room."""
    assert sorted(ROOMS) == sorted(path.name for path in UNLOCK.iterdir() if path.is_dir())
    for path in UNLOCK.glob("*/*.[ch]"):
        for name in includes(path):
            room = name.split("/")[0]
            assert name in BESIDE or ROOMS.index(room) >= ROOMS.index(path.parent.name), path


def needs(header, above=()):
    """Follows a header's module to where it ends."""
    assert header not in above, f"a circle: {above}"
    source = UNLOCK / header.replace(".h", ".c")
    for file in {UNLOCK / header, source}:
        for name in includes(file) if file.exists() else ():
            if name not in (header, *BESIDE):
                needs(name, (*above, header))


def test_no_circle():
    """A module that needs another is not needed by it."""
    for path in UNLOCK.glob("*/*.h"):
        needs(str(path.relative_to(UNLOCK)))


def test_nothing_beside():
    """Each source file is in a room."""
    assert [path.name for path in UNLOCK.iterdir() if path.is_file()] == ["unlock.mk"]


def test_lines_to_read():
    """SECURITY.md tells an auditor how much each promise is, some thousand."""
    promises = [audit.ROW.match(row)["promise"] for row in audit.rows()]
    assert promises == [f"P{number}" for number in range(1, 9)]
    assert audit.table() == list(map(audit.counted, audit.table()))
    assert max(map(audit.lines, audit.rows())) < 1400
    assert audit.table(*audit.INIT) == list(audit.init_table())
