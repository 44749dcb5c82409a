# SPDX-License-Identifier: GPL-2.0-or-later
"""What each test measured, in one place at the end of a run; and which tests
make check leaves out where a machine is slow."""

import json
import os
import time

import pytest

# Their asserts, too, show what was compared.
pytest.register_assert_rewrite("attacks", "harness", "host")

TABLE = "table"  # the property that holds lines of the attack table
HOST = "host"    # and a column of the host's table

# When make check's time for tests marked spare is up: seconds since 1970.
DEADLINE = float(os.environ.get("COCOSECRET_DEADLINE") or "inf")
NO_TIME = "make check had no time left for it: make check-slow"


def minutes(item):
    """What a spare test needs where others need seconds; None: it is not spare."""
    marker = item.get_closest_marker("spare")
    return marker and marker.kwargs.get("minutes", 0)


def pytest_collection_modifyitems(items):
    """Spare tests come last, or a slow machine would leave out others."""
    items.sort(key=lambda item: (minutes(item) is not None, minutes(item)))


def pytest_runtest_setup(item):
    """None begins that would end after the deadline."""
    needed = minutes(item)
    if needed is not None and time.time() + 60 * needed > DEADLINE:
        pytest.skip(NO_TIME)


def recorded(terminalreporter, wanted):
    """What tests recorded under a name."""
    return [text for outcome in ("passed", "failed")
            for report in terminalreporter.stats.get(outcome, [])
            if report.when == "call"
            for name, text in report.user_properties if name == wanted]


def print_table(terminalreporter):
    """The lines of all tests that have some, as one table."""
    lines = [line for text in recorded(terminalreporter, TABLE)
             for line in text.split("\n")]
    if lines:
        terminalreporter.section("attacks, each with the right key")
    # A test's heading comes first, whatever was run before it.
    for line in sorted(lines, key=lambda line: not line.startswith("attack ")):
        terminalreporter.line(line)


def print_host_table(terminalreporter):
    """A line a scene, a column a test: what the guest heard."""
    columns, promises = {}, {}
    for text in recorded(terminalreporter, HOST):
        name, scenes = json.loads(text)
        cells = columns.setdefault(name, {})
        for scene, (heard, promise) in scenes.items():
            cells[scene] = heard or "-"
            promises[scene] = promise
    if not columns:
        return
    # What is heard without us stands beside.
    columns = dict(sorted(columns.items(), key=lambda item: (
        "without us" in item[0], item[0])))
    terminalreporter.section("what a guest heard of a host, besides its disk")
    rows = [["host says", *columns, "closed by"]]
    rows += [[scene, *(cells.get(scene, "") for cells in columns.values()),
              promise] for scene, promise in promises.items()]
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    for row in rows:
        terminalreporter.line("  ".join(
            cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def pytest_terminal_summary(terminalreporter):
    """A line a test, with what it printed below it."""
    reports = [report for report in terminalreporter.stats.get("passed", [])
               if report.when == "call"]
    terminalreporter.section("measured")
    for report in sorted(reports, key=lambda report: report.nodeid):
        terminalreporter.line(f"{report.duration:7.1f} s  "
                              f"{report.nodeid.removeprefix('tests/')}")
        for line in report.capstdout.splitlines():
            if line.strip():
                terminalreporter.line(f"             {line}")
    print_table(terminalreporter)
    print_host_table(terminalreporter)
    counts = {name: len(terminalreporter.stats.get(name, []))
              for name in ("passed", "failed", "skipped", "error")}
    late = sum(NO_TIME in str(report.longrepr)
               for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.line(f"\n{counts['passed']} passed, "
                          f"{counts['failed'] + counts['error']} failed, "
                          f"{counts['skipped']} skipped"
                          + (f", {late} of them for want of time" if late
                             else ""))
