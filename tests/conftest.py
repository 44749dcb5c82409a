# SPDX-License-Identifier: GPL-2.0-or-later
"""What each test measured, in one place at the end of a run."""

TABLE = "table"  # the property that holds lines of the attack table


def pytest_configure(config):
    """Marks that are ours."""
    config.addinivalue_line("markers", "slow: for make check-slow only")


def print_table(terminalreporter):
    """The lines of all tests that have some, as one table."""
    stats = terminalreporter.stats
    lines = [line for outcome in ("passed", "failed")
             for report in stats.get(outcome, [])
             if report.when == "call"
             for name, text in report.user_properties if name == TABLE
             for line in text.split("\n")]
    if lines:
        terminalreporter.section("attacks, each with the right key")
    # A test's heading comes first, whatever was run before it.
    for line in sorted(lines, key=lambda line: not line.startswith("attack ")):
        terminalreporter.line(line)


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
    counts = {name: len(terminalreporter.stats.get(name, []))
              for name in ("passed", "failed", "skipped", "error")}
    terminalreporter.line(f"\n{counts['passed']} passed, "
                          f"{counts['failed'] + counts['error']} failed, "
                          f"{counts['skipped']} skipped")
