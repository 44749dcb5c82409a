# SPDX-License-Identifier: GPL-2.0-or-later
"""How much an auditor of a promise reads, and of an image of one program: the
tables in SECURITY.md."""

import collections
import pathlib
import re

from harness import marked, place

TOP = pathlib.Path(__file__).parent.parent
SECURITY = TOP / "SECURITY.md"
BEGIN, END = "<!-- lines: make audit-lines -->\n", "<!-- end of lines -->\n"
INIT = "<!-- init: make audit-lines -->\n", "<!-- end of init -->\n"
ROW = re.compile(r"\| (?P<promise>P\d): .* \| (?P<files>[^|]*) \| \d+ \|")


def lines(row):
    """Of the files that a row of the table names."""
    return sum(len((TOP / name).read_text().splitlines())
               for name in re.findall(r"`([^`]*)`", ROW.match(row)["files"]))


def table(begin=BEGIN, end=END):
    """Its lines, as SECURITY.md has them."""
    text = SECURITY.read_text()
    return text[text.index(begin) + len(begin):text.index(end)].splitlines()


def symbols(*words):
    """The global names that nm finds defined, each with the object it is in."""
    for line in place.run("nm", "-Ag", "--defined-only", *words).splitlines():
        where, _, name = line.rpartition(" ")
        if ":" in where:
            yield where.split(":")[-2], name


def linked():
    """{room: its files that the linker put into cocosecret-init}, where the first
    room that has a name is the one whose object is taken."""
    place.make("unlock")
    build = place.BUILD
    wanted = {name for _, name in symbols(build / "cocosecret-init")}
    rooms = collections.defaultdict(set)
    order = re.search(r"cocosecret-init: .*unlock,(.*)\)",
                      (TOP / "unlock/unlock.mk").read_text())[1]
    for room in order.split():
        defined = list(symbols(build / f"unlock/{room}.a"))
        for part, name in defined:
            if name in wanted:
                rooms[room].add(TOP / "unlock" / room / f"{part[:-2]}.c")
        wanted -= {name for _, name in defined}
    return rooms


def init_table():
    """All that runs before the root in an image of cocosecret initrd."""
    rooms = {f"unlock/{room}": files for room, files in linked().items()}
    rooms["unlock/absent"] = set(TOP.glob("unlock/absent/*.c"))
    rooms["module"] = set(TOP.glob("module/*.c"))
    yield "| folder | files | lines |"
    yield "|---|---|---|"
    whole = 0
    for room, files in rooms.items():
        count = sum(len(file.read_text().splitlines()) for file in files)
        whole += count
        names = " ".join(f"`{file.name}`" for file in sorted(files))
        yield f"| `{room}` | {names} | {count} |"
    yield f"| all | | {whole} |"


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
    marked.put(SECURITY, *INIT, "".join(f"{line}\n" for line in init_table()))
