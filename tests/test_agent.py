# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret-agent against a broker that knows the protocol, and does it wrong
in every way that it can be done wrong.

With the kernel's own configfs-tsm and with a root: tests/vm.
"""

import os
import pathlib
import pty
import re
import socket
import subprocess
import threading
import time
import tty

import pytest

from harness import attest, broker, place, tls
from harness.attest import PATH, SECRET, brought, machine, resources, run
from harness.known import DISK, OTHER

TWO = f"root /dev/vda\ndata /dev/vdb {OTHER} {{}}\n"
RECORD = "cat /run/cocosecret/agent.json\n"
VCEK = bytes.fromhex("8d75da6364e66445adc5f4b93be8accd")
VLEK = bytes.fromhex("b2474ba8")  # not a whole one: an unknown entry
OF_AMD = bytes.fromhex("b379b74aacbb" "a44f" "a02f05aef327c782")  # ASK


@pytest.fixture(name="tsm")
def make_machine(tmp_path):
    """An SNP guest."""
    return machine(tmp_path)


def serve(faults=None, content=None, **options):
    """A broker that has the disk's secret."""
    return broker.Server(broker.Broker(resources() if content is None else content,
                                       faults, **options))


@pytest.mark.parametrize("tee", ["snp", "tdx"])
def test_brings(tmp_path, tee):
    """One session, one secret; nothing but the secret is left."""
    with serve() as server:
        outcome = run(server.url, machine(tmp_path, tee), after=RECORD)
        assert server.broker.seen == [("auth", 200), ("attest", 200),
                                      ("resource", 200)]
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}
    assert re.search(rf'"broker": *"{server.url}",\s+"tee": *"{tee}"',
                     outcome.said.replace("\\/", "/"))  # json-c's way
    assert re.search(r'"secrets": *1,\s+"exit_status": *0', outcome.said)
    assert re.search(rf"gave what was asked of it in \d+ ms, to {tee}$",
                     outcome.said, re.M)


@pytest.mark.parametrize("version, family", [(3, 0x19), (4, 0x1a), (5, 0x1a)])
def test_snp_evidence(tmp_path, version, family):
    """Every byte of the report comes out of the JSON again, and certificates
    of the host's table are passed on, but not what is wrong in it."""
    report = attest.snp_report(version, family)
    table = attest.certificates((VCEK, b"vcek"), (bytes(range(16)), b"other"))
    tsm = machine(tmp_path, report=report, auxblob=table)
    with serve() as server:
        assert run(server.url, tsm).status == 0
        evidence, = server.broker.evidence
    sent = broker.snp_bytes(evidence["attestation_report"])
    assert sent[:0x50] == report[:0x50] and sent[0x90:] == report[0x90:]
    assert evidence["cert_chain"] == [{"cert_type": "VCEK",
                                       "data": list(b"vcek")}]
    assert (evidence["attestation_report"]["launch_mit_vector"] is None) \
        == (version < 5)


def test_several(tsm):
    """Two secrets, one session and one report; a third that only a nofail volume
    wants may lack."""
    other = bytes(200)
    content = resources(**{PATH + OTHER: other})
    missing = "11111111-2222-4333-8444-555555555555"
    with serve(content=content) as server:
        outcome = run(server.url, tsm, cocotab=TWO.format("-")
                      + f"spare /dev/vdc {missing} nofail\n")
        assert [step for step, _ in server.broker.seen] == [
            "auth", "attest", "resource", "resource", "resource"]
    assert outcome.status == 0
    assert outcome.left == {DISK: brought(), OTHER: brought(other)}
    assert f"secret {missing}" in outcome.said and "nofail" in outcome.said


def test_one_missing(tsm):
    """Where one is refused that a volume needs, none is left behind."""
    with serve() as server:
        outcome = run(server.url, tsm, cocotab=TWO.format("-"))
    assert outcome.status == 3 and not outcome.left
    assert "it has no such resource" in outcome.said and OTHER in outcome.said


