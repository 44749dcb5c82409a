# SPDX-License-Identifier: GPL-2.0-or-later
"""efi_secret.ko in a guest of its own, without an encrypted root.

Runs on the kernel of this machine's headers, and with --kernels on those that
tests/kernels/tree.sh made. Every guest panics on a warning of the kernel's.
"""

import base64
import hashlib
import random

import pytest

from harness import (expect, firmware, kernels, memory, modulevm, qemu, rootvm,
                     table)

FOLDER = rootvm.SECRETS
LOAD = "load /efi_secret.ko"
KEEP = f"{LOAD} keep_on_unload=1"


@pytest.fixture(name="kernel", params=kernels.CHOSEN or ["bookworm"])
def kernel_fixture(request):
    """A kernel and the module built for it."""
    return kernels.get(request.param)


def kernel_log(guest):
    """The module's lines since the last call."""
    lines = guest.check("dmesg -c | grep -F 'efi_secret: ' || :").splitlines()
    return [line.split("efi_secret: ", 1)[1] for line in lines
            if "taint" not in line]


def files(guest):
    """{name: sha256} as the guest reads them."""
    output = guest.check(f"cd {FOLDER} && sha256sum * 2>/dev/null || :")
    return {name: value for value, name in map(str.split, output.splitlines())}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["amdsev", "stock"])
def test_publishes(kernel, kind):
    """As many secrets as fit, of every length, as the in-tree driver shows
    them; nothing but unlink can be done in the folder."""
    secrets = dict(zip(table.names(72),
                       [b"", bytes(range(24)), *table.contents(70)]))
    with modulevm.guest(kernel, kind, table.build(secrets)) as guest:
        guest.check(LOAD)
        assert kernel_log(guest) == ["secrets in securityfs secrets/coco: 72"]
        assert files(guest) == {name: sha256(data)
                                for name, data in secrets.items()}
        modes = guest.check(f"stat -c '%a %u %g %s' {FOLDER}/* | sort -u")
        assert modes == "440 0 0 0"
        assert guest.check(f"stat -c %a {FOLDER} {FOLDER}/..") == "755\n755"
        one = next(iter(secrets))
        for command in (f"mkdir {FOLDER}/x", f": >{FOLDER}/x",
                        f"mv {FOLDER}/{one} {FOLDER}/x",
                        f"ln {FOLDER}/{one} {FOLDER}/x",
                        f"ln -s x {FOLDER}/x", f"echo x >>{FOLDER}/{one}",
                        f"mknod {FOLDER}/x p", f"rmdir {FOLDER}"):
            assert guest.run(command)[0], command
        assert set(files(guest)) == set(secrets)
        assert guest.run(LOAD)[0]
        assert len(files(guest)) == 72
        print(f"{kernel.version}, {kind}: 72 secrets, "
              f"{sum(map(len, secrets.values()))} bytes; booted to the agent "
              f"in {guest.age():.1f} s")


def test_unlink_wipes(kernel, folder):
    """Gone from the folder, from open descriptors and from memory, and the
    rest of the page is as it was."""
    source = random.Random(4)
    secrets = {name: source.randbytes(48) for name in table.names(5, 3)}
    first, second, third, *_ = secrets
    base, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    before = table.build(secrets)
    with modulevm.guest(kernel, "amdsev", before) as guest:
        guest.check(KEEP)
        for name in secrets:
            guest.check(f"probe read {FOLDER}/{name} 100")
        page = guest.dump(folder / "page").read_bytes()[base:base + 0x1000]
        assert page[:len(before)] == before
        old = guest.check(f"stat -c %Y {FOLDER}; sleep 1.1").split()[0]
        left = guest.check(f"exec 5<{FOLDER}/{second}; rm {FOLDER}/{second}; "
                           "cat <&5 | wc -c; stat -L -c %h /proc/self/fd/5")
        assert left == "0\n0"
        guest.check(f"exec 5<{FOLDER}/{third}; dd bs=1 count=7 of=/dev/null "
                    f"<&5; rm {FOLDER}/{third}; [ $(cat <&5 | wc -c) = 0 ]")
        assert guest.run(f"rm {FOLDER}/{second}")[0]
        assert guest.check(f"stat -c %Y {FOLDER}") > old
        assert set(files_without_reading(guest)) == set(secrets) - {second,
                                                                    third}
        dump = guest.dump(folder / "dump")
        expected = bytearray(page)
        for number, name in enumerate(secrets):
            start = 20 + number * 68
            if name in (second, third):
                expected[start:start + 16] = bytes(16)
                expected[start + 20:start + 68] = bytes(48)
        now = dump.read_bytes()[base:base + 0x1000]
        assert now == expected
        for name in (second, third):
            assert memory.find(dump, secrets[name]) == []
        (where,) = memory.whole(dump, secrets[first])
        assert where == base + 40
        # A wiped entry stays wiped for whoever loads the module next.
        guest.check(f"rmmod efi_secret && {LOAD}")
        assert set(files_without_reading(guest)) == set(secrets) - {second,
                                                                    third}
        print(f"{kernel.version}: 2 of 5 wiped after 100 reads each; no copy "
              f"in {dump.stat().st_size >> 20} MiB, the other found at its "
              f"place; {0x1000 - size} bytes behind the area untouched")


