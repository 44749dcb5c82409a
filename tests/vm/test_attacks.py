# SPDX-License-Identifier: GPL-2.0-or-later
"""The attack table, each scene of tests/attacks/scenes.py; and a root that is
named after a partition."""

import pytest

from attacks import catalogue, scenes
from harness import expect, hostile, intruder, rootvm, units

TABLE = "table"  # see tests/conftest.py


@pytest.mark.parametrize("names, others", [
    pytest.param(scenes.some(), (), id="some"),
    pytest.param(scenes.rest(), (), id="the rest",
                 marks=pytest.mark.spare(minutes=8)),
    pytest.param(scenes.SCENES, hostile.OTHERS, id="all, and to others",
                 marks=pytest.mark.spare(minutes=8))])
def test_attacks(names, others, record_property, tmp_path):
    """All refused in time, nothing mapped or written, no secret in memory; and
    what other programs make of the same disks."""
    with hostile.host() as host:
        lines, wrong = scenes.show_all(host, tmp_path, bool(others), names)
    heading = scenes.line("attack", scenes.HEADING, *others)
    record_property(TABLE, "\n".join([heading, *lines]))
    assert not wrong


@pytest.mark.parametrize("order", [
    "before", pytest.param("after", marks=pytest.mark.spare)])
def test_same_partition(order, folder, record_property):
    """A plain partition that the root is named after is not booted."""
    plain = intruder.disk(folder)
    disk = catalogue.partitioned(folder / "disk", plain, scenes.PARTUUID)
    with rootvm.guest("amdsev", root=f"root=PARTUUID={scenes.PARTUUID}",
                      files=units.reporting(units.VERIFY_ROOT),
                      **{order: [disk]}) as guest:
        expect.refused(guest, scenes.REFUSED, limit=240)
        own = f"disk{guest.disks.index(guest.disk)}"
        assert guest.disk_writes()[own] == 0
    record_property(TABLE, scenes.line(f"root=PARTUUID=, plain disk {order}",
                                       "   5 at verify-root"))
