# SPDX-License-Identifier: GPL-2.0-or-later
"""The provider of tests/tsm below the kernel's own configfs-tsm: what a request sees,
when all goes well and when it does not."""

import base64
import contextlib
import errno
import pathlib
import re

import pytest

from harness import evidence, initrd, judges, modulevm, place, qemu, tsm

REPORTS = "/sys/kernel/config/tsm/report"
# Asks for a report as one has to: one write, then all that can be read.
ASK = """\
cd {reports}
mkdir {name}
echo {inblob} | base64 -d | dd bs=4096 of={name}/inblob 2>/dev/null
for file in outblob auxblob provider generation privlevel_floor; do
    if [ -e {name}/$file ]; then
        echo "$file $(cat {name}/$file 2>/tmp/why | base64 -w 0)"
        sed "s/^/$file-failed /" /tmp/why
    fi
done
rmdir {name}
"""


@contextlib.contextmanager
def guest(suite, kind):
    """(guest, processor): a kernel, a busybox, and our provider loaded."""
    kernel = tsm.kernel(suite)
    with place.scratch() as folder, tsm.Processor(kind) as processor:
        modules = {f"{path.name.split('.')[0]}.ko": tsm.unpacked(path)
                   for path in kernel.core()}
        modules["provider.ko"] = kernel.provider(kind).read_bytes()
        image = initrd.tiny(pathlib.Path(folder) / "initrd", modules)
        firmware = modulevm.Bios(kernel.image, image, modulevm.CMDLINE)
        with qemu.Machine(f"tsm-{suite}-{kind}", firmware, memory_mib=512,
                          more=processor.arguments()) as machine:
            machine.wait_ready()
            for name in modules:
                machine.check(f"insmod /{name}")
            machine.check("mount -t configfs configfs /sys/kernel/config")
            yield machine, processor


def ask(machine, inblob):
    """{file: bytes, or what its reader said}, of one request."""
    said = machine.check(ASK.format(
        reports=REPORTS, name="ours", inblob=base64.b64encode(inblob).decode()),
        200)
    answer = {}
    for line in said.splitlines():
        name, _, rest = line.partition(" ")
        if name.endswith("-failed"):
            answer[name.removesuffix("-failed")] = rest
        else:
            answer[name] = base64.b64decode(rest)
    return answer


def assert_good(machine, processor, judge):
    """A request that goes well, whose report somebody else believes."""
    processor.behave(table=evidence.certificate_table()
                     if processor.provider == "sev_guest" else b"")
    asked = evidence.fresh()
    answer = ask(machine, asked)
    assert answer["provider"] == processor.provider.encode() + b"\n"
    assert answer["generation"] == b"1\n"
    assert answer["outblob"] == processor.outblobs[-1]
    assert asked in answer["outblob"] and processor.requests[-1] == asked
    judge(answer)


def judge_snp(answer):
    """go-sev-guest and the crate sev."""
    assert answer["privlevel_floor"] == b"0\n"
    judges.judge_snp(answer["outblob"], answer["auxblob"])
    judges.judge_json(evidence.snp_json(answer["outblob"], answer["auxblob"]),
                      answer["outblob"])


def judge_tdx(answer):
    """go-tdx-guest."""
    assert "auxblob" not in answer and "privlevel_floor" not in answer
    judges.judge_tdx(answer["outblob"])


JUDGES = {"sev_guest": judge_snp, "tdx_guest": judge_tdx}


def assert_faults(machine, processor):
    """Each fault is seen as the kernel shows it, and the next request is well."""
    asked = evidence.fresh()
    for error, words in ((errno.EIO, "Input/output error"), (errno.EBUSY, "busy"),
                         (errno.ETIMEDOUT, "timed out"),
                         (errno.ENXIO, "No such device")):
        processor.behave(error=error)
        assert words in ask(machine, asked)["outblob"]
    processor.behave(empty=True)
    assert ask(machine, asked)["outblob"] == b""
    other = evidence.fresh()
    processor.behave(echo=other)
    answer = ask(machine, asked)["outblob"]
    assert other in answer and asked not in answer
    processor.behave(generation=1)
    answer = ask(machine, asked)
    assert answer["generation"] == b"2\n" and asked in answer["outblob"]
    processor.behave(size=32 << 10)
    assert len(ask(machine, asked)["outblob"]) == 32 << 10
    processor.behave(seconds=3)
    begin = machine.age()
    assert asked in ask(machine, asked)["outblob"]
    assert machine.age() - begin >= 3


def assert_kernel(machine):
    """What the kernel alone does with a wrong request."""
    answer = ask(machine, bytes(32))
    assert "Invalid argument" in answer["outblob"]
    assert answer["generation"] == b"1\n"
    answer = ask(machine, bytes(65))
    assert "Invalid argument" in answer["outblob"]


def asked_and_got(machine):
    """Whether a report is on what it was asked about."""
    asked = evidence.fresh()
    return asked in ask(machine, asked)["outblob"]


@pytest.mark.parametrize("kind", tsm.MAKERS)
@pytest.mark.parametrize("suite", ["trixie", "sid"])
@pytest.mark.slow
def test_provider(suite, kind):
    """On a 6.12 and on a newer kernel, where the interface inside has other names; in
    one boot: well, each fault, and what the kernel itself refuses."""
    with guest(suite, kind) as (machine, processor):
        print(f"{tsm.kernel(suite).version}: ready after {machine.age():.0f} s")
        assert_good(machine, processor, JUDGES[kind])
        assert_faults(machine, processor)
        assert_kernel(machine)
        processor.behave()
        assert asked_and_got(machine)
        machine.check(f"rmmod {kind}")
        _, said = machine.run(f"mkdir {REPORTS}/none")
        assert re.search("No such device", said.decode())