def files_without_reading(guest):
    return guest.check(f"ls {FOLDER}").split()


def read_page(guest):
    """The page of the area, with what shares it."""
    base, _ = firmware.amdsev_areas()[firmware.SECRET_AREA]
    return base64.b64decode(guest.check(
        f"dd if=/dev/mem bs=4096 count=1 skip={base} iflag=skip_bytes "
        "2>/dev/null | base64"))


def test_malformed(kernel):
    """Refused whole, in one line that says where, and wiped whole; the next
    good one loads."""
    _, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    with modulevm.guest(kernel, "amdsev", None) as guest:
        hashes = read_page(guest)[size:]
        assert any(hashes)
        for what, bad in table.BAD.items():
            modulevm.write_area(guest, bad + b"what lies behind it")
            assert b"Bad message" in guest.run(LOAD)[1], what
            assert read_page(guest) == bytes(size) + hashes, what
            lines = kernel_log(guest)
            assert len(lines) == 1, (what, lines)
            assert lines[0].startswith("malformed secret table"), lines
            assert "offset" in lines[0] or "the table is" in lines[0], lines
            assert guest.run(f"ls -d {FOLDER}/..")[0], what
            print(f"{what}: {lines[0]}")
        for what, (secrets, tail) in table.GOOD.items():
            body = b"".join(table.entry(*item) for item in secrets.items())
            modulevm.write_area(guest, table.wrap(body + tail))
            guest.check(LOAD)
            assert files(guest) == {name: sha256(data) for name, data
                                    in secrets.items()}, what
            guest.check("rmmod efi_secret")


def unnamed(secret):
    """{name: (area, how loading it fails, what is said)} of areas in which a
    secret lies that nobody can name."""
    entry = table.entry(table.names(1)[0], secret)
    return {"malformed": (table.wrap(entry + entry), b"Bad message",
                          "malformed secret table, the whole area is wiped: "),
            "no-table": (table.wrap(entry, guid=table.names(1)[0]),
                         b"No such device",
                         "the contents of the secret area are wiped: "
                         "no secret")}


@pytest.mark.parametrize("what", unnamed(b""))
def test_unnamed_secret_is_wiped(kernel, what, folder):
    """Nowhere in memory is it left; then the area is as one that never held
    any."""
    secret = random.Random(11).randbytes(32)
    area, error, says = unnamed(secret)[what]
    with modulevm.guest(kernel, "amdsev", area) as guest:
        dump = guest.dump(folder / "before")
        assert memory.find(dump, secret)
        assert error in guest.run(LOAD)[1]
        (line,) = kernel_log(guest)
        assert line.startswith(says), line
        assert_wiped(guest, [secret])
        assert b"No such device" in guest.run(LOAD)[1]
        assert kernel_log(guest) == []
        print(line)


@pytest.mark.parametrize("cmdline", ["efi=noruntime", "noefi"])
@pytest.mark.parametrize("kind", ["amdsev", "stock"])
def test_without_runtime_services(kernel, kind, cmdline):
    """The kernel keeps no EFI memory map then, and the system table's pointers
    are the firmware's own."""
    secrets = {table.names(1)[0]: b"x"}
    with modulevm.guest(kernel, kind, table.build(secrets),
                        cmdline=cmdline) as guest:
        assert guest.run("ls /sys/firmware/efi/runtime-map/0")[0]
        guest.check(LOAD)
        assert files(guest) == {table.names(1)[0]: sha256(b"x")}
        assert kernel_log(guest) == ["secrets in securityfs secrets/coco: 1"]