@pytest.mark.parametrize("faults", [
    {"auth": ["503", "429", "cut"]}, {"attest": ["500", "cut"]},
    {"resource": ["502", "cut", "504"]},
    {step: ["chunked"] for step in ("auth", "attest", "resource")},
    {step: ["slow"] for step in ("auth", "attest", "resource")}])
def test_passing(tsm, faults):
    """What passes is waited for."""
    with serve(faults) as server:
        outcome = run(server.url, tsm)
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}


FINAL = {
    ("auth", "AttestationError"): "version 0.4.0 of the protocol",
    ("attest", "AttestationError"): "does not believe the evidence",
    ("resource", "PolicyDeny"): "reference values",
    ("resource", "PluginInternalError"): "no such resource",
    ("resource", "TokenVerifierError"): "does not trust the token",
    ("resource", "PluginNotFound"): "keeps no resources",
    ("resource", "Whatever"): "says 401 Whatever (of this test)",
    ("auth", "404"): "says 404 without a reason",
    ("auth", "302"): "redirects are not followed",
    ("auth", "not JSON"): "has no nonce or no cookie",
    ("auth", "with a NUL"): "has no nonce or no cookie",
    ("attest", "not JSON"): "has no token",
    ("auth", "not HTTP"): "is it a key broker?",
    ("auth", "no length"): "is it a key broker?",
    ("resource", "huge"): "larger than any",
    ("resource", "huge head"): "larger than any",
    ("resource", "not JSON"): "cannot be opened",
    **{("resource", fault): "cannot be opened" for fault in (
        "wrong tag", "wrong iv", "wrong ciphertext", "wrong encrypted_key",
        "wrong epk", "off curve", "P-521", "A128GCM", "crit", "short tag",
        "short coordinate", "aad", "unprotected", "header", "duplicate")},
}


@pytest.mark.parametrize("step, fault", FINAL)
def test_final(tsm, step, fault):
    """What does not pass ends the run at once, with one line that says why; the
    step is not done twice."""
    with serve({step: [fault] * 2}) as server:
        outcome = run(server.url, tsm)
        steps = [name for name, _ in server.broker.seen]
    assert outcome.status == 3 and not outcome.left and outcome.seconds < 5
    assert FINAL[step, fault] in outcome.said, outcome.said
    assert steps.count(step) == 1 and steps[-1] == step


def test_detail(tsm):
    """What the broker says is printed as far as it can be: 200 characters, none
    of which a terminal obeys."""
    word = "PolicyDeny: \x1b[2J" + "x" * 300
    with serve({"resource": [word]}) as server:
        outcome = run(server.url, tsm)
    assert "PolicyDeny (?[2J" + "x" * 196 + ")" in outcome.said
    assert "\x1b" not in outcome.said


def test_session_lost(tsm):
    """A broker that forgot the session is asked anew, once."""
    with serve({"resource": ["lost"]}) as server:
        outcome = run(server.url, tsm)
        assert [step for step, _ in server.broker.seen] == [
            "auth", "attest", "resource"] * 2
    assert outcome.left == {DISK: brought()}
    with serve({"resource": ["lost"] * 9}) as server:
        outcome = run(server.url, tsm)
        assert [step for step, _ in server.broker.seen] == [
            "auth", "attest", "resource"] * 2
    assert outcome.status == 3 and "does not know the session" in outcome.said


def test_old_jwe(tsm):
    """What was encrypted to another boot's key is of no use."""
    with serve({"resource": [(), "old jwe"]}) as server:
        assert run(server.url, tsm).status == 0
        outcome = run(server.url, tsm)
    assert outcome.status == 3 and "cannot be opened" in outcome.said


def test_measurement(tmp_path):
    """The broker serves the image that it knows."""
    report = attest.snp_report()
    for measurement, status in (report[0x90:0xc0], 0), (bytes(48), 3):
        with serve(measurement=measurement) as server:
            outcome = run(server.url, machine(tmp_path, report=report))
        assert outcome.status == status


def test_version(tsm):
    """Of another version."""
    with serve(version="0.1.1") as server:
        outcome = run(server.url, tsm)
    assert outcome.status == 3 and "version 0.4.0" in outcome.said


