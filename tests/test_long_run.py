# SPDX-License-Identifier: GPL-2.0-or-later
"""The book-keeping of make long-run; nothing is booted."""

import itertools

import pytest

from attacks import longrun, rotations


def test_goes_on(tmp_path):
    """A run that was stopped boots what is left, the same as in one go."""
    shown = []
    longrun.Run(tmp_path / "whole", "7").go_on(9, shown.append)
    one = longrun.Run(tmp_path / "parts", "7")
    again, left = [], itertools.count(4, -1)

    def show(name):
        if next(left) == 0:
            raise KeyboardInterrupt
        again.append(name)

    with pytest.raises(KeyboardInterrupt):
        one.go_on(9, show)
    assert len(one.boots()) == 4
    one.go_on(9, show)
    assert again == shown and len(set(shown)) > 3
    assert longrun.Run(tmp_path, "8").names(9) != shown


def test_summary(tmp_path):
    """It names what went wrong."""
    run = longrun.Run(tmp_path, "1")
    wrong = iter(["", "opened", ""])
    run.go_on(3, lambda name: next(wrong))
    head, line = run.summary()
    assert head.startswith("Seed 1: 3 boots, ") and "1 with another end" in head
    assert line == f"- {run.names(3)[1]}: opened"


class Lot:
    """Each first command is killed at once, and one more soon after."""

    def __init__(self):
        self.drawn = itertools.cycle([0, 1, 0, 0, 1])
        self.shares = itertools.cycle([0, .1])

    def random(self):
        """Whether there is a kill: 0 is yes."""
        return next(self.drawn)

    def uniform(self, least, most):
        """When."""
        return least + next(self.shares) * (most - least)


def test_rotations(tmp_path):
    """Some of them, and what a volume is found to be where it is not as it must."""
    killed, taken, again = rotations.run(3, Lot(), tmp_path)
    assert killed >= 3 and again >= 1 and taken <= killed
    volume = rotations.Volume(tmp_path)
    with pytest.raises(rotations.Wrong, match="does not open"):
        volume.check_whole(volume.key("other"))
    with pytest.raises(rotations.Wrong, match="of the old key is left"):
        volume.check_whole(volume.old)
    print(f"{killed} killed, the new key in force after {taken}")
