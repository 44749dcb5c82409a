# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians, and ratios and differences of what was measured in one round: what
disturbs a round disturbs all that is in it. And the line that points follow."""

import operator
import statistics
import typing


class Spread(typing.NamedTuple):
    """The middle of some values, and how far they lie apart."""

    median: float
    least: float
    most: float

    def text(self, digits=0):
        """For people."""
        return (f"{self.median:.{digits}f} "
                f"({self.least:.{digits}f}–{self.most:.{digits}f})")


def spread(values):
    """Of one value at least."""
    return Spread(statistics.median(values), min(values), max(values))


def by_round(ours, theirs, compare):
    """The middle of what compare() says of each round."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds beside {len(theirs)}")
    return spread(list(map(compare, ours, theirs)))


def ratios(ours, theirs):
    """Ours to theirs."""
    return by_round(ours, theirs, operator.truediv)


def more(ours, theirs):
    """By how much ours is more than theirs."""
    return by_round(ours, theirs, operator.sub)


class Line(typing.NamedTuple):
    """base + slope · n; fit is R², 1 where all points are on it."""

    base: float
    slope: float
    fit: float

    def at(self, number):
        """Its value there."""
        return self.base + self.slope * number


def line(points):
    """The least squares of points (n, value), which have two n at least."""
    numbers, values = zip(*points)
    slope, base = statistics.linear_regression(numbers, values)
    found = Line(base, slope, 1)
    around = sum((value - statistics.fmean(values)) ** 2 for value in values)
    left = sum((value - found.at(number)) ** 2 for number, value in points)
    return found._replace(fit=1 - left / around) if around else found


def short(value):
    """Two digits at least, and all before the point."""
    return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"
