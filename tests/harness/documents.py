# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands and files that the documents show, taken out of their text."""

import re

from .place import TOP

README = TOP / "README.md"
# In the order in which a reader meets them.
PAGES = (README, *(TOP / "doc" / f"{name}.md" for name in (
    "whole-disk", "using", "installing", "hostile-host", "tested",
    "benchmarks", "comparison", "audit-of-a-cloud-image")))


def blocks(text):
    """What a Markdown text shows: its indented blocks, without the indent."""
    found = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.M)
    return [re.sub("^    ", "", block, flags=re.M) for block in found]


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


def displays(page):
    """What a manual page sets off: its literal displays and lines."""
    text = (TOP / "man" / page).read_text()
    found = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$|^\.Dl (.*)$",
                       text, re.M)
    return [plain(display or line + "\n") for display, line in found]