def test_short_and_base64(tsm):
    """Just the resource's bytes are the secret: a mistake is named, no more."""
    for secret, status, words in (
            (bytes(31), 3, "shorter than 32 bytes"),
            (b"A" * 43 + b"=", 0, "44 characters of base64"),
            (b"A" * 43 + b"\n", 0, "gave what was asked")):
        with serve(content=resources(secret)) as server:
            outcome = run(server.url, tsm)
        assert outcome.status == status and words in outcome.said
        assert outcome.left == ({DISK: brought(secret)} if status == 0 else {})


def closed_port():
    """One at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_refused_then_there(tsm):
    """A broker that is not there yet is waited for."""
    port = closed_port()
    servers = []

    def start():
        servers.append(broker.Server(broker.Broker(resources()), port).__enter__())
    timer = threading.Timer(1, start)
    timer.start()
    outcome = run(f"http://127.0.0.1:{port}", tsm)
    timer.join()
    servers[0].__exit__()
    assert outcome.status == 0 and "Connection refused; trying again" in outcome.said
    assert outcome.left == {DISK: brought()}


@pytest.mark.parametrize("url, words", [
    (None, "Connection refused"), ("http://no-such-host.invalid:1",
                                   "name cannot be resolved"),
    ("vsock:4000000000:1", "cannot be asked"), ("serial:none", "no virtio-serial port none")])
def test_no_broker(tsm, url, words):
    """Waiting has an end."""
    outcome = run(url or f"http://127.0.0.1:{closed_port()}", tsm, timeout=2)
    assert outcome.status == 3 and not outcome.left
    assert words in outcome.said, outcome.said
    assert 1 <= outcome.seconds < 5


def test_silent(tsm):
    """Neither does silence hold it up."""
    with serve({"attest": ["silent"] * 2}) as server:
        outcome = run(server.url, tsm, timeout=2)
    assert outcome.status == 3 and outcome.seconds < 5
    assert "rd.cocosecret.timeout= gives is over" in outcome.said


# timeout(1)'s; of a machine that goes down, and of the agent's own alarm.
STOPS = {"TERM": (7, "nofail", "stopped by signal 15"),
         "ALRM": (3, "-", "timeout= gives is over")}


@pytest.mark.parametrize("signal", STOPS)
@pytest.mark.parametrize("step, faults", [
    ("attest", ["silent"]), ("attest", ["503"] * 99), ("resource", [(), "silent"]),
    ("resource", [(), *["503"] * 99])])
def test_stopped(tsm, signal, step, faults):
    """Whatever it waits for, it ends as it does by itself: with a line, with a record,
    and without the secret that it brought already; who asks it to end asks for no other
    secret, though that may lack."""
    status, option, words = STOPS[signal]
    content = resources(**{PATH + OTHER: bytes(64)})
    with serve({step: faults}, content) as server:
        outcome = run(server.url, tsm, cocotab=TWO.format(option), timeout=30, after=RECORD,
                      wrapper=f"timeout --foreground --preserve-status -s {signal} 2")
    assert outcome.status == status and outcome.seconds < 6, outcome.said
    assert words in outcome.said and "(exit " in outcome.said
    assert f'"exit_status":{status}' in outcome.said.replace(": ", ":")
    assert not outcome.left


def test_by_name(tsm):
    """A name is looked up, in spite of all that the process may not do."""
    with serve() as server:
        outcome = run(f"http://localhost:{server.port}/", tsm)
    assert outcome.status == 0, outcome.said


def test_by_address_6(tsm):
    """And so are brackets."""
    try:
        server = broker.Server(broker.Broker(resources()), address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        outcome = run(f"http://[::1]:{server.port}", tsm)
    assert outcome.status == 0, outcome.said


# A /dev of its own, with a terminal's line for a port, which the kernel names.
SERIAL = """
mkdir /run/dev && mount -t tmpfs tmpfs /run/dev && cd /run/dev
cp -a /dev/null . && mkdir pts && mount --bind /dev/pts pts
: >kmsg && mount --bind /run/none kmsg
cd / && mount --move /run/dev /dev
mount -t tmpfs tmpfs /sys/class
port() {
	mkdir -p /sys/class/virtio-ports/$1
	echo $2 >/sys/class/virtio-ports/$1/name
	ln -s $3 /dev/$1
}
port vport9p8 ke /dev/null
port vport9p7 key2 /dev/null
"""


@pytest.mark.parametrize("faults", [{}, {"attest": ["503", "chunked"]}])
def test_serial(tsm, faults):
    """A serial port stands for the network: here a terminal's line."""
    master, line = pty.openpty()
    tty.setraw(line)
    server = broker.Broker(resources(), faults)

    def serve_line():
        with open(master, "r+b", buffering=0) as stream:
            try:
                broker.serve_stream(server, Line(stream))
            except OSError:
                pass
    thread = threading.Thread(target=serve_line, daemon=True)
    thread.start()
    outcome = run("serial:key", tsm,
                  before=f"{SERIAL}port vport9p9 key {os.ttyname(line)}\n")
    os.close(line)
    thread.join()
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}
    assert server.seen[-1] == ("resource", 200)


