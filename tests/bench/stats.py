# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians, and ratios of what was measured in the same round."""

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


def ratios(ours, theirs):
    """Ours to theirs, round by round: what disturbs a round disturbs both."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds beside {len(theirs)}")
    return spread([our / their for our, their in zip(ours, theirs)])
