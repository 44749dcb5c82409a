# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of what it takes to open a volume: doc/bench.svg."""

from vm import place

from . import stats, unlock

FILE = place.TOP / "doc/bench.svg"
WIDTH, LEFT, ROW, BAR, TOP = 760, 240, 26, 16, 34
# Beside these the others could not be told from each other.
TOO_LONG = "clevis"


def bar(number, name, found, scale):
    """One line: a bar to the median, and a whisker from least to most."""
    time = stats.spread(found["ms"])
    at = TOP + number * ROW
    middle, end = at + BAR / 2, LEFT + time.median * scale
    colour = "#2a6f4e" if name == unlock.OURS else "#9aa5ad"
    yield (f'<text x="{LEFT - 8}" y="{at + 12}" text-anchor="end">{name}'
           "</text>")
    yield (f'<rect x="{LEFT}" y="{at}" width="{end - LEFT:.1f}" '
           f'height="{BAR}" fill="{colour}"/>')
    yield (f'<path d="M{LEFT + time.least * scale:.1f} {middle}H'
           f'{LEFT + time.most * scale:.1f}" stroke="#333"/>')
    yield (f'<text x="{LEFT + time.most * scale + 8:.1f}" y="{at + 12}">'
           f"{time.median:.0f} ms, {max(found['kib'])} KiB</text>")


def svg(part):
    """The whole picture."""
    found = {name: one for name, one in part["warm"].items()
             if TOO_LONG not in name}
    most = max(max(one["ms"]) for one in found.values())
    scale = (WIDTH - LEFT - 150) / most
    height = TOP + len(found) * ROW + 8
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             f'<text x="8" y="18">Opening a volume, median of '
             f"{len(found[unlock.OURS]['ms'])}, under TCG; peak memory; "
             f"{part['machine']['day']}</text>"]
    for number, (name, one) in enumerate(found.items()):
        lines += bar(number, name, one, scale)
    return "\n".join([*lines, "</svg>", ""])


def write(part):
    """Puts it where the README shows it."""
    FILE.write_text(svg(part))
