# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that shows a running guest one disk after the other: in its booted
root, or in its initramfs."""

import contextlib
import secrets
import subprocess
import time
import typing

from attacks import catalogue, swap

from . import (firmware, image, initrd, known, memory, place, qemu, ram,
               rootvm, table)

NAME = catalogue.NAME
# For programs that a header may keep busy for ever: seconds of work, and of
# waiting, which takes long on a busy machine.
WORK_S, WAIT_S = 4, 30
# The guest's root has no modules but ours, so what is needed comes early.
DRIVERS = "virtio_scsi", "sd_mod", "dm_integrity", "authenc", "ecb"
UNLOCKER = "usr/bin/cocosecret-unlock"

# To start a program is what costs time here, so these start few. Not every
# initramfs has udev's links.
READY = r"""
rmmod efi_secret 2>/dev/null
for serial in {serials}; do
	left=300
	until page=$(grep -ls $serial /sys/block/sd*/device/vpd_pg80); do
		[ $((left -= 1)) -gt 0 ] || exit 1
		sleep 0.1
	done
	disk=${{page%/device/*}}
	disk=/dev/${{disk##*/}}
	udevadm wait --settle --timeout=30 $disk
	echo $disk
done
"""

LIMIT_S = 40  # a bomb takes minutes; the slowest machine seen took 14 s
UNLOCK = r"""
cd /run
echo '{cmdline}' >victim.cmdline
echo '{cocotab}' >victim.cocotab
read begin rest </proc/uptime
{unlock} --cmdline victim.cmdline --cocotab victim.cocotab
status=$?
read end rest </proc/uptime
echo "$status $begin $end"
echo {secrets}/*
dmsetup table
dmesg -c
"""

# As another program would be started: with a limit, and nobody to ask.
OTHERS = {
    "cryptsetup": "cryptsetup open -q {device} other --key-file key",
    "systemd-cryptsetup": "/lib/systemd/systemd-cryptsetup attach other "
                          "{device} /run/key headless=1,tries=1",
}
KEY = r"""
cd /run
umask 077
printf '{key}' >key
"""
OTHER = KEY + r"""
ulimit -t {work}
timeout -s KILL {wait} {command} >&2
echo "status $?"
>key
dmsetup table other && cryptsetup close other
"""

# Only a kernel can put integrity tags below a volume.
FORMAT = KEY + r"""
cryptsetup luksFormat -q --type luks2 {options} --cipher aes-xts-plain64 \
	--integrity hmac-sha256 --integrity-no-wipe --key-file key {device}
status=$?
>key
exit $status
"""

# In an initramfs the agent takes the unlocker's place, once it is started
# without arguments. What the agent needs and the image lacks is busybox.
OURS = "usr/libexec/cocosecret-tests"
APPLETS = ("base64", "cat", "dd", "dmesg", "grep", "rmmod", "sleep", "stty", "timeout")
IN_INITRAMFS = b"""\
#!/bin/sh
[ $# = 0 ] || exec /usr/libexec/cocosecret-tests/unlock "$@"
PATH=$PATH:/usr/sbin:/sbin:/usr/libexec/cocosecret-tests/busybox
export PATH
exec /usr/libexec/cocosecret-tests/agent.sh
"""


def in_initramfs():
    """{path in it: content}"""
    root = image.root()
    libpopt = "usr/lib/x86_64-linux-gnu/libpopt.so.0"
    return {
        UNLOCKER: IN_INITRAMFS, f"{OURS}/unlock": root / UNLOCKER,
        f"{OURS}/agent.sh": place.GUEST / "agent.sh",
        f"{OURS}/busybox/busybox": initrd.BUSYBOX,
        "usr/sbin/cryptsetup": root / "usr/sbin/cryptsetup",
        libpopt: (root / libpopt).resolve(),
    } | {f"{OURS}/busybox/{applet}": "busybox" for applet in APPLETS}


class Swap:
    """A network disk that changes its header; images: [first, second]."""

    def __init__(self, folder, images, count):
        self.images, self.count = images, count
        self.control, self.served = folder / "control", folder / "served"
        self.socket = folder / "socket"
        self.arm(1 << 20)

    def arm(self, count=None):
        """Begins to count reads of the header."""
        self.served.write_bytes(b"")
        words = [*self.images, self.count if count is None else count]
        new = self.control.with_suffix(".new")
        new.write_text(" ".join(map(str, words)))
        new.rename(self.control)

    @contextlib.contextmanager
    def running(self):
        """While its server runs."""
        # pylint: disable=subprocess-popen-preexec-fn
        command = ["nbdkit", "-f", "-U", self.socket, "python", swap.__file__,
                   f"control={self.control}", f"served={self.served}"]
        with open(self.socket.with_name("nbdkit.log"), "wb") as log, \
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log,
                                 preexec_fn=qemu.die_with_parent) as server:
            try:
                while not self.socket.exists():
                    assert server.poll() is None, log.name
                    time.sleep(0.05)
                yield
            finally:
                server.terminate()

    def __str__(self):
        """For QEMU's command line."""
        return f"nbd:unix:{self.socket}"

    def block(self):
        """For QEMU."""
        return {"driver": "nbd", "cache": {"direct": True}, "server": {
            "type": "unix", "path": str(self.socket)}}


def file_block(path):
    """For QEMU."""
    return {"driver": "file", "filename": str(path),
            "cache": {"no-flush": True}}


def octal(key):
    """As printf takes it."""
    return "".join(f"\\{byte:03o}" for byte in key)


def ours(dmesg):
    """What the unlocker said in the kernel log."""
    return [line.split("cocosecret: ", 1)[1] for line in dmesg
            if "] cocosecret: " in line]


class Outcome(typing.NamedTuple):
    """How cocosecret-unlock ended."""

    status: int
    ms: int
    mapped: list  # of device-mapper's table: what belongs to the volume
    left: bool    # secrets are still there
    lines: list   # what it said
    writes: int   # requests to the disks that were shown
    found: list   # of the secret, in memory
    control: bool  # what must be in memory is found there


class Host:
    """Shows disks to a guest, launched anew with a secret for each."""

    def __init__(self, guest, shared, folder, unlock):
        self.guest, self.ram, self.folder = guest, shared, folder
        self.unlocker = unlock
        self.count = 0
        self.base, self.size = firmware.amdsev_areas()[firmware.SECRET_AREA]

    def attach(self, disk):
        """Plugs a disk; returns its name."""
        self.count += 1
        name = f"shown{self.count}"
        block = disk.block() if isinstance(disk, Swap) else file_block(disk)
        self.guest.qmp("blockdev-add", driver="raw", file=block,
                       **{"node-name": name})
        self.guest.qmp("device_add", driver="scsi-hd", drive=name, id=name,
                       serial=name, bus="shown.0")
        return name

    def detach(self, name):
        """Unplugs it."""
        self.guest.qmp("device_del", id=name)
        for _ in range(50):
            with contextlib.suppress(qemu.Failure):
                self.guest.qmp("blockdev-del", **{"node-name": name})
                return
            time.sleep(0.1)
        raise qemu.Failure(f"{name} does not go")

    @contextlib.contextmanager
    def showing(self, disks):
        """The paths of the disks while they are plugged."""
        names = []
        try:
            for disk in disks:
                names.append(self.attach(disk))
            found = self.guest.check(READY.format(serials=" ".join(names)))
            yield found.split()
        finally:
            for name in names:
                self.detach(name)

    def writes(self):
        """Requests that would change the disks now shown."""
        return sum(stats["stats"]["wr_operations"]
                   + stats["stats"]["unmap_operations"]
                   for stats in self.guest.qmp("query-blockstats")
                   if "shown" in stats.get("qdev", ""))

    def launch(self, secret):
        """A new secret table, as if at a new start: no module knows it."""
        new = table.build({known.DISK: secret})
        self.ram.write(self.base, new + bytes(self.size - len(new)))

    @contextlib.contextmanager
    def standing_still(self):
        """Memory does not change meanwhile."""
        self.guest.qmp("stop")
        try:
            yield
        finally:
            self.guest.qmp("cont")

    def unlock(self, device, options, secret, words=""):
        """Runs cocosecret-unlock as the initramfs does; see Outcome."""
        self.launch(secret)
        control = secrets.token_hex(16)
        command = UNLOCK.format(
            unlock=self.unlocker,
            cmdline=f"test.control={control} "
                    f"rd.cocosecret.timeout={LIMIT_S} {words}",
            cocotab=f"{NAME} {device} - {options}",
            secrets=rootvm.SECRETS)
        first, left, *lines = self.guest.check(command).split("\n")
        status, begin, end = first.split()
        mapped = [line for line in lines if line.startswith(NAME)]
        with self.standing_still():
            dump = self.ram.dump_changes(self.folder / "changes")
            found = memory.find(dump, secret)
            seen = bool(memory.whole(dump, control.encode()))
        return Outcome(int(status), round(1000 * (float(end) - float(begin))),
                       mapped, left != rootvm.SECRETS + "/*", ours(lines),
                       self.writes(), found, seen)

    good = staticmethod(catalogue.good)

    def good_with_integrity(self, path):
        """A sealed volume that the guest made."""
        volume = catalogue.keys(path)
        with self.showing([catalogue.blank(path)]) as (link,):
            key = octal(volume.owner.read_bytes())
            self.guest.check(FORMAT.format(
                key=key, device=link, options=" ".join(catalogue.CHEAP)))
        return catalogue.enroll(volume)

    def close(self, mapped):
        """What was opened; cryptsetup would mend the header meanwhile."""
        names = [line.split(":")[0] for line in mapped]
        self.guest.check("dmsetup remove --retry " + " ".join(names))

    def other(self, program, device, secret):
        """What another program makes of it with the right key."""
        before = self.writes()
        _, output = self.guest.run(OTHER.format(
            key=octal(secret), work=WORK_S, wait=WAIT_S,
            command=OTHERS[program].format(device=device)), 120)
        output = output.decode()
        status = int(output.split("status ")[1].split()[0])
        words = {0: "opens", 137: "hangs", 152: "hangs"}.get(status,
                                                              "refuses")
        if status == 0:
            cipher = output.split(" crypt ")[1].split()[0]
            words += " " + cipher.removeprefix("capi:")
        if self.writes() > before:
            words += ", writes"
        return words


@contextlib.contextmanager
def started(unlock, variant, **settings):
    """A Host with a guest; settings are rootvm.guest()'s."""
    with place.scratch() as folder, \
            ram.Ram(rootvm.memory(variant) * qemu.MIB) as shared, \
            rootvm.guest("amdsev", variant, more=[
                "-device", "virtio-scsi-pci,id=shown", *shared.arguments()],
                         **settings) as guest:
        guest.wait_ready()
        yield Host(guest, shared, place.pathlib.Path(folder), unlock)


@contextlib.contextmanager
def host():
    """A Host with a booted guest."""
    with started("cocosecret-unlock", "generic",
                 cmdline="rd.driver.pre=" + ",".join(DRIVERS)) as found:
        found.guest.run("systemctl is-system-running --wait", 120)
        found.guest.check("rmmod efi_secret; dmesg --clear")
        yield found


@contextlib.contextmanager
def host_of_initramfs(variant):
    """A Host with a guest that is still in its initramfs."""
    # systemd would not wait for a device long enough.
    with started(f"/{OURS}/unlock", variant, root="",
                 cmdline="rd.cocosecret.timeout=3600",
                 files=in_initramfs()) as found:
        found.guest.check("dmesg -c >/dev/null")
        yield found
