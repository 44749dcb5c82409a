# SPDX-License-Identifier: GPL-2.0-or-later
"""What each test measured, in one place at the end of a run."""


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
    counts = {name: len(terminalreporter.stats.get(name, []))
              for name in ("passed", "failed", "skipped", "error")}
    terminalreporter.line(f"\n{counts['passed']} passed, "
                          f"{counts['failed'] + counts['error']} failed, "
                          f"{counts['skipped']} skipped")
