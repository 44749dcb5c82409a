# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM or TCG: KVM may be there and yet unable to run firmware, so try it."""

import json
import os
import time

from . import firmware, place, qemu

TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "max,arch-capabilities=off"]
LIMIT = 10


def try_kvm():
    """Why KVM cannot be used, or None."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no access to /dev/kvm"
    begin = time.monotonic()
    try:
        with qemu.Machine("accel", firmware.Probe(), accel=KVM) as machine:
            machine.wait_off(LIMIT)
            if firmware.MARKER in machine.debug_log():
                return None
    except qemu.Failure as failure:
        return f"firmware does not run under KVM: {failure}"
    return ("firmware does not run under KVM: the machine ended "
            f"after {time.monotonic() - begin:.1f} s")


def choose():
    """{"name", "why"}, from the cache where the machine is still the same."""
    key = place.digest(os.uname().release, str(os.path.exists("/dev/kvm")))

    def decide(path):
        fault = try_kvm()
        choice = {"name": "TCG", "why": fault} if fault else {
            "name": "KVM", "why": "firmware boots under it"}
        path.write_text(json.dumps(choice), encoding="utf-8")

    return json.loads(place.artefact("accel", key, decide).read_text())


def arguments():
    """The chosen one as QEMU arguments."""
    return KVM if choose()["name"] == "KVM" else TCG


def slowness():
    """Time-outs are given for KVM; TCG takes about this many times longer."""
    return 1 if choose()["name"] == "KVM" else 6
