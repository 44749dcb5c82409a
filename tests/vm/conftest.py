# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests share. Where the AmdSev firmware cannot be had, its tests say
so and are skipped."""

import os
import pathlib

import pytest

from harness import packages, place


@pytest.fixture(name="folder")
def folder_fixture():
    """A temporary one below build/, since disks are large."""
    with place.scratch() as folder:
        yield pathlib.Path(folder)


@pytest.fixture(name="other")
def other_fixture():
    """A secret that is not the disk's."""
    return os.urandom(32)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turns that one failure into a skip with its reason."""
    outcome = yield
    if call.excinfo and call.excinfo.errisinstance(packages.NoAmdSev):
        report = outcome.get_result()
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1],
                           str(call.excinfo.value).splitlines()[0])
