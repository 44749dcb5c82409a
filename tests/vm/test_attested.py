# SPDX-License-Identifier: GPL-2.0-or-later
"""Each kind of initramfs gets the secrets of its volumes from a key broker, and starts
the root; the processor, the broker and the network are the tests'."""

import contextlib
import json
import pathlib
import time

import pytest

from harness import attest, attested, broker, expect, known, place, rootvm, single, table, tls

LIMIT = 120


def ours(guest):
    """The lines of the console that are ours."""
    console = guest.log_path("console").read_text(errors="replace")
    return [line.split("cocosecret: ", 1)[1] for line in console.splitlines()
            if "cocosecret: " in line]


def gone(guest, server, *more):
    """No secret is left in memory, and no key that one was encrypted with."""
    assert len(server.kept) >= 3
    expect.gone(guest, attested.disks().root.key, attested.disks().data.key,
                *server.kept, *more, control="rd.cocosecret.kbs=")


def make_server(**more):
    """A broker that has both secrets."""
    return broker.Broker(attested.disks().resources(), **more)


def assert_booted(guest, server, tee):
    """The root is the owner's, both secrets came in one session, and nothing of it
    is left, the key that this machine made for it neither."""
    key = attested.session_key(guest, server, LIMIT)
    guest.wait_ready(LIMIT)
    print(f"root's agent after {guest.age():.1f} s", *ours(guest), sep="\n")
    assert [step for step, _ in server.seen] == ["auth", "attest", "resource", "resource"]
    assert guest.check("sed -n 's,^\\(.*\\) / ext4 .*,\\1,p' /proc/mounts") == known.MAPPED
    assert guest.check("ls /dev/mapper").split() == ["control", "data", "root"]
    assert guest.check(f"ls -A {rootvm.STATE}/secrets") == ""
    for name in ("root", "data"):
        record = json.loads(guest.check(f"cat {rootvm.STATE}/volumes/{name}.json"))
        assert record["owner"] == attested.owner_word()
    record = json.loads(guest.check(f"cat {rootvm.STATE}/agent.json"))
    assert record["tee"] == tee and record["exit_status"] == 0
    assert record["secrets"] == 2
    assert record["begin_us"] < record["proved_us"] < record["end_us"]
    print(f"the agent took {(record['end_us'] - record['begin_us']) / 1e6:.2f} s, until it "
          f"was believed {(record['proved_us'] - record['begin_us']) / 1e6:.2f} s")
    gone(guest, server, *key)


@contextlib.contextmanager
def served(server, way):
    """A Port or a Web for it."""
    with place.scratch() as folder, (
            attested.Port(server, pathlib.Path(folder) / "key") if way == "serial"
            else {"http": attested.Web, "https": attested.SecureWeb}[way](server)
            ) as service:
        yield service


def assert_down(guest):
    """The network is as if nobody had set it up."""
    flags = guest.check("cat /sys/class/net/*/flags").split()
    print("interfaces:", *flags)
    assert "0x1002" in flags  # broadcast and multicast, and not up
    assert guest.check("cat /proc/net/route").count("\n") == 0
    assert guest.check("cat /proc/sys/net/ipv6/conf/*/disable_ipv6").split() == ["0"] * 4


BOOTS = [("init", "serial", "snp"), ("init", "http", "tdx"), ("dracut", "http", "snp"),
         ("dracut", "serial", "tdx"), ("dracut-plain", "serial", "snp"),
         ("initramfs-tools", "http", "tdx"), ("mkosi", "serial", "snp"),
         ("init", "https", "snp"), ("dracut", "https", "tdx"),
         ("dracut-plain", "https", "snp"), ("initramfs-tools", "https", "tdx"),
         ("mkosi", "https", "snp")]


@pytest.mark.parametrize("kind, way, tee", [
    BOOTS[0], *(pytest.param(*words, marks=pytest.mark.slow) for words in BOOTS[1:])])
def test_boot(kind, way, tee):
    """From the broker's secrets to the root."""
    server = make_server(faults={"resource": [(), "held"]})
    with served(server, way) as service, \
            attested.guest(kind, tee, service) as (guest, _):
        assert_booted(guest, server, tee)
        if way != "serial":
            assert_down(guest)


def assert_ends(guest, code, says):
    """With its line, and nothing written."""
    assert guest.wait_off(LIMIT) == "guest-shutdown"
    print(f"off after {guest.age():.1f} s", *ours(guest), sep="\n")
    (line,) = [line for line in ours(guest) if "(exit " in line]
    assert says in line and line.endswith(f"(exit {code})")
    assert not any("trying again" in line for line in ours(guest))
    assert set(guest.disk_writes().values()) == {0}


KINDS = ["init", "dracut", "dracut-plain", "initramfs-tools"]
ALL = [KINDS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])]