def test_serial_twice(tsm):
    """Of two that the host calls by one name neither is taken, at once."""
    outcome = run("serial:key", tsm, before=SERIAL + "port vport9p9 key /dev/null\n"
                  "port vport3p1 key /dev/null\n")
    assert outcome.status == 3 and not outcome.left and outcome.seconds < 5
    assert "no virtio-serial port key: two have this name" in outcome.said


class Line:
    """A terminal's other end, with what a broker needs of a stream."""

    def __init__(self, raw):
        self.raw = raw

    def read(self, size):
        """All of it."""
        data = b""
        while len(data) < size:
            data += self.raw.read(size - len(data))
        return data

    def readline(self):
        """Byte by byte."""
        line = b""
        while not line.endswith(b"\n"):
            line += self.raw.read(1)
        return line

    def write(self, data):
        """All of it."""
        while data:
            data = data[self.raw.write(data):]

    def flush(self):
        """Nothing is kept back."""


@pytest.mark.parametrize("tee, files, words", [
    ("snp", {"fault": "no echo"}, "does not hold what it was asked to hold"),
    ("snp", {"fault": "empty"}, "empty report"),
    ("snp", {"fault": "generation"}, "somebody else"),
    ("snp", {"fault": "no provider"}, "no provider of reports"),
    ("snp", {"errno": "5 9"}, "sev_guest gives no report"),
    ("snp", {"errno": "16 1"}, "sev_guest gives no report"),
    ("snp", {"privlevel_floor": "2\n"}, "under an SVSM, at VMPL 2"),
    ("snp", {"provider": "arm_cca_guest\n"}, "does not know"),
    ("snp", {"report": attest.snp_report(2)}, "version 2"),
    ("snp", {"report": bytes(1000)}, "not a report of a known version"),
    ("tdx", {"fault": "empty"}, "QGS"),
    ("tdx", {"errno": "5 9"}, "tdx_guest gives no report"),
    ("tdx", {"report": bytes(3000)}, "not a report of a known version"),
])
def test_no_report(tmp_path, tee, files, words):
    """A report that fails is not asked for again, and nothing is sent."""
    files = dict(files)
    tsm = machine(tmp_path, tee, files.pop("report", None), **files)
    with serve() as server:
        outcome = run(server.url, tsm)
        assert ("attest", 200) not in server.broker.seen
    assert outcome.status == 3 and not outcome.left and outcome.seconds < 5
    assert words in outcome.said, outcome.said
    assert tee == "tdx" or "QGS" not in outcome.said
    if "errno" in files:
        number, left = (tsm / "errno").read_text().split()
        assert int(left) == int(files["errno"].split()[1]) - 1, number


def test_busy_quote(tmp_path):
    """On TDX a quote may take several tries."""
    tsm = machine(tmp_path, "tdx", errno="16 2")
    with serve() as server:
        outcome = run(server.url, tsm)
    assert outcome.status == 0 and outcome.said.count("trying again") == 2


