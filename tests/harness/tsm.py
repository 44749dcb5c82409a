# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that can attest without a processor that does: kernels with configfs-tsm,
a provider for it (tests/tsm), and the host's side of that, which plays the processor
and can be told to fail.

    with tsm.Processor() as processor, qemu.Machine(
            …, more=processor.arguments()) as guest:
        processor.behave(error=errno.EIO)
"""

import contextlib
import dataclasses
import functools
import pathlib
import queue
import socket
import struct
import threading
import time

from . import chroot, evidence, place

SOURCES = place.TOP / "tests/tsm"
PACKAGES = ("gcc", "make", "kmod", "perl", f"linux-headers-{chroot.FLAVOUR}",
            f"linux-image-{chroot.FLAVOUR}")
# The kernel's own names of providers, and what a processor of that kind signs.
MAKERS = {"sev_guest": evidence.snp_report, "tdx_guest": evidence.tdx_quote}
INBLOB = 64
BUILD = """\
version=$(ls /lib/modules)
make -s -C /lib/modules/$version/build M=/src W=1 CONFIG_DEBUG_INFO_BTF_MODULES= \
    modules 2>&1
strip --strip-debug /src/*.ko
"""
CORE = ("configfs", "tsm", "tsm_report", "tsm-report")


class Kernel:
    """A suite's cloud kernel, with configfs-tsm: .version, .image, .modules, and
    .root, the folder that has /boot and /lib/modules as usr/lib/modules."""

    def __init__(self, suite):
        self.layers = chroot.equipped(suite, "tsm", *PACKAGES)
        self.root = self.layers[0]
        (self.modules,) = (self.root / "usr/lib/modules").iterdir()
        self.version = self.modules.name
        self.image = self.root / "boot" / f"vmlinuz-{self.version}"

    def build(self, path):
        """The providers; a word of the compiler's is an error."""
        with chroot.above(*self.layers) as system:
            system.add("src", [SOURCES / "Kbuild", *SOURCES.glob("*.[ch]")])
            said = system.run(BUILD)
            if said:
                raise RuntimeError(f"tests/tsm on {self.version}: {said}")
            path.mkdir()
            for module in (system.changes / "src").glob("*.ko"):
                place.run("cp", module, path)

    def provider(self, name):
        """Our module for a name of MAKERS."""
        key = place.digest(self.version, self.root.name, SOURCES / "Kbuild",
                           *sorted(SOURCES.glob("*.[ch]")))
        built = place.artefact(f"tsm-{self.version}", key, self.build)
        return built / f"{name.replace('_', '-')}.ko"

    def core(self):
        """What of the kernel's a provider needs, by dependency: paths."""
        found = {path.name.split(".")[0]: path
                 for path in self.modules.rglob("*.ko*")}
        return [found[name] for name in CORE if name in found]

    def needed(self, name):
        """A module and what it depends on, in the order to load them: paths."""
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, _, others = line.partition(":")
            if pathlib.Path(path).name.split(".")[0] == name:
                return [self.modules / each
                        for each in (*reversed(others.split()), path)]
        raise KeyError(name)


@functools.cache
def kernel(suite="trixie"):
    """trixie's is a 6.12, sid's is newer."""
    return Kernel(suite)


def unpacked(module):
    """The bytes of a module, for an insmod that knows no xz."""
    if module.suffix != ".xz":
        return module.read_bytes()
    with place.scratch() as folder:
        path = pathlib.Path(folder) / module.name
        place.run("cp", module, path)
        place.run("xz", "-d", path)
        return path.with_suffix("").read_bytes()


@dataclasses.dataclass
class Fault:
    """What a processor, or a host before it, does wrong."""

    error: int = 0           # the errno of the request
    seconds: float = 0       # it takes so long
    generation: int = 0      # so many writes of others, meanwhile
    empty: bool = False      # no report, and no error
    echo: bytes = None       # a report on these 64 bytes instead
    size: int = 0            # the report is as long as that
    changes: dict = None     # of a report's fields
    table: bytes = b""       # the auxblob


class Processor:
    """The host's end of the provider's serial port."""

    def __init__(self, provider="sev_guest"):
        self.provider = provider
        self.fault = Fault()
        self.requests = []  # what it was asked about
        self.outblobs = []  # and what it said
        self.failures = queue.SimpleQueue()
        self._scratch = self._server = self._thread = None

    def __enter__(self):
        self._scratch = place.scratch()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"{self._scratch.name}/psp")
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
        self._scratch.cleanup()
        if not self.failures.empty():
            raise self.failures.get()

    def arguments(self):
        """QEMU's, for the port that tests/tsm/provider.h knows by default."""
        return ["-chardev", f"socket,id=psp,path={self._scratch.name}/psp",
                "-device", "isa-serial,chardev=psp,index=2"]

    def behave(self, **fault):
        """From now on like that; without arguments, well."""
        self.fault = Fault(**fault)

    def _serve(self):
        """One guest after the other."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, contextlib.suppress(ConnectionError):
                    self._speak(connection)

    def _speak(self, connection):
        request = b""
        while data := connection.recv(INBLOB - len(request)):
            request += data
            if len(request) == INBLOB:
                try:
                    connection.sendall(self.answer(request))
                except OSError:
                    raise
                except Exception as error:  # pylint: disable=broad-except
                    self.failures.put(error)
                    return
                request = b""

    def answer(self, request):
        """The bytes for the provider: struct answer, and the blobs."""
        fault = self.fault
        self.requests.append(request)
        time.sleep(fault.seconds)
        if fault.error:
            return struct.pack("<IIII", fault.error, 0, 0, 0)
        outblob = b"" if fault.empty else MAKERS[self.provider](
            fault.echo or request, **(fault.changes or {}))
        if fault.size:
            outblob = outblob[:fault.size].ljust(fault.size, b"\0")
        self.outblobs.append(outblob)
        return struct.pack("<IIII", 0, fault.generation, len(outblob),
                           len(fault.table)) + outblob + fault.table