@pytest.mark.parametrize("kind", ALL)
def test_denied(kind):
    """The policy denies the second secret: the line at once, the first is wiped."""
    server = make_server(faults={"resource": [(), ("held", "PolicyDeny")]})
    with served(server, "serial") as service, \
            attested.guest(kind, "snp", service) as (guest, _):
        key = attested.session_key(guest, server, LIMIT)
        assert_ends(guest, 3, "resource policy denies this machine")
        assert [step for step, _ in server.seen] == ["auth", "attest", "resource", "resource"]
        gone(guest, server, *key)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_forged(kind):
    """Somebody else's broker brings a secret of his, and the host his disk."""
    forged = attested.forged()
    server = broker.Broker(attested.disks().resources() | attest.resources(forged.key))
    with served(server, "serial") as service, attested.guest(
            kind, "snp", service, root=forged.image) as (guest, _):
        assert_ends(guest, 5, "names another owner's key")
        gone(guest, server, forged.key)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_silent_host(kind):
    """A port at whose other end nobody answers any more: it ends when the time is over,
    and leaves neither the secret that it has nor a key."""
    server = make_server(faults={"resource": [(), *[("held", "silent")] * 9]})
    with served(server, "serial") as service, attested.guest(
            kind, "snp", service, cmdline="rd.cocosecret.timeout=10") as (guest, _):
        key = attested.session_key(guest, server, LIMIT)
        assert guest.wait_off(LIMIT) == "guest-shutdown"
        print(f"off after {guest.age():.1f} s", *ours(guest), sep="\n")
        (line,) = [line for line in ours(guest) if "(exit 3)" in line]
        assert "rd.cocosecret.timeout= gives is over" in line
        gone(guest, server, *key)


@pytest.mark.slow
def test_late_relay():
    """A port at whose other end there is nobody at first: he is waited for, and not
    in a loop."""
    with place.scratch() as folder, \
            attested.LatePort(make_server(), pathlib.Path(folder) / "key") as service, \
            attested.guest("init", "snp", service) as (guest, _):
        end = time.monotonic() + LIMIT
        while not any("other end; trying again" in line for line in ours(guest)):
            assert time.monotonic() < end, ours(guest)
            time.sleep(.1)
        service.comes()
        guest.wait_ready(LIMIT)
        print(*ours(guest), sep="\n")
        assert json.loads(guest.check(f"cat {rootvm.STATE}/agent.json"))["secrets"] == 2


def names(folder):
    """The files of an image of cocosecret initrd."""
    return {line.split()[1] for line in (folder / "list").read_text().splitlines()}


def zstd(folder):
    """How large it is as cocosecret initrd makes it by default."""
    return int(place.run("sh", "-c", 'gzip -dc "$1" | zstd -19 -T1 -qc | wc -c', "sh",
                         folder / "initrd.img", limit=900))


@pytest.mark.slow
def test_size():
    """Two programs and no shell; 200 KB at most, for all ways to a broker at once."""
    plain, whole, serial = (attested.made("init", kbs, efi_secret=True) for kbs in (
        None, "", "rd.cocosecret.kbs=serial:key\n"))
    assert {name for name in names(whole) if single.is_program(name)} == {
        "init", "usr/lib/cocosecret/cocosecret-agent"}
    assert "etc/modprobe.d/cocosecret.conf" in names(whole)
    more = names(whole) - names(plain)
    assert {"sev-guest.ko", "tdx-guest.ko", "tsm.ko", "virtio_net.ko"} <= {
        name.rpartition("/")[2] for name in more}
    assert not any("net" in name for name in names(serial) - names(plain))
    secure = attested.made("init", "", efi_secret=True,
                           pins=tls.Holder(key=attested.server_key()).public)
    tls_only = {name.rpartition("/")[2] for name in names(secure) - names(whole)}
    assert {"cocosecret-agent-tls", "kbs.pem", "libssl.so.3"} == tls_only
    sizes = [zstd(folder) for folder in (plain, serial, whole)]
    print(f"TLS: {zstd(secure) - sizes[2]} bytes more than without")
    print(f"{sizes[0]} bytes without the agent; with it, {sizes[1] - sizes[0]} more for a "
          f"serial port, {sizes[2] - sizes[0]} more for all ways")
    assert sizes[0] < sizes[1] < sizes[2] < sizes[0] + 200_000


def root_time(guest):
    """When its root was verified, in seconds of the kernel's clock."""
    guest.wait_ready(LIMIT)
    return json.loads(guest.check(f"cat {rootvm.STATE}/verified.json"))["verified_us"] / 1e6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["init", "dracut"])
def test_time(kind):
    """How much longer a boot takes than with launch secrets; best of three."""
    disks = attested.disks()
    secrets = table.build({known.DISK: disks.root.key, known.OTHER: disks.data.key})
    took = {"launch": [], "broker": []}
    for _ in range(3):
        with attested.guest(kind, "snp", None, kbs=None, firmware="stock",
                            table=secrets) as (guest, _):
            took["launch"].append(root_time(guest))
        with place.scratch() as folder, \
                attested.Port(make_server(), pathlib.Path(folder) / "key") as service, \
                attested.guest(kind, "snp", service, firmware="stock",
                               efi_secret=True) as (guest, _):
            took["broker"].append(root_time(guest))
    print(kind, took)
    assert min(took["broker"]) - min(took["launch"]) < 3