def test_without_sysfs(kernel):
    """That no area is found then does not mean that there is none."""
    with modulevm.guest(kernel, "amdsev", None) as guest:
        guest.check("umount /sys/kernel/security /sys")
        assert b"Input/output error" in guest.run(LOAD)[1]
        guest.check("mount -t sysfs sysfs /sys; "
                    "mount -t securityfs securityfs /sys/kernel/security")
        (line,) = kernel_log(guest)
        assert "is sysfs mounted on /sys?" in line


QUIET = [("stock", {"mode": "none"}), ("stock", {"table": None}),
         ("amdsev", {"table": None}), ("bios", {}),
         ("stock", {"mode": "none", "cmdline": "efi=noruntime"})]


@pytest.mark.parametrize("kind, options", QUIET,
                         ids=["no-entry", "empty", "empty-amdsev", "bios",
                              "no-entry-noruntime"])
def test_no_area_is_quiet(kernel, kind, options):
    """A VM without secrets is no error to talk about."""
    settings = {"table": table.build({table.names(1)[0]: b"x"}), **options}
    with modulevm.guest(kernel, kind, **settings) as guest:
        status, output = guest.run(LOAD)
        assert status and b"No such device" in output
        assert kernel_log(guest) == []
        assert guest.run(f"ls -d {FOLDER}/..")[0]


BAD_AREAS = {"0 0x1000": "has no address",
             "0x810000 0x10": "too small",
             "0x810000 0x10001": "larger than 64 KiB",
             "0xfffffffffffff000 0x2000": "beyond",
             "0x10000000000000 0x1000": "beyond",
             "0x1000000 0x1000": "RAM"}


@pytest.mark.parametrize("area", BAD_AREAS)
def test_bad_area(kernel, area):
    """What firmware publishes is checked before it is mapped."""
    with modulevm.guest(kernel, "stock", mode=f"descriptor {area}") as guest:
        assert guest.run(LOAD)[0]
        (line,) = kernel_log(guest)
        assert BAD_AREAS[area] in line
        print(line)


def test_already_there(kernel):
    """Somebody else serves the folder: a clear message, nothing touched."""
    secrets = {table.names(1)[0]: b"x"}
    with modulevm.guest(kernel, "amdsev", table.build(secrets)) as guest:
        guest.check(LOAD)
        kernel_log(guest)
        # The same code under another name, as the in-tree driver would be.
        guest.check("sed 's/efi_secret/efi_sekret/g' /efi_secret.ko >/2.ko")
        status, output = guest.run("load /2.ko")
        # Newer kernels keep EEXIST for "this module is loaded already".
        assert status and (b"File exists" in output or b"busy" in output)
        assert "another driver" in guest.check("dmesg")
        assert set(files(guest)) == set(secrets)


def held(guest):
    """Counts that a leak would raise."""
    guest.check("sync; echo 3 >/proc/sys/vm/drop_caches")
    dentries, unused = map(int, guest.check(
        "cat /proc/sys/fs/dentry-state").split()[:2])
    return {"dentries": dentries - unused,
            "mappings": int(guest.check("grep -c ioremap /proc/vmallocinfo"))}


def test_reload(kernel):
    """200 times in and out, with secrets read and unlinked: nothing leaks,
    nothing is put twice."""
    secrets = dict(zip(table.names(4), table.contents(4)))
    base, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    with modulevm.guest(kernel, "amdsev", table.build(secrets)) as guest:
        guest.check(f"dd if=/dev/mem of=/area bs={size} count=1 skip={base} "
                    "iflag=skip_bytes")
        loop = (f"for i in $(seq %d); do dd if=/area of=/dev/mem bs={size} "
                f"seek={base} oflag=seek_bytes conv=notrunc 2>/dev/null; "
                f"{LOAD} && cat {FOLDER}/* >/dev/null && "
                f"rm {FOLDER}/{next(iter(secrets))} && rmmod efi_secret "
                "|| exit 1; done")
        guest.check(loop % 10)
        before = held(guest)
        guest.check(loop % 200, timeout=240)
        after = held(guest)
        assert after["mappings"] == before["mappings"]
        assert after["dentries"] <= before["dentries"] + 10
        assert guest.run("ls -d /sys/kernel/security/secrets")[0]
        print(f"{kernel.version}: 200 loads; before {before}, after {after}")


