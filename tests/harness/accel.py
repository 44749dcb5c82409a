# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM or TCG: KVM may be there and yet unable to run firmware, so try it."""

import json
import os

from . import firmware, place, qemu

# QEMU 7.2 gets the flags of an unlocked cmpxchg16b wrong now and then, and
# kernels from 6.12 on allocate memory with it. The others cost time: a fifth
# level of page tables, a change of TCG's memory index at each copy from user
# space, vectors that it takes apart, and strings that it moves byte by byte.
TCG = ["-accel", "tcg,thread=multi", "-cpu", ",".join(
    ["max"] + [f"{flag}=off" for flag in (
        "cx16", "la57", "smap", "avx", "avx2", "erms", "fsrm")])]
# On a kernel's command line. TCG has no speculation, and pays for a remedy. That the
# timer interrupts, a kernel never checks under KVM (arch/x86/kernel/kvm.c); under TCG
# its check fails where the host is busy, and four failures are a panic: doc/tested.md.
CMDLINE = "mitigations=off no_timer_check"
KVM = ["-accel", "kvm", "-cpu", "max,arch-capabilities=off"]
LIMIT = 10


def try_kvm():
    """Why KVM cannot be used, or None."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no access to /dev/kvm"
    machine = qemu.Machine("accel", firmware.Probe(), accel=KVM)
    try:
        with machine:
            machine.wait_off(LIMIT)
            if firmware.MARKER in machine.debug_log():
                return None
    except qemu.Failure:
        pass
    said = machine.log_path("qemu").read_text(errors="replace").splitlines()
    return "firmware does not run under KVM: " + (
        said[1] if len(said) > 1 else f"no sign of it within {LIMIT} s")


def choose():
    """{"name", "why"}, from the cache where the machine is still the same."""
    key = place.digest(os.uname().release, str(os.path.exists("/dev/kvm")),
                       *KVM)

    def decide(path):
        fault = try_kvm()
        choice = {"name": "TCG", "why": fault} if fault else {
            "name": "KVM", "why": "firmware boots under it"}
        path.write_text(json.dumps(choice), encoding="utf-8")

    return json.loads(place.artefact("accel", key, decide).read_text())


def arguments():
    """The chosen one as QEMU arguments."""
    return KVM if choose()["name"] == "KVM" else TCG
