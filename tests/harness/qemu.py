# SPDX-License-Identifier: GPL-2.0-or-later
"""A running guest.

serial0 is the console: the host could forge it, so it is only kept as a log,
and for typing on it.
serial1 is the guest's own report: lines that begin with "@", each with words
that the receiver below knows; all else on it is ignored.

A guest that powers off stays as a paused QEMU until the `with` block ends, so
that its memory and disk counters can still be looked at.
"""

import base64
import collections
import contextlib
import ctypes
import json
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import typing

from . import place

PR_SET_PDEATHSIG = 1
BUSES = {".nvme": "nvme", ".scsi": "scsi-hd"}
MIB = 1 << 20
# Limits hold for a machine at its best, which can be four times slower.
PATIENCE = 4


class Failure(AssertionError):
    """What the guest should have done and did not."""


class Lines:
    """A socket's complete lines."""

    def __init__(self, sock):
        self.socket = sock
        self.rest = b""
        self.open = True

    def read(self):
        """Those that can be had without waiting."""
        try:
            data = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except ConnectionError:
            data = b""
        self.open = bool(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.strip(b"\r") for line in lines]


def die_with_parent():
    """In the child: nothing survives an interrupted run."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Report(typing.NamedTuple):
    """How the unlocker ended: tests/harness/guest/report.sh"""

    exit: str
    result: str
    lines: list  # of the kernel log, with time stamps: ours

    def faults(self):
        """The lines that name an exit status, without their stamps."""
        return [line.split("cocosecret: ", 1)[1] for line in self.lines
                if "(exit " in line]


class Machine:
    """with Machine(name, firmware) as machine: …

    disks: paths, each a virtio disk that the guest may write; with .nvme or
    .scsi in its name it is attached as that.
    more: arguments for QEMU.
    emulator: QEMU, as the words of a command.
    """

    def __init__(self, name, firmware, *, disks=(), memory_mib=768, cpus=1,
                 accel=None, more=(), emulator=("qemu-system-x86_64",)):
        self.name, self.firmware = name, firmware
        self.disks, self.memory = disks, memory_mib * MIB
        self.cpus, self.accel, self.more = cpus, accel, list(more)
        self.emulator = emulator
        self.reports = collections.deque()
        self.off_reason = None
        self.commands = 0
        self._answers, self._events = {}, collections.deque()
        self._process = self._folder = self._qmp = self._port = None
        self._keyboard = None
        self._ready = False
        self._log_lines = []

    # starting and ending

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.kill()
            self._process.wait()
        for lines in (self._qmp, self._port):
            if lines:
                lines.socket.close()
        if self._keyboard:
            self._keyboard.close()
        if self._folder:
            self._folder.cleanup()

    kill = __exit__

    def log_path(self, kind):
        """build/vm/logs/NAME.KIND"""
        place.LOGS.mkdir(parents=True, exist_ok=True)
        return place.LOGS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', self.name)}.{kind}"

    def _start(self):
        from . import accel  # it needs a machine to find out
        self._folder = place.scratch()
        folder = pathlib.Path(self._folder.name)
        # Before QEMU starts: under xdist the work here may be a long build.
        arguments = self.firmware.arguments(folder, self.memory)
        arguments += (self.accel or accel.arguments()) + self.more
        qmp, qmp_far = socket.socketpair()
        port, port_far = socket.socketpair()
        self._qmp, self._port = Lines(qmp), Lines(port)
        self.started = time.monotonic()
        with open(self.log_path("qemu"), "wb") as log, qmp_far, port_far:
            command = self._command(arguments, qmp_far, port_far)
            log.write(" ".join(command).encode() + b"\n")
            log.flush()
            # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(qmp_far.fileno(), port_far.fileno()),
                preexec_fn=die_with_parent)
        self.qmp("qmp_capabilities")

    def _command(self, arguments, qmp, port):
        command = [
            *self.emulator, "-machine", "q35", "-nodefaults",
            "-no-user-config", "-display", "none", "-smp", str(self.cpus),
            "-m", f"{self.memory // MIB}M",
            "-action", "reboot=shutdown,shutdown=pause,panic=shutdown",
            "-chardev", f"socket,id=qmp,fd={qmp.fileno()}",
            "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=console,path={self._folder.name}/console,"
                        f"server=on,wait=off,logfile={self.log_path('console')}",
            "-serial", "chardev:console",
            "-chardev", f"socket,id=port,fd={port.fileno()}",
            "-serial", "chardev:port",
            "-chardev", f"file,id=debug,path={self.log_path('debug')}",
            "-device", "isa-debugcon,iobase=0x402,chardev=debug",
            "-device", "virtio-rng-pci",
            "-device", "pcie-root-port,id=free-slot,chassis=1"]
        if "scsi-hd" in map(self.device, self.disks):
            command += ["-device", "virtio-scsi-pci"]
        for number, disk in enumerate(self.disks):
            form = "qcow2" if str(disk).endswith(".qcow2") else "raw"
            command += [
                "-drive", f"if=none,id=disk{number},format={form},"
                          f"cache=unsafe,file={disk}",
                "-device", f"{self.device(disk)},drive=disk{number},"
                           f"serial=disk{number}"]
        return command + [str(word) for word in arguments]

    @staticmethod
    def device(disk):
        """What the disk is attached as."""
        suffixes = pathlib.Path(disk).suffixes
        return next((device for suffix, device in BUSES.items()
                     if suffix in suffixes), "virtio-blk-pci")

    # what comes in

    def _receive(self, deadline):
        """Waits for input, or fails at the deadline."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sources = {lines.socket: lines for lines in (self._qmp, self._port)
                   if lines.open}
        if not self._qmp.open:
            log = self.log_path("qemu").read_text(errors="replace")
            raise Failure(f"{self.name}: QEMU ended: {log.splitlines()[-1]}")
        if self._keyboard:
            sources[self._keyboard] = None
        for sock in select.select(list(sources), [], [], left)[0]:
            if sock is self._keyboard:
                self._drain()
                continue
            take = self._take_qmp if sock is self._qmp.socket else self._take
            for line in sources[sock].read():
                take(line)

    def _drain(self):
        """Who types must take what the console shows, or it stands still."""
        with contextlib.suppress(BlockingIOError):
            while self._keyboard and self._keyboard.recv(1 << 16):
                pass

    def _take_qmp(self, line):
        message = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            self.off_reason = message["data"]["reason"]
        elif "return" in message or "error" in message:
            self._events.append(message)

    def _take(self, line):
        with open(self.log_path("port"), "ab") as log:
            log.write(f"{time.monotonic() - self.started:8.2f} ".encode()
                      + line[:300] + b"\n")
        at = line.rfind(b"@")
        if at < 0:
            return
        word, _, rest = line[at + 1:].decode(errors="replace").partition(" ")
        if word == "ready":
            self._ready = True
        elif word == "log":
            self._log_lines.append(rest)
        elif word == "report":
            self.reports.append(Report(**dict(re.findall(r"(\w+)=(\S+)", rest)),
                                       lines=self._log_lines))
            self._log_lines = []
        elif word.isdigit():
            status, _, output = rest.partition(" ")
            self._answers[int(word)] = int(status), base64.b64decode(output)

    def _wait(self, what, condition, timeout, dead_too=False):
        """Until condition() is true; the machine must be on, unless asked."""
        timeout *= PATIENCE
        deadline = time.monotonic() + timeout
        try:
            while not condition():
                if self.off_reason and not dead_too:
                    raise Failure(f"{self.name}: no {what}, the guest is off "
                                  f"({self.off_reason}); " + self.hint())
                self._receive(deadline)
        except TimeoutError:
            raise Failure(f"{self.name}: no {what} within {timeout} s; "
                          + self.hint()) from None

    def hint(self):
        """Where to look, and the end of the console's log."""
        path = self.log_path("console")
        tail = path.read_text(errors="replace").splitlines()[-8:]
        return f"the console {path} ends:\n" + "\n".join(tail)

    # what to do with it

    def qmp(self, command, limit=60, **arguments):
        """One QMP command's result."""
        request = {"execute": command, "arguments": arguments}
        self._qmp.socket.sendall(json.dumps(request).encode() + b"\n")
        self._wait(f"answer to {command}", lambda: self._events, limit, True)
        answer = self._events.popleft()
        if "error" in answer:
            raise Failure(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def wait_ready(self, timeout=180):
        """Until the guest's agent takes commands; returns self."""
        self._wait("agent", lambda: self._ready, timeout)
        return self

    def run(self, command, timeout=60):
        """(status, output bytes) of a shell command in the guest."""
        self.wait_ready()
        self.commands += 1
        number = self.commands
        line = base64.b64encode(command.encode())
        self._port.socket.sendall(b"%d %s\n" % (number, line))
        self._wait(f"answer to {command!r}", lambda: number in self._answers,
                   timeout)
        return self._answers.pop(number)

    def send(self, command):
        """Starts a command that will not answer, a kexec say; the agent of
        what comes then is waited for with wait_ready()."""
        self._ready = False
        line = base64.b64encode(command.encode())
        self._port.socket.sendall(b"0 %s\n" % line)

    def check(self, command, timeout=60):
        """The output, as text, of a command that must succeed."""
        status, output = self.run(command, timeout)
        text = output.decode(errors="replace").strip()
        if status:
            raise Failure(f"{self.name}: {command!r}: status {status}: {text}")
        return text

    def type(self, line):
        """Types a line on the console."""
        if not self._keyboard:
            self._keyboard = socket.socket(socket.AF_UNIX)
            self._keyboard.connect(f"{self._folder.name}/console")
            self._keyboard.setblocking(False)
        self._keyboard.sendall(line.encode() + b"\n")

    def wait_console(self, text, timeout=60):
        """Until the console has shown it."""
        path = self.log_path("console")
        timeout *= PATIENCE
        deadline = time.monotonic() + timeout
        while text.encode() not in path.read_bytes():
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: no {text!r} on the console within "
                              f"{timeout} s; {self.hint()}")
            self._drain()
            time.sleep(0.2)

    def wait_report(self, timeout=180):
        """The next Report, also of a guest that has gone since."""
        self._wait("report", lambda: self.reports, timeout, dead_too=True)
        return self.reports.popleft()

    def wait_outcome(self, timeout=180):
        """The next Report, or None where the guest's agent is there first."""
        self._wait("report or agent", lambda: self.reports or self._ready,
                   timeout, dead_too=True)
        return self.reports.popleft() if self.reports else None

    def wait_end(self, timeout=180):
        """Until the guest's agent is there, or it is off; True for the first."""
        self._wait("agent or power-off", lambda: self._ready or self.off_reason,
                   timeout, dead_too=True)
        return self._ready

    def wait_off(self, timeout=180):
        """Until the guest is off; returns guest-shutdown, guest-reset, …"""
        self._wait("power-off", lambda: self.off_reason, timeout, True)
        return self.off_reason

    def dump(self, path):
        """Writes all guest memory to a file while the guest stands still."""
        stopped = self.off_reason is not None
        if not stopped:
            self.qmp("stop")
        self.qmp("pmemsave", val=0, size=self.memory, filename=str(path))
        if not stopped:
            self.qmp("cont")
        return pathlib.Path(path)

    def plug(self, disk, serial="disk0"):
        """Adds a raw disk while the guest runs."""
        self.qmp("blockdev-add", **{
            "driver": "raw", "node-name": "plugged",
            "file": {"driver": "file", "filename": str(disk)}})
        self.qmp("device_add", driver="virtio-blk-pci", drive="plugged",
                 bus="free-slot", id="plugged", serial=serial)

    def unplug(self):
        """Takes it away again."""
        self.qmp("device_del", id="plugged")
        for _ in range(100):
            with contextlib.suppress(Failure):
                self.qmp("blockdev-del", **{"node-name": "plugged"})
                return
            time.sleep(0.2)
        raise Failure(f"{self.name}: the plugged disk does not go")

    def slow(self, disk, rate):
        """From now on a disk takes so many bytes a second."""
        self.qmp("block_set_io_throttle", device=disk, bps=rate, bps_rd=0,
                 bps_wr=0, iops=0, iops_rd=0, iops_wr=0)

    def disk_writes(self):
        """{disk: write requests since the start}"""
        return {stats["device"]: stats["stats"]["wr_operations"]
                for stats in self.qmp("query-blockstats")
                if stats["device"].startswith("disk")}

    def debug_log(self):
        """What firmware wrote to the debug port."""
        return self.log_path("debug").read_text(errors="replace")

    def area(self):
        """The secret area's address in guest memory."""
        return self.firmware.area(self.debug_log())

    def age(self):
        """Seconds since QEMU was started."""
        return time.monotonic() - self.started
