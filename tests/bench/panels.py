# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of how cost grows, a panel each: doc/growth.svg."""

import math

from harness import place

from . import chart, growth

FILE = place.TOP / "doc/growth.svg"
COLUMNS, WIDTH, HEIGHT = 2, chart.WIDTH // 2, 210
# Of a panel: where the axes cross, and how long they are.
LEFT, BOTTOM, RIGHT, TOP = 62, HEIGHT - 30, WIDTH - 28, 52
TICKS = 5


def step(most):
    """Between ticks, of which there are so many at most: 1, 2 or 5 and zeros."""
    power = 10 ** math.floor(math.log10(most / TICKS))
    return next(power * times for times in (1, 2, 5, 10)
                if power * times * TICKS >= most)


def ticks(most):
    """From nothing."""
    return [number * step(most) for number in range(int(most / step(most)) + 1)]


def axes(across, up, most):
    """With ticks; most: (of the numbers, of ms)."""
    yield (f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" '
           'stroke="#333"/>')
    for number in ticks(most[0]):
        yield f'<path d="M{across(number):.1f} {BOTTOM}v4" stroke="#333"/>'
        yield chart.label(across(number), BOTTOM + 17, f"{number:,.10g}", "middle")
    for ms in ticks(most[1]):
        yield f'<path d="M{LEFT - 4} {up(ms):.1f}h4" stroke="#333"/>'
        yield chart.label(LEFT - 7, round(up(ms) + 4, 1), f"{ms:,.10g}", "end")


def panel(curve):
    """Its points, and the line."""
    line = curve.line()
    numbers = [number for number, _ in curve.points]
    most = (max(numbers), max(*(ms for _, ms in curve.points),
                              *map(line.at, numbers)))

    def across(number):
        return LEFT + number / most[0] * (RIGHT - LEFT)

    def up(ms):
        return BOTTOM - ms / most[1] * (BOTTOM - TOP)

    yield chart.label(8, 18, f'<tspan font-weight="bold">{curve.kind.what}</tspan>')
    yield chart.label(8, 36, f"least ms; line: {curve.text()}, R² {line.fit:.3f}")
    yield from axes(across, up, most)
    first, last = (max(0, line.at(number)) for number in (numbers[0], numbers[-1]))
    yield (f'<path d="M{across(numbers[0]):.1f} {up(first):.1f}'
           f'L{across(numbers[-1]):.1f} {up(last):.1f}" '
           f'stroke="{chart.THEIRS}" stroke-width="2"/>')
    for number, ms in curve.points:
        yield (f'<circle cx="{across(number):.1f}" cy="{up(ms):.1f}" r="3.5" '
               f'fill="{chart.OURS}"/>')


def svg(curves):
    """The whole picture."""
    parts = []
    for number, curve in enumerate(curves):
        row, column = divmod(number, COLUMNS)
        parts += [f'<g transform="translate({column * WIDTH},{row * HEIGHT})">',
                  *panel(curve), "</g>"]
    return chart.picture(HEIGHT * math.ceil(len(curves) / COLUMNS), parts)


def write(results):
    """Puts it where doc/benchmarks.md shows it."""
    FILE.write_text(svg(growth.curves(results)))
