# SPDX-License-Identifier: GPL-2.0-or-later
"""The provider of tests/tsm below the kernel's own configfs-tsm: what a request sees,
when all goes well and when it does not; and cocosecret-agent on top of it."""

import base64
import contextlib
import errno
import pathlib
import re

import pytest

from harness import attest, attested, broker, evidence, initrd, judges, modulevm, place, \
    qemu, tsm, unlocker
from harness.known import DISK

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
def guest(suite, kind, drivers=(), files=(), more=()):
    """(guest, processor): a kernel, a busybox, and our provider loaded; with other
    drivers' modules, {path: content} and arguments for QEMU."""
    kernel = tsm.kernel(suite)
    with place.scratch() as folder, tsm.Processor(kind) as processor:
        modules = {f"{path.name.split('.')[0]}.ko": tsm.unpacked(path)
                   for path in (*kernel.core(), *(
                       needed for driver in drivers
                       for needed in kernel.needed(driver)))}
        modules["provider.ko"] = kernel.provider(kind).read_bytes()
        image = initrd.tiny(pathlib.Path(folder) / "initrd", modules | dict(files))
        firmware = modulevm.Bios(kernel.image, image, modulevm.CMDLINE)
        with qemu.Machine(f"tsm-{suite}-{kind}", firmware, memory_mib=512,
                          more=[*processor.arguments(), *more]) as machine:
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


def program():
    """The agent of the build with its libraries, {path: file}."""
    agent = place.BUILD / "cocosecret-agent"
    libraries = re.findall(r"(?:=> )?(/\S+) \(", place.run("ldd", agent))
    return {"bin/cocosecret-agent": agent,
            **{path.lstrip("/"): pathlib.Path(path).resolve() for path in libraries}}


def run_agent(machine, url):
    """(exit status, what it said)"""
    words = f"rd.cocosecret.source=run rd.cocosecret.timeout=120 " \
        f"rd.cocosecret.owner={attest.OWNER} rd.cocosecret.kbs={url}"
    status, said = machine.run(f"""\
dmesg -c >/dev/null
echo {words} >/run/cmdline
echo root /dev/vda >/run/cocotab
cocosecret-agent --cmdline /run/cmdline --cocotab /run/cocotab
status=$?
dmesg
exit $status
""", 200)
    print(said.decode())
    return status, said.decode()


def left(machine):
    """What attest.run() finds, of this guest."""
    said = machine.check(f"""\
cd {unlocker.RUN} && for file in $(ls -A); do
    echo "left $file $(stat -c %a $file) $(sha256sum <$file | cut -c-64)"
done""")
    return {name: (mode, digest) for name, mode, digest in attest.LEFT.findall(said)}


def assert_refused(machine, processor, server, url):
    """The processor or the host lies: the agent says how, and nobody gets anything."""
    for fault, words in (
            ({"echo": evidence.fresh()}, "does not hold what it was asked to hold"),
            ({"error": errno.EIO}, f"{processor.provider} gives no report: "
                                   "Input/output error"),
            ({"empty": True}, "gives an empty report"),
            ({"generation": 1}, "somebody else has written into"),
            ({"size": 100}, "not a report of a known version")):
        processor.behave(**fault)
        asked = len(processor.requests)
        status, said = run_agent(machine, url)
        assert (status, len(processor.requests)) == (3, asked + 1), fault
        assert words in said, fault
        assert not left(machine) and not machine.check(f"ls -A {REPORTS}"), fault
    assert {step for step, _ in server.seen} == {"auth"}


def sent(answer):
    """The report in evidence, as the broker got it."""
    return (base64.b64decode(answer["quote"]) if "quote" in answer else
            broker.snp_bytes(answer["attestation_report"]))


def assert_brought(machine, processor, server, url):
    """The secret is there, for a report that others believe."""
    processor.behave(table=evidence.certificate_table()
                     if processor.provider == "sev_guest" else b"")
    status, said = run_agent(machine, url)
    assert status == 0, said
    assert left(machine) == {DISK: attest.brought()}
    assert server.seen[-1] == ("resource", 200)
    (answer,) = server.evidence
    assert sent(answer) == processor.outblobs[-1]
    if processor.provider == "sev_guest":
        judges.judge_json(answer, processor.outblobs[-1])
        assert len(answer["cert_chain"]) == 3
    else:
        judges.judge_tdx(sent(answer))


@pytest.mark.slow
def test_agent_network():
    """The agent of the build, SEV-SNP's reports, and a broker in the network."""
    server = broker.Broker(attest.resources())
    with broker.Server(server) as service, guest(
            "trixie", "sev_guest", ["virtio_net"], program(),
            attested.NETWORK) as (machine, processor):
        machine.check(f"ip address add {attested.ADDRESS} dev eth0 && ip link set eth0 up")
        url = f"http://{attested.HOST}:{service.port}"
        assert_refused(machine, processor, server, url)
        assert_brought(machine, processor, server, url)


@pytest.mark.slow
def test_agent_port():
    """The same with TDX's quotes, and a serial port instead of a network."""
    server = broker.Broker(attest.resources())
    with place.scratch() as folder, \
            attested.Port(server, pathlib.Path(folder) / "key") as service, guest(
                "trixie", "tdx_guest", files=program(),
                more=service.arguments()) as (machine, processor):
        assert_refused(machine, processor, server, service.url)
        assert_brought(machine, processor, server, service.url)
