# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness's arithmetic, and that its tables can be made."""

import xml.etree.ElementTree

import pytest

from bench import boot, goals, growth, panels, report, size, stats, unlock, wall

MS = {size.BASE: [100, 290, 110], size.OURS: [150, 340, 170],
      size.CRYPTSETUP: [200, 390, 200]}
BOOT = {"tools": {tool: {who: {"init": MS[who], "kernel": MS[who]}
                         for who in kinds}
                  for tool, kinds in boot.TOOLS.items()},
        "steps": dict.fromkeys(("modules", "device", "unlock"), [1, 2, 3])}
BOOT["tools"][boot.SINGLE][size.OURS] = dict.fromkeys(("init", "kernel"),
                                                      [50, 145, 55])
MACHINE = {"accelerator": "TCG", "cpus": 2, "day": "2026-11-28", "commit": "be7dd32"}
GROWTH = {
    "volumes": {"machine": MACHINE, "counts": {
        count: {"ours": {"ms": [900, 5 + 2 * int(count), 70]}}
        for count in ("1", "4", "16")}},
    "growth": {"machine": MACHINE, "disks": {"64": {"ms": [30]}, "0": {"ms": [30]}},
               "metadata": {"16": {"ms": [8]}, "4096": {"ms": [263]}},
               "tokens": {"1": {"ms": [2]}, "2": {"ms": [4]}, "4": {"ms": [1]}},
               "fleets": {"10": {"ms": [480]}, "2000": {"ms": [100000]}}}}


def test_spread():
    """The middle, and both ends."""
    assert stats.spread([5, 1, 9, 3]) == (4, 1, 9)
    assert stats.spread([2.5]).text(1) == "2.5 (2.5–2.5)"


def test_ratios():
    """Of each round, not of the medians."""
    assert stats.ratios([1, 30, 2], [2, 20, 8]) == (0.5, 0.25, 1.5)
    with pytest.raises(ValueError):
        stats.ratios([1, 2], [1])


def test_more():
    """Of each round: a slow one says nothing of who was slow in it."""
    assert stats.more([11, 52, 13], [10, 50, 10]) == (2, 1, 3)


@pytest.mark.parametrize("points, line", (
    ([(1, 3), (2, 5), (4, 9)], (1, 2, 1)),
    ([(0, 0), (1, 3), (2, 0)], (1, 0, 0)),
    ([(0, 1), (1, 2), (2, 6), (3, 7)], (0.7, 2.2, 24.2 / 26)),
    ([(0, 5), (64, 5)], (5, 0, 1))))
def test_line(points, line):
    """What it leaves of the squares, R² says; nothing, of what is constant."""
    found = stats.line(points)
    assert found == pytest.approx(line)
    assert found.at(10) == pytest.approx(line[0] + 10 * line[1])


def test_short():
    """No digit before the point is lost."""
    assert [stats.short(value) for value in (0.00614, 2.149, 9.97, 19.4, 99.7, 1234.5)] \
        == ["0.0061", "2.1", "10", "19", "100", "1,234"]


def test_growth():
    """Points in order, the least of each; a unit may be many; and a slope
    may be down."""
    found = growth.curves(GROWTH)
    assert [curve.kind.part for curve in found] == ["volumes", *["growth"] * 4]
    assert found[0].points == [(1, 7), (4, 13), (16, 37)]
    assert [curve.text() for curve in found] == [
        "5 ms + 2 ms a volume", "7 ms + 64 ms a MiB", "3.5 ms − 0.5 ms a token",
        "30 ms + 0 ms a disk", "−20 ms + 50 ms a machine"]
    assert found[1].where == "no VM, 2026-11-28, be7dd32"
    assert found[3].where == "TCG, 2026-11-28, be7dd32"
    _, volumes, *_ = report.of_growth(GROWTH)
    assert volumes.endswith("1–16                   7–37   5 ms + 2 ms a volume"
                            "                  1.000")
    assert len(list(report.growth_table(GROWTH))) == 2 + len(found)


