# SPDX-License-Identifier: GPL-2.0-or-later
"""The test platform itself: a search that cannot find proves nothing."""

import base64
import os
import signal
import subprocess
import sys
import time

import pytest

from harness import (firmware, initrd, known, memory, packages, place, qemu,
                     rootvm, table)

HIDDEN = {
    "fragment": lambda secret: secret[8:24],
    "hex": lambda secret: secret.hex().encode(),
    "HEX": lambda secret: secret.hex().upper().encode(),
    "base64": lambda secret: base64.b64encode(b"xy" + secret + b"z"),
    "hmac-36": lambda secret: bytes(byte ^ 0x36 for byte in secret),
    "swapped": memory.swapped,
}


@pytest.mark.parametrize("form", HIDDEN)
def test_search_finds(tmp_path, form):
    """A secret in each form, also across the border of two chunks."""
    secret = os.urandom(32)
    hidden = HIDDEN[form](secret)
    dump = tmp_path / "dump"
    for at in (0, memory.CHUNK - len(hidden) // 2, 3 * memory.CHUNK + 1):
        data = bytearray(4 * memory.CHUNK)
        data[at:at + len(hidden)] = hidden
        dump.write_bytes(data)
        found = memory.find(dump, secret)
        assert found and {name for _, name in found} == {form}
        assert at <= found[0][0] < at + len(hidden)
    dump.write_bytes(bytes(4 * memory.CHUNK))
    assert memory.find(dump, secret) == []


def test_tables():
    """The builder against bytes written out by hand."""
    whole = table.build({known.DISK: b"AB"})
    assert whole == bytes.fromhex(
        "42f5741edd71664d963eef4287ff173b 2a000000"
        "e5696873f0847349 92ec06879ce3da0b 16000000 4142"
        "000000000000")


# The newer QEMU's: tests/vm/test_stub.py has it.
@pytest.mark.parametrize("kind", [kind for kind in firmware.KINDS
                                  if not kind.endswith("-newer")])
def test_area_holds_table(kind):
    """What the guest gets is the table, once, where firmware says."""
    secrets = table.build({known.DISK: os.urandom(32)})
    with place.scratch() as folder:
        folder = place.pathlib.Path(folder)
        image = initrd.tiny(folder / "initrd")
        maker = firmware.KINDS[kind](packages.Kernel().image, image,
                                     "console=ttyS0 quiet panic=1", secrets)
        with qemu.Machine(f"platform-{kind}", maker, memory_mib=512) as guest:
            guest.wait_ready()
            print(f"{kind}: agent after {guest.age():.1f} s")
            assert guest.run("echo out; echo err >&2; exit 3") == (
                3, b"out\nerr\n")
            dump = guest.dump(folder / "dump")
            assert memory.whole(dump, secrets) == [guest.area()]
            guest.run("(sleep 1; poweroff -f) &")
            assert guest.wait_off(30) == "guest-shutdown"


@pytest.mark.spare
@pytest.mark.parametrize("kind", ["amdsev", "stock"])
def test_without_runtime_services(kind):
    """A guest that asks the firmware for nothing, so that no variable of the
    host's is read, boots as well."""
    with rootvm.guest(kind, cmdline="efi=noruntime") as guest:
        guest.wait_ready()
        assert guest.run("ls /sys/firmware/efi/runtime-map/0")[0]
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        print(f"{kind}: root's agent after {guest.age():.1f} s")


def test_nothing_survives():
    """QEMU goes with the run that started it, even if that is killed."""
    program = ("import sys; from harness import accel, firmware, qemu\n"
               "m = qemu.Machine('killed', firmware.Stock(), "
               "accel=accel.TCG)\n"
               "m.__enter__(); print(m._process.pid, flush=True)\n"
               "sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", program],
                          env=os.environ | {"PYTHONPATH": "tests"},
                          cwd=place.TOP, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as run:
        pid = int(run.stdout.readline())
        os.kill(pid, 0)
        run.send_signal(signal.SIGKILL)
        run.wait()
        deadline = time.monotonic() + 10
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not os.path.exists(f"/proc/{pid}")
