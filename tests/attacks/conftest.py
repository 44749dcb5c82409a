# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of volumes share."""

import pytest

from . import catalogue


@pytest.fixture(name="good", scope="module")
def good_fixture(tmp_path_factory):
    """A volume to take copies of."""
    return catalogue.good(tmp_path_factory.mktemp("volumes") / "good")
