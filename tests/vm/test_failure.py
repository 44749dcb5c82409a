# SPDX-License-Identifier: GPL-2.0-or-later
"""Failure is closed: one clear line, secrets wiped, nothing written, power
off. The guest itself reports how the unlocker ended."""

import os
import secrets
import typing

import pytest

from harness import expect, image, known, place, rootvm, table

LIMIT = 150


def right():
    """The disk's own secret."""
    return {known.DISK: image.disk().key}


class Case(typing.NamedTuple):
    """What to boot, and what the unlocker must say of it."""

    exit: int
    says: str
    boot: typing.Callable[[], dict]


CASES = {
    "wrong-key": Case(6, "opens no key slot", lambda: {
        "launch_table": table.build({known.DISK: os.urandom(32)})}),
    "absent-secret": Case(3, known.DISK, lambda: {
        "launch_table": table.build({known.OTHER: image.disk().key})}),
    "absent-device": Case(4, known.NOWHERE, lambda: {
        "volumes": rootvm.volume(device=known.NOWHERE),
        "cmdline": "rd.cocosecret.timeout=5"}),
    "malformed-table": Case(3, "malformed", lambda: {
        "launch_table": table.malformed(right())["duplicate"]}),
    "empty-area": Case(3, "not launched with", lambda: {
        "launch_table": b""}),
    "no-area": Case(3, "not launched with", lambda: {"mode": "none"}),
    "not-unsealed": Case(5, "no cocosecret token", lambda: {
        "volumes": rootvm.volume(options="")}),
    "bad-cocotab": Case(2, "/etc/cocotab", lambda: {
        "volumes": "", "files": {"etc/cocotab": b"root\n"}}),
    "nothing-found": Case(4, "/etc/cocotab", lambda: {
        "volumes": "", "cmdline": "rd.cocosecret.timeout=5"}),
}


# Of the others, make check runs these while its time lasts.
SPARE = "malformed-table", "not-unsealed", "absent-secret", "nothing-found"


@pytest.mark.parametrize("name", [
    "wrong-key", *(pytest.param(
        name, marks=pytest.mark.spare if name in SPARE else pytest.mark.slow)
        for name in CASES if name != "wrong-key")])
def test_failure(name):
    """Exit status, one line, power-off, an untouched disk, no secret left."""
    case = CASES[name]
    control = secrets.token_hex(16)
    boot = case.boot()
    boot["cmdline"] = f"{boot.get('cmdline', '')} test.control={control}"
    with rootvm.guest(own_disk=True, **boot) as guest:
        report = guest.wait_report(LIMIT)
        reported = guest.age()
        assert guest.wait_off(30) == "guest-shutdown"
        print(f"reported after {reported:.1f} s, off after {guest.age():.1f} s")
        print("\n".join(report.lines))
        assert (report.exit, report.result) == (str(case.exit), "exit-code")
        (line,) = report.faults()
        assert line.endswith(f"(exit {case.exit})")
        assert [line for line in report.lines
                if "cocosecret: " in line and case.says in line]

        expect.untouched(guest, place.sha256(image.disk().image))
        expect.gone(guest, image.disk().key, control=control)
