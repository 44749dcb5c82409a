# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of what it takes to open a volume, and of the goals:
doc/bench.svg."""

from harness import place

from . import goals, stats, unlock

FILE = place.TOP / "doc/bench.svg"
WIDTH, LEFT, ROW, BAR, TOP = 760, 240, 26, 16, 34
OURS, THEIRS, OVER = "#2a6f4e", "#9aa5ad", "#b03a2e"
# Beside these the others could not be told from each other.
TOO_LONG = "clevis"
# Of the goals: room for what each is, and from nothing to the limit.
WORDS, LIMIT = 480, 160


def label(x, y, text, anchor="start"):
    """Words."""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>'


def block(x, y, width, colour):
    """A bar."""
    return (f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR}" '
            f'fill="{colour}"/>')


def bar(at, name, found, scale):
    """One line: a bar to the median, and a whisker from least to most."""
    time = stats.spread(found["ms"])
    yield label(LEFT - 8, at + 12, name, "end")
    yield block(LEFT, at, time.median * scale,
                OURS if name == unlock.OURS else THEIRS)
    yield (f'<path d="M{LEFT + time.least * scale:.1f} {at + BAR / 2}H'
           f'{LEFT + time.most * scale:.1f}" stroke="#333"/>')
    yield label(LEFT + time.most * scale + 8, at + 12,
                f"{time.median:.0f} ms, {max(found['kib'])} KiB")


def bars(part, found, top):
    """Opening a volume: each its line."""
    most = max(max(one["ms"]) for one in found.values())
    scale = (WIDTH - LEFT - 150) / most
    yield label(8, top - 16, "Opening a volume, median of "
                f"{len(found[unlock.OURS]['ms'])}, under TCG; peak memory; "
                f"{part['machine']['day']}")
    for number, (name, one) in enumerate(found.items()):
        yield from bar(top + number * ROW, name, one, scale)


def limits(found, top):
    """What is wanted: each its line, and where the limit is."""
    yield label(8, top - 16, "Ours, × of the other; the line is the most that "
                "it may be")
    for number, (goal, ratio) in enumerate(found):
        at = top + number * ROW
        yield label(WORDS - 8, at + 12, goal.what.replace("`", ""), "end")
        yield block(WORDS, at, max(0, min(ratio / goal.limit, 1.2)) * LIMIT,
                    OURS if ratio <= goal.limit else OVER)
        yield label(WORDS + LIMIT * 1.2 + 8, at + 12,
                    f"{ratio:.2f} of {goal.limit:g}")
    yield (f'<path d="M{WORDS + LIMIT} {top - 6}V{top + len(found) * ROW}" '
           'stroke="#333"/>')


def picture(height, parts):
    """The file's text."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *parts, "</svg>", ""])


def svg(results):
    """The whole picture."""
    part = results["unlock"]
    opening = {name: one for name, one in part["warm"].items()
               if TOO_LONG not in name}
    wanted = goals.reached(results)
    below = TOP + ROW * len(opening) + TOP
    height = below + ROW * len(wanted) + 8
    return picture(height, [*bars(part, opening, TOP), *limits(wanted, below)])


def write(results):
    """Puts it where doc/benchmarks.md shows it."""
    FILE.write_text(svg(results))