HOLD = f"""
    exec 5<{FOLDER} 6<{FOLDER}/..
    cd {FOLDER}
    rmmod efi_secret || exit 1
    ls -la . .. >/dev/null; stat . >/dev/null; ls /proc/self/fd/5/ >/dev/null
    rm {{0}}; cat {{0}}; mkdir x
    {LOAD} || exit 2
    ls {FOLDER}/{{0}} || exit 3
"""


def test_unload_while_held(kernel):
    """An open file keeps the module; a folder that is held does not, and is
    dead then."""
    secrets = dict(zip(table.names(2), table.contents(2)))
    name = next(iter(secrets))
    with modulevm.guest(kernel, "amdsev", table.build(secrets)) as guest:
        guest.check(KEEP)
        guest.check(f"exec 5<{FOLDER}/{name}; ! rmmod efi_secret && "
                    f"[ \"$(sha256sum <&5)\" = '{sha256(secrets[name])}  -' ]")
        guest.check(f"tail -f {FOLDER}/{name} >/dev/null & sleep 0.3; "
                    "rmmod efi_secret && exit 1; kill $!")
        guest.check(HOLD.format(name))
        assert set(files(guest)) == set(secrets)


def assert_wiped(guest, secrets):
    """None is left; the search finds the command line, which is there."""
    expect.gone(guest, *secrets, control=modulevm.CMDLINE)


def test_wiped_on_unload(kernel):
    """Unless keep_on_unload was asked for."""
    source = random.Random(8)
    secrets = {name: source.randbytes(32) for name in table.names(2)}
    with modulevm.guest(kernel, "amdsev", table.build(secrets)) as guest:
        guest.check(f"{KEEP} && rmmod efi_secret && {LOAD}")
        assert set(files_without_reading(guest)) == set(secrets)
        guest.check("rmmod efi_secret")
        assert_wiped(guest, secrets.values())
        guest.check(LOAD)
        assert files_without_reading(guest) == []


def test_wiped_on_reboot(kernel):
    """By the module, since firmware need not clear memory."""
    source = random.Random(9)
    secrets = {name: source.randbytes(32) for name in table.names(2)}
    with modulevm.guest(kernel, "amdsev", table.build(secrets)) as guest:
        guest.check(LOAD)
        with pytest.raises(qemu.Failure):
            guest.run("reboot -f", timeout=20)
        assert guest.wait_off(20) == "guest-reset"
        assert_wiped(guest, secrets.values())


def test_wiped_on_kexec(kernel):
    """The next kernel finds a table without entries."""
    source = random.Random(10)
    secrets = {name: source.randbytes(32) for name in table.names(2)}
    with modulevm.guest(kernel, "amdsev", table.build(secrets),
                        files={"vmlinuz": kernel.image}) as guest:
        guest.check(LOAD)
        guest.check("find . -xdev ! -path './proc/*' ! -path './sys/*' "
                    "! -path './dev/*' ! -path './run/*' ! -name vmlinuz "
                    "| cpio -o -H newc 2>/dev/null >/run/initrd")
        guest.send("kexec /vmlinuz /run/initrd")
        guest.wait_ready()
        assert_wiped(guest, secrets.values())
        guest.check(LOAD)
        assert files_without_reading(guest) == []
        print(f"{kernel.version}: wiped before kexec, the next kernel's agent "
              f"after {guest.age():.1f} s")


def test_race(kernel):
    """Readers, unlinkers, listers and holders against load and unload."""
    base, size = firmware.amdsev_areas()[firmware.SECRET_AREA]
    with modulevm.guest(kernel, "amdsev", None, cpus=2) as guest:
        command = f"race /efi_secret.ko {base:#x} {size:#x} 15"
        print(f"{kernel.version}: {guest.check(command, timeout=60)}")
