# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk that changes its header between two reads: a plugin for nbdkit.

Parameters: control, a file of three words, FIRST SECOND COUNT. The first COUNT
reads of the header area since the file was written come from the image FIRST,
later ones from SECOND; all else comes from FIRST. served: a file that gets a
letter for each read of the header area, 1 or 2, and w for each write.
"""

import os

API_VERSION = 2
HEADER_AREA = 2 * 16384
settings = {}
state = {"written": None, "reads": 0}


def config(key, value):
    """A parameter."""
    settings[key] = value


def open(readonly):  # pylint: disable=redefined-builtin,unused-argument
    """Nothing belongs to a connection."""
    return True


def control():
    """(first, second, count), and counts anew where it was written anew."""
    written = os.stat(settings["control"]).st_mtime_ns
    if written != state["written"]:
        state.update(written=written, reads=0)
    with os.fdopen(os.open(settings["control"], os.O_RDONLY)) as file:
        first, second, count = file.read().split()
    return first, second, int(count)


def note(letter):
    """For the test to see what was done."""
    log = os.open(settings["served"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, letter)
    os.close(log)


def get_size(_handle):
    """Both images are of one size."""
    return os.stat(control()[0]).st_size


def pread(_handle, buffer, offset, _flags):
    """One read request."""
    image, second, count = control()
    if offset < HEADER_AREA:
        state["reads"] += 1
        late = state["reads"] > count
        image = second if late else image
        note(b"2" if late else b"1")
    disk = os.open(image, os.O_RDONLY)
    os.preadv(disk, [buffer], offset)
    os.close(disk)


def pwrite(_handle, _buffer, _offset, _flags):
    """Nothing may be written."""
    note(b"w")
    raise OSError("not for writing")