def test_no_tsm():
    """An older kernel, or another machine."""
    outcome = run("http://127.0.0.1:1")
    assert outcome.status == 3 and "TSM_REPORTS" in outcome.said


def test_tee_pinned(tsm):
    """By the command line."""
    with serve() as server:
        assert run(server.url, tsm, "rd.cocosecret.tee=snp").status == 0
        outcome = run(server.url, tsm, "rd.cocosecret.tee=tdx")
    assert outcome.status == 3 and "wants another machine" in outcome.said


@pytest.mark.parametrize("url, cmdline, owner, words", [
    ("https://127.0.0.1:1", "", attest.OWNER, "cocosecret-agent-tls does not start"),
    ("https://127.0.0.1", "", attest.OWNER, "not a broker's address"),
    ("http://127.0.0.1:1", "", None, "no owner's public key"),
    ("http://127.0.0.1:1", "", "none", "without the owner's key"),
    ("http://127.0.0.1:1", "rd.cocosecret.source=securityfs", attest.OWNER,
     "not rd.cocosecret.source=run"),
    ("http://127.0.0.1", "", attest.OWNER, "not a broker's address"),
    ("http://127.0.0.1:1", "rd.cocosecret.kbs-path=a", attest.OWNER,
     "not REPOSITORY/TYPE"),
    ("http://127.0.0.1:1", "rd.cocosecret.tee=sample", attest.OWNER,
     "not one of snp, tdx"),
])
def test_configuration(tsm, url, cmdline, owner, words):
    """What cannot be safe is refused before anybody is asked: exit 2."""
    outcome = run(url, tsm, cmdline, owner=owner)
    assert outcome.status == 2 and words in outcome.said, outcome.said
    assert not outcome.left


def test_nothing_to_do(tsm):
    """Without a broker, off, or with the secret there already."""
    for url, cmdline, before, left in (
            (None, "", "", {}), ("http://127.0.0.1:1", "rd.cocosecret=0", "", {}),
            ("http://127.0.0.1:1", "", f"ramfs; put {DISK}\n", {DISK})):
        outcome = run(url, tsm, cmdline, before=before)
        assert outcome.status == 0 and set(outcome.left) == set(left)


def test_image(tsm):
    """The broker may be named in the image, and the command line comes first."""
    with serve(content=resources(**{f"a/b/{DISK}": bytes(64)})) as server:
        image = "mount -t tmpfs tmpfs /etc; mkdir /etc/cocosecret; printf 'rd.cocosecret." \
            f"kbs={server.url}\\nrd.cocosecret.kbs-path=a/b\\n' >/etc/cocosecret/kbs\n"
        outcome = run(None, tsm, before=image)
        assert outcome.left == {DISK: brought(bytes(64))}, outcome.said
        outcome = run(None, tsm, "rd.cocosecret.kbs-path=default/cocosecret",
                      before=image)
        assert outcome.left == {DISK: brought()}
        outcome = run(None, tsm, before=image + "echo rd.cocosecret.timeout=1 "
                      ">>/etc/cocosecret/kbs\n")
    assert outcome.status == 2 and "can be here" in outcome.said


def test_first(tsm):
    """It need not wait until cocosecret-unlock has made their folder."""
    with serve() as server:
        outcome = run(server.url, tsm, before="rmdir ${run%/*}\n",
                      after="stat -c 'made %a %u' ${run%/*}\n")
    assert outcome.left == {DISK: brought()}, outcome.said
    assert "made 700 0" in outcome.said


def test_open_folder(tsm):
    """One that others may read gets nothing."""
    with serve() as server:
        outcome = run(server.url, tsm, before="mkdir $run\n")
        assert not server.broker.seen
    assert outcome.status == 3 and "must be a ramfs" in outcome.said


def test_no_sample():
    """Evidence without proof is not in the program that is installed."""
    assert b"report_data\0" in (place.BUILD / "cocosecret-agent").read_bytes()
    assert b"sample" not in (place.BUILD / "cocosecret-agent").read_bytes()


