# SPDX-License-Identifier: GPL-2.0-or-later
"""How much an auditor of a promise reads: the table in SECURITY.md."""

import pathlib
import re

from harness import marked

TOP = pathlib.Path(__file__).parent.parent
SECURITY = TOP / "SECURITY.md"
BEGIN, END = "<!-- lines: make audit-lines -->\n", "<!-- end of lines -->\n"
ROW = re.compile(r"\| (?P<promise>P\d): .* \| (?P<files>[^|]*) \| \d+ \|")


def lines(row):
    """Of the files that a row of the table names."""
    return sum(len((TOP / name).read_text().splitlines())
               for name in re.findall(r"`([^`]*)`", ROW.match(row)["files"]))


def table():
    """Its lines, as SECURITY.md has them."""
    text = SECURITY.read_text()
    return text[text.index(BEGIN) + len(BEGIN):text.index(END)].splitlines()


def rows():
    """Those of the promises."""
    return [line for line in table() if ROW.match(line)]


def counted(line):
    """The same line with the number as it is."""
    return re.sub(r"\d+ \|$", f"{lines(line)} |", line) if ROW.match(line) \
        else line


if __name__ == "__main__":
    marked.put(SECURITY, BEGIN, END,
               "".join(f"{counted(line)}\n" for line in table()))
