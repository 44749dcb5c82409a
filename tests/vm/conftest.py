# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the AmdSev firmware cannot be had, its tests say so and are skipped."""

import pytest

from harness import packages


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turns that one failure into a skip with its reason."""
    outcome = yield
    if call.excinfo and call.excinfo.errisinstance(packages.NoAmdSev):
        report = outcome.get_result()
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1],
                           str(call.excinfo.value).splitlines()[0])