def find_courier(tsm):
    """The folder in /proc of the process for the network, of that run."""
    for _ in range(100):
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                text = (folder / "status").read_text()
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if b"=%s\0" % bytes(tsm) in environment \
                    and "\nUid:\t65534\t" in text:
                return folder
        time.sleep(.02)
    raise AssertionError("there is none")


def test_sample():
    """For a try against a broker there is a program that has nothing else."""
    place.make("build/cocosecret-agent-sample")
    with serve() as server:
        outcome = run(server.url, program="cocosecret-agent-sample")
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}


@pytest.mark.parametrize("secure", [False, True])
def test_confined(tsm, tmp_path, secure):
    """The process that reads what the network sends is nobody, has no
    capabilities, no new privileges, a filter, little memory, and two files."""
    seen = {}

    def watch():
        folder = find_courier(tsm)
        time.sleep(.2)
        seen.update(re.findall(r"^(\w+):\t(.*)$",
                               (folder / "status").read_text(), re.M))
        seen["files"] = sorted(os.readlink(file)
                               for file in (folder / "fd").iterdir())
        seen["limits"] = (folder / "limits").read_text()
    watcher = threading.Thread(target=watch)
    holder = tls.Holder(names=["127.0.0.1"])
    with (tls.Server(broker.Broker(resources(), {"attest": ["silent"]}), holder)
          if secure else serve({"attest": ["silent"]})) as server:
        watcher.start()
        run(server.url, tsm, timeout=2, before=tls.image(tmp_path, holder.pem),
            program="cocosecret-agent" + ("-tls" if secure else ""))
        assert server.broker.seen[0] == ("auth", 200)
    watcher.join()
    assert seen["Uid"] == seen["Gid"] == "\t".join(["65534"] * 4)
    assert not seen["Groups"].strip()
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen[name], 16) == 0, name
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    assert seen["files"][:3] == ["/dev/null"] * 3
    assert [file.partition(":")[0] for file in seen["files"][3:]] \
        == ["socket"] * 2
    assert re.search(r"Max address space +134217728 ", seen["limits"])
    assert re.search(r"Max processes +0 ", seen["limits"])
    assert int(seen["VmPeak"].split()[0]) < 64 * 1024


def test_traces_nothing(tsm):
    """The secret is in no system call of either process but the one that writes
    it to the folder, and the network's process never has it."""
    mark = b"0123456789abcdefghijklmnopqrstuv"
    with serve(content=resources(mark)) as server:
        outcome = run(
            server.url, tsm, before='agent() { strace -f -s 100000 -o '
            '/run/trace -E FAKETSM="$FAKETSM" -E LD_PRELOAD="$LD_PRELOAD" '
            f'"{place.BUILD}/cocosecret-agent" --cmdline /run/cmdline '
            "--cocotab /run/cocotab; }\n",
            after="grep 0123456789abcdefghijklmnopqrstuv /run/trace")
    assert outcome.status == 0, outcome.said
    lines = [line for line in outcome.said.splitlines()
             if mark.decode() in line and not line.startswith("left")]
    assert len(lines) == 1 and " write(" in lines[0], lines


# A machine with one interface, and the broker's at the other end of it, which has
# another address besides.
LINK = """\
mkdir -p /run/netns
for name in machine broker; do
	: >/run/netns/$name && unshare --net=/run/netns/$name true
done
ip -n broker link add v0 type veth peer name v1 netns machine
for words in "$near dev v0" "$far dev lo"; do
	ip -n broker address add $words nodad
done
ip -n broker link set v0 up && ip -n broker link set lo up
in_machine() { nsenter --net=/run/netns/machine "$@"; }
agent() {
	in_machine env FAKETSM="$FAKETSM" LD_PRELOAD="$LD_PRELOAD" \\
		"$AGENT" --cmdline /run/cmdline --cocotab /run/cocotab
}
"""
# All the time what the kernel itself would do on the interface.
WATCH = """\
nsenter --net=/run/netns/machine sh -c 'while sleep .02; do
	for name in disable_ipv6 accept_ra; do
		echo $name $(cat /proc/sys/net/ipv6/conf/v1/$name)
	done
	ip -o address show dev v1 scope link
done' >/run/watched 2>&1 &
watcher=$!
"""
SHOW = """\
kill $watcher
sort /run/watched | uniq | sed "s/^/while /"
in_machine ip -o address show | sed "s/^/after /"
in_machine ip -o link show dev v1 | sed "s/^/after /"
in_machine ip route show table all | grep -v "table local" | sed "s/^/after /"
for name in disable_ipv6 accept_ra; do
	echo after $name $(in_machine cat /proc/sys/net/ipv6/conf/v1/$name)
done
"""
FAMILIES = {
    4: {"near": "10.9.0.1/24", "far": "192.0.2.7/32", "ours": "10.9.0.2/24",
        "url": "http://192.0.2.7:8080", "closed": "while disable_ipv6 1"},
    6: {"near": "fd00:9::1/64", "far": "fd00:7::7/128", "ours": "fd00:9::2/64",
        "url": "http://[fd00:7::7]:8080", "closed": "while accept_ra 0"},
}


