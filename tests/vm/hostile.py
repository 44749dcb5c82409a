# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that shows a running guest one disk after the other."""

import contextlib
import secrets
import subprocess
import time
import typing

from attacks import catalogue, swap

from . import firmware, memory, place, qemu, ram, rootvm, table

NAME = catalogue.NAME
# For programs that a header may keep busy for ever: seconds of work, and of
# waiting, which takes long on a busy machine.
WORK_S, WAIT_S = 4, 30
# The guest's root has no modules but ours, so what is needed comes early.
DRIVERS = "virtio_scsi", "sd_mod", "dm_integrity", "authenc", "ecb"
LINK = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_{}"

# To start a program is what costs time here, so these start few.
READY = r"""
rmmod efi_secret 2>/dev/null
udevadm wait --settle --timeout=30 {links}
"""

UNLOCK = r"""
cd /run
echo '{cmdline}' >victim.cmdline
echo '{cocotab}' >victim.cocotab
read begin rest </proc/uptime
cocosecret-unlock --cmdline victim.cmdline --cocotab victim.cocotab
status=$?
read end rest </proc/uptime
echo "$status $begin $end"
echo {secrets}/*
dmsetup table
dmesg --read-clear
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

    def __init__(self, guest, shared, folder):
        self.guest, self.ram, self.folder = guest, shared, folder
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
            links = [LINK.format(name) for name in names]
            self.guest.check(READY.format(links=" ".join(links)))
            yield links
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
        new = table.build({table.DISK: secret})
        self.ram.write(self.base, new + bytes(self.size - len(new)))

    @contextlib.contextmanager
    def standing_still(self):
        """Memory does not change meanwhile."""
        self.guest.qmp("stop")
        try:
            yield
        finally:
            self.guest.qmp("cont")

    def unlock(self, device, options, secret):
        """Runs cocosecret-unlock as the initramfs does; see Outcome."""
        self.launch(secret)
        control = secrets.token_hex(16)
        command = UNLOCK.format(
            cmdline=f"test.control={control} rd.cocosecret.timeout=5",
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
def host():
    """A Host with a booted guest."""
    with place.scratch() as folder, \
            ram.Ram(rootvm.MEMORY * qemu.MIB) as shared, \
            rootvm.guest("amdsev",
                         cmdline="rd.driver.pre=" + ",".join(DRIVERS),
                         more=["-device", "virtio-scsi-pci,id=shown",
                               *shared.arguments()]) as guest:
        guest.run("systemctl is-system-running --wait", 120)
        guest.check("rmmod efi_secret; dmesg --clear")
        yield Host(guest, shared, place.pathlib.Path(folder))
