# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of a text that a command writes, between two marks."""

import re


def put(path, begin, end, text):
    """Puts it between them."""
    old = path.read_text()
    if begin not in old or end not in old:
        raise SystemExit(f"{path} has no place for the table: {begin}")
    path.write_text(re.sub(re.escape(begin) + ".*?" + re.escape(end),
                           lambda _: begin + text + end, old, flags=re.S))
