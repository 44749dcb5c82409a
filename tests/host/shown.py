# SPDX-License-Identifier: GPL-2.0-or-later
"""All scenes shown to one guest, and what was heard of them."""

import json

from harness import hostvm

from . import catalogue

HOST = "host"  # see tests/conftest.py
SETTLED = "systemctl is-system-running --wait"
AUDIT = 'cocosecret audit / --json --cmdline "$(cat /proc/cmdline)"'


def doors(machine):
    """{door: what closes each of its openings}, of the running root."""
    status, output = machine.run(AUDIT)
    assert status == 1, output
    return {door["door"]: [opening["close"] for opening in door["openings"]]
            for door in json.loads(output)["doors"]}


def unlisted(heard, open_doors):
    """What was heard by a door of the root that the audit does not know of."""
    return [name for name, words in heard.items() if words
            and catalogue.SCENES[name].root_door()
            and catalogue.SCENES[name].root_door() not in open_doors]


def show_all(system, folder, **settings):
    """{scene: what was heard} of a boot to which the host says everything."""
    said = catalogue.together(catalogue.said(scene, folder)
                              for scene in catalogue.SCENES.values())
    with hostvm.guest(system, said, **settings) as machine:
        machine.wait_ready(hostvm.LIMIT)
        ready = machine.age()
        machine.run(SETTLED, hostvm.LIMIT)
        heard = {name: catalogue.heard(scene, machine, folder)
                 for name, scene in catalogue.SCENES.items()}
        open_doors = doors(machine)
        print("open by the audit:", *open_doors)
        assert not unlisted(heard, open_doors)
        print(f"root's agent after {ready:.0f} s, all asked after "
              f"{machine.age():.0f} s")
        return heard


def broken(heard):
    """What we promise to close, and was heard."""
    return {name: words for name, words in heard.items()
            if words and catalogue.SCENES[name].closed_by == catalogue.OURS}


def unheard(kind, heard):
    """What should be heard without us: else there is nothing to close."""
    return [name for name, scene in catalogue.SCENES.items()
            if kind in scene.loud and not heard[name]]


def record(record_property, where, heard):
    """For the table at the end of the run."""
    record_property(HOST, json.dumps([where, {
        name: [words, catalogue.SCENES[name].promise()]
        for name, words in heard.items()}]))


def record_more(record_property, where, heard, closed_by=catalogue.OURS):
    """The same, for what is no scene of the catalogue."""
    record_property(HOST, json.dumps([where, {
        name: [words, closed_by] for name, words in heard.items()}]))
