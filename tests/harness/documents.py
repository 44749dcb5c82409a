# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands and files that the documents show, taken out of their text."""

import re

from .place import TOP

README = TOP / "README.md"
# In the order in which a reader meets them.
PAGES = (README, *(TOP / "doc" / f"{name}.md" for name in (
    "whole-disk", "using", "installing", "hostile-host", "tested",
    "benchmarks", "comparison", "audit-of-a-cloud-image",
    "long-runs", "releasing")))


# How a line of a manual page begins that somebody types.
COMMANDS = ("cocosecret ", "cryptsetup ", "openssl ", "# cocosecret ")


def blocks(text):
    """What a Markdown text shows: its indented blocks, without the indent."""
    found = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.M)
    return [re.sub("^    ", "", block, flags=re.M) for block in found]


def table(text, head):
    """The rows of a Markdown table whose head begins so, as lists of cells."""
    (rows,) = re.findall(rf"^\| {head}.*\n\|[-|]*\n((?:\|.*\n)*)", text, re.M)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]


def text():
    """Of all pages."""
    return "\n".join(page.read_text() for page in PAGES)


def shown(begin):
    """The pages' one block that begins so."""
    (block,) = [block for block in blocks(text()) if block.startswith(begin)]
    return block


def plain(text):
    """A manual page's text as it is shown."""
    return text.replace("\\-", "-").replace("\\e", "\\")


def with_examples():
    """The manual pages that have some."""
    return [path for path in sorted((TOP / "man").glob("*.[1-8]"))
            if "\n.Sh EXAMPLES\n" in path.read_text()]


def examples(page):
    """The displays of a manual page's EXAMPLES."""
    text = (TOP / "man" / page).read_text()
    return displays_of(re.split(r"^\.Sh ", text.partition(
        "\n.Sh EXAMPLES\n")[2], flags=re.M)[0])


def displays(page):
    """What a manual page sets off: its literal displays and lines."""
    return displays_of((TOP / "man" / page).read_text())


def displays_of(text):
    """The same of a part of one."""
    found = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$|^\.Dl (.*)$",
                       text, re.M)
    return [plain(display or line + "\n") for display, line in found]