def run_on_link(tsm, tmp_path, family, before="", cmdline=None, timeout=10):
    """An agent's run, with a broker at the other end of its interface."""
    words = FAMILIES[family]
    (tmp_path / "secret").write_bytes(SECRET)
    serve_there = (
        f"PYTHONPATH={place.TOP}/tests nsenter --net=/run/netns/broker "
        f"/usr/bin/python3 -m harness.broker --address {words['far'].split('/', 1)[0]} "
        f"{PATH}{DISK}={tmp_path}/secret >/dev/null 2>&1 &\nserver=$!\n")
    if cmdline is None:
        cmdline = f"rd.cocosecret.ip={words['ours']},{words['near'].split('/', 1)[0]}"
    return run(words["url"], tsm, cmdline, timeout=timeout, before=(
        f"near={words['near']} far={words['far']} "
        f"AGENT={place.BUILD}/cocosecret-agent\n" + LINK + serve_there + before
        + WATCH), after="kill $server\n" + SHOW)


@pytest.mark.parametrize("family", FAMILIES)
def test_network(tsm, tmp_path, family):
    """An address and a route for the way to the broker, and a kernel that takes none
    from others; then the interface is as it was."""
    outcome = run_on_link(tsm, tmp_path, family)
    assert outcome.status == 0, outcome.said
    assert outcome.left == {DISK: brought()}
    said = outcome.said.splitlines()
    assert FAMILIES[family]["closed"] in said
    assert family == 6 or not [line for line in said if "inet6 fe80" in line]
    assert "after disable_ipv6 0" in said and "after accept_ra 1" in said
    assert not [line for line in said if re.match("after .*( inet| via )", line)]
    (link,) = [line for line in said if "mtu" in line]
    assert "state DOWN" in link and "UP" not in link


@pytest.mark.parametrize("before, cmdline, status, words", [
    ("ip -n machine link add v2 type veth peer name v3 netns broker\n", None, 3,
     "2 Ethernet interfaces"),
    ("ip -n machine link set v1 up\n", None, 2, "v1 is up already"),
    ("ip -n machine link del v1\n", None, 3, "no Ethernet interface"),
    ("", "rd.cocosecret.ip=10.9.0.2/24,10.8.0.1", 2, "v1: Network is unreachable"),
    ("", "rd.cocosecret.ip=10.9.0.2", 2, "is not ADDRESS/PREFIX"),
    ("", "", 3, "Network is unreachable"),
])
def test_no_network(tsm, tmp_path, before, cmdline, status, words):
    """Which one is meant is not for the host to say; nothing is left of the try."""
    outcome = run_on_link(tsm, tmp_path, 4, before, cmdline, timeout=2)
    assert outcome.status == status and not outcome.left, outcome.said
    assert words in outcome.said, outcome.said
    assert " inet 10.9" not in outcome.said


def test_network_unused(tmp_path):
    """The address is for a broker in the network only."""
    outcome = run("serial:none", machine(tmp_path), "rd.cocosecret.ip=10.9.0.2/24",
                  timeout=1)
    assert outcome.status == 3 and "no virtio-serial port none" in outcome.said