def test_panels():
    """A panel a curve, whose points lie within it."""
    picture = xml.etree.ElementTree.fromstring(panels.svg(growth.curves(GROWTH)))
    drawn = picture.findall("{*}g")
    assert len(drawn) == 5
    for panel in drawn:
        for point in panel.findall("{*}circle"):
            assert panels.LEFT <= float(point.get("cx")) <= panels.RIGHT
            assert panels.TOP <= float(point.get("cy")) <= panels.BOTTOM
    assert panels.ticks(37) == [0, 10, 20, 30]
    assert panels.ticks(4096) == [0, 1000, 2000, 3000, 4000]
    assert panels.ticks(0.25) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.25])


def test_contenders():
    """A row for each, ours beside it."""
    found = {"peer": {"ms": [10, 20], "kib": [300, 400]},
             "ours": {"ms": [4, 8], "kib": [200, 100]}}
    _, peer, ours = report.contenders(found, "ours", "what")
    assert peer.split() == "peer 15.0 (10.0–20.0) 400 0.40 (0.40–0.40)".split()
    assert ours.split() == "ours 6.0 (4.0–8.0) 200 1".split()


def test_goals():
    """What each adds is compared, not what it is; and so many to one."""
    assert goals.slower(goals.PLAIN)(BOOT) == 0.5
    images = {"tools": {goals.SYSTEMD: {
        who: {"zstd": many} for who, many in
        ((size.BASE, 1000), (size.OURS, 1010), (size.PEER, 1200))}}}
    assert goals.larger(goals.SYSTEMD, size.PEER)(images) == 0.05
    volumes = {"counts": {"1": {"ours": {"ms": [20]}},
                          "16": {"ours": {"ms": [80]}}}}
    assert goals.growth(volumes, 16) == 0.25
    reached = goals.reached({"boot": BOOT})
    assert [goal.part for goal, _ in reached] == ["boot"] * len(reached)
    (found,) = [found for goal, found in reached
                if "init to root, against dracut with systemd, plain"
                in goal.what]
    assert found == 0.5


def test_boot():
    """A line an image, and one a step, where some have no boot beside them."""
    lines = list(report.of_boot(BOOT))
    assert len(lines) == 2 + sum(map(len, BOOT["tools"].values())) + 1 + 3


def test_wall():
    """The goal is of each round, and the report has both ways."""
    part = {wall.WALL: [110, 240, 120], wall.PLAIN: [100, 200, 100]}
    ((goal, found),) = goals.reached({"wall": part})
    assert (goal.limit, found) == (1.15, 1.2)
    _, without, beside = report.of_wall(part)
    assert without.split()[-2:] == ["100", "(100–200)"]
    assert beside.split()[-2:] == ["1.20", "(1.10–1.20)"]


def test_steps_of_a_boot():
    """They follow each other, to the root's first program."""
    log = "\n".join(f"[ {second}] {line}" for second, line in (
        (1.0, "Run /init as init process"),
        (3.0, "cocosecret: /new lies on mappings of this boot"),
        (3.25, "cocosecret: /sbin/init of the root starts"),
        (4.0, "systemd[1]: systemd 252 running in system mode")))
    found = boot.by_step(
        log, {"begin_us": 1100000, "end_us": 2100000, "module_us": 100000,
              "devices_us": 200000, "unlink_us": 0}, {"verified_us": 2600000},
        {"header_us": 100000, "secret_us": 0, "seal_us": 0,
         "activate_us": 300000})
    assert list(found.values()) == [1000, 500, 200, 500, 300, 500, 250, 750]
    assert sum(found.values()) == 4000


def test_breakdown():
    """What no step accounts for is shown as well."""
    run = {"begin_us": 1000, "end_us": 51000, "module_us": 2000,
           "devices_us": 10000, "unlink_us": 1000}
    volume = {"header_us": 9000, "secret_us": 1000, "seal_us": 2000,
              "activate_us": 20000}
    found = unlock.breakdown([(run, volume)], [80.0])
    assert found["program started and ended"] == [30.0]
    assert found["volume opened"] == [20.0] and found["all else"] == [5.0]
    assert sum(ms for (ms,) in found.values()) == 80.0
    part = {"warm": {unlock.OURS: {"ms": [80.0]}}, "steps": found}
    assert ("volume opened", "20.0 (20.0–20.0)", "25%") in \
        list(report.by_step(part))
