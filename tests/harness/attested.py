# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that prove to a broker what they are: a kernel with configfs-tsm and our
provider for it, an initramfs with cocosecret-agent, and two volumes that their
owner has signed.

    with attested.Port(server, folder / "key") as port, attested.guest(
            "init", "snp", port) as (guest, processor):
"""

import base64
import contextlib
import functools
import pathlib
import socket
import threading
import typing

from cryptography.hazmat.primitives import serialization

from . import (attest, broker, chroot, debs, image, initrd, known, memory, mkosi,
               modulevm, place, plain, qemu, rootvm, smallroot, tls, tsm)

PROVIDERS = {"snp": "sev_guest", "tdx": "tdx_guest"}
# QEMU's own network, in which the tests' machine has the address HOST.
HOST, ADDRESS = "10.0.2.2", "10.0.2.15/24"
NETWORK = ("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=")
MODULES = "usr/lib/modules"
COCOTAB = f"""\
root UUID={known.LUKS_UUID} {known.DISK} root
data /dev/vdb {known.OTHER}
"""
# Made of what is in the system; the command line names the broker.
COMMANDS = {
    "init": "cocosecret initrd -o /boot/initrd.img --list --kver {version}"
            " --compress gzip >/boot/list",
    "dracut": "dracut --force --no-hostonly --no-hostonly-cmdline --gzip"
              " --add cocosecret /boot/initrd.img {version}",
    "dracut-plain": "dracut --force --no-hostonly --no-hostonly-cmdline --gzip"
                    " --omit systemd --add cocosecret /boot/initrd.img {version}",
    "initramfs-tools": "mkinitramfs -c gzip -o /boot/initrd.img {version}",
    "mkosi": "",
}
WORDS = "rd.cocosecret.source=run"
# With ours in the log.
CMDLINE = rootvm.CMDLINE.replace("loglevel=5", "loglevel=6")


class Port(broker.Server):
    """A broker at the host's end of a virtio-serial port called key."""

    pins = None

    def __init__(self, server, path):  # pylint: disable=super-init-not-called
        self.broker, self.path, self.url = server, path, "serial:key"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()

    def arguments(self):
        """QEMU's."""
        return ["-device", "virtio-serial-pci",
                "-chardev", f"socket,id=key,path={self.path}",
                "-device", "virtserialport,chardev=key,name=key"]


class LatePort(Port):
    """The same where nobody is at the host's end until one comes()."""

    def __init__(self, server, path):  # pylint: disable=super-init-not-called
        self.broker, self.path, self.url = server, path, "serial:key"
        self.socket = socket.socket(socket.AF_UNIX)

    def arguments(self):
        """QEMU's, which listens itself."""
        return [f"{word},server=on,wait=off" if word.startswith("socket,") else word
                for word in super().arguments()]

    def comes(self):
        """The broker."""
        self.socket.connect(str(self.path))
        threading.Thread(target=self.talk, args=(self.socket,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Web(broker.Server):
    """A broker in the network, which the guest reaches by an address of its own."""

    pins = None

    def __init__(self, server):
        super().__init__(server)
        self.url = f"http://{HOST}:{self.port} rd.cocosecret.ip={ADDRESS}"

    @staticmethod
    def arguments():
        """QEMU's."""
        return NETWORK


def make_server_key(path):
    """Of a server whose certificate is another one each time."""
    path.write_text(tls.Holder().private)


@functools.cache
def server_key():
    """Made once, as images have it."""
    path = place.artefact("attested-server", place.digest("P-256"), make_server_key)
    return serialization.load_pem_private_key(path.read_bytes(), None)


class SecureWeb(tls.Server):
    """The same behind TLS; the image knows its key."""

    def __init__(self, server):
        holder = tls.Holder("of no account", key=server_key())
        super().__init__(server, holder)
        self.pins = holder.public
        self.url = f"https://{HOST}:{self.port} rd.cocosecret.ip={ADDRESS}"

    arguments = staticmethod(Web.arguments)


class Disks(typing.NamedTuple):
    """The root and another volume: images, and the secrets that open them; who
    signed them."""

    root: image.Disk
    data: image.Disk
    owner: pathlib.Path  # his private key; beside it is the public one

    def resources(self):
        """What a broker has for them."""
        return attest.resources(self.root.key, **{
            attest.PATH + known.OTHER: self.data.key})


def cocosecret(*words):
    """The owner's command."""
    place.run(place.BUILD / "cocosecret", *words)


def make_owner(path):
    """Somebody who signs."""
    cocosecret("keygen", "--owner", "-o", path)


def make_disks(path):
    """In folders of their own."""
    place.make("unlock")
    path.mkdir()
    make_owner(path / "sign.key")
    smallroot.make(path / "root", files={
        "etc/os-release": b"ID=tests\n", "usr/lib/os-release": b"ID=tests\n"})
    (path / "data").mkdir()
    disk = path / "data/disk.img"
    (path / "data/owner").write_bytes(bytes(range(32)))
    image.volume(disk, "c0c05ec4-0000-4000-8000-000000000001", path / "data/owner", 20)
    cocosecret("keygen", "-o", path / "data/key")
    cocosecret("enroll", disk, "--name", "data", "--secret", known.OTHER,
               "--new-key-file", path / "data/key", "--key-file",
               path / "data/owner")
    for name, words in ("root", ()), ("data", ("--secret", known.OTHER)):
        cocosecret("seal", path / name / "disk.img", *words, "--key-file",
                   path / name / "key", "--sign-key", path / "sign.key")


@functools.cache
def disks():
    """Made once."""
    key = place.digest(place.TOP / "unlock", initrd.BUSYBOX, smallroot.INIT)
    path = place.artefact("attested", key, make_disks)
    return Disks(image.Disk(path / "root"), image.Disk(path / "data"),
                 path / "sign.key")


EFI_SECRET = """\
make -s -C /lib/modules/{version}/build M=/src CONFIG_DEBUG_INFO_BTF_MODULES= modules
strip --strip-debug /src/efi_secret.ko
"""


def make_efi_secret(path, kernel):
    """Of this tree."""
    with chroot.above(*kernel.layers) as system:
        system.add("src", [place.TOP / "module/Kbuild",
                           *(place.TOP / "module").glob("*.[ch]")])
        system.run(EFI_SECRET.format(version=kernel.version))
        (system.changes / "src/efi_secret.ko").rename(path)


def make_forged(path):
    """A root of somebody else's, which looks like the owner's."""
    place.make("unlock")
    path.mkdir()
    make_owner(path / "sign.key")
    smallroot.make(path / "root", files={"etc/forged": b""})
    cocosecret("seal", path / "root/disk.img", "--key-file", path / "root/key",
               "--sign-key", path / "sign.key")


@functools.cache
def forged():
    """Sealed with a secret of his, and signed by him."""
    key = place.digest(place.TOP / "unlock", initrd.BUSYBOX, smallroot.INIT)
    return image.Disk(place.artefact("attested-forged", key, make_forged) / "root")


def install_modules(path, kernel, efi_secret):
    """Our providers in the place of the kernel's own; nothing here knows xz."""
    with chroot.above(image.root()) as system:
        folder = system.changes / MODULES
        folder.mkdir(parents=True)
        place.run("cp", "-a", kernel.modules, folder)
        place.run("sh", "-c", 'find "$1" -name "*.xz" -print0 | xargs -0 -P 2 -n 64 xz -d',
                  "sh", folder)
        for name in tsm.MAKERS:
            (old,) = folder.rglob(f"{name.replace('_', '-')}.ko")
            place.run("cp", kernel.provider(name), old)
        if efi_secret:
            make_efi_secret(folder / kernel.version / "efi_secret.ko", kernel)
        system.run(f"depmod {kernel.version}")
        (path / "usr/lib").mkdir(parents=True)
        folder.rename(path / MODULES)
        (path / "boot").mkdir()
        place.run("cp", kernel.root / f"boot/config-{kernel.version}", path / "boot")


@functools.cache
def layers(suite, efi_secret):
    """A system with the kernel's modules."""
    kernel = tsm.kernel(suite)
    key = place.digest(image.root().name, kernel.root.name, place.TOP / "tests/tsm",
                       place.TOP / "module")
    name = f"attested-modules-{suite}" + ("-efi" if efi_secret else "")
    return [place.artefact(name, key, lambda path: install_modules(
                path, kernel, efi_secret)), image.root()]


def public(owner):
    """The file of an owner's public key."""
    return owner.with_name(owner.name + ".pub")


def session_key(guest, server, limit):
    """The private key of a session, both ways round: found in the guest's memory while
    the broker lets it wait for a resource, which is "held"."""
    assert server.asked.wait(limit)
    (session,) = server.sessions.values()
    x, y = (int.from_bytes(broker.from_base64url(session["key"][name]), "big") for name in "xy")
    with place.scratch() as folder:
        dump = guest.dump(folder + "/dump")
        server.go.set()
        key = memory.private_key(dump, x, y)
    assert key
    return key, key[::-1]


def owner_word():
    """The owner's public key as rd.cocosecret.owner= has it."""
    pem = public(disks().owner).read_text().splitlines()
    key = base64.b64decode("".join(pem[1:-1]))[-32:]  # RFC 8410
    return broker.base64url(key)


# What the manual has for it, and where its files are.
MKOSI = "--extra-tree=/mkosi/extra --kernel-modules-include=" \
    "'/(sev-guest|tdx-guest|tsm|tsm_report|configfs|virtio_console|virtio_net).ko'"


def make_mkosi_image(path, suite, files, efi_secret):
    """mkosi's own initrd."""
    path.mkdir()
    mkosi.make(path / "initrd.img", f"attested-{suite}-mkosi", suite,
               debs.deb("cocosecret"), [layers(suite, efi_secret)[0] / MODULES], MKOSI,
               {f"extra/{name}": text for name, text in files.items()})


def make_image(path, suite, kind, files, efi_secret):
    """In a chroot, as a person would."""
    if kind == "mkosi":
        make_mkosi_image(path, suite, files, efi_secret)
        return
    with chroot.above(*layers(suite, efi_secret)) as system:
        for name, text in files.items():
            system.put(name, text)
        system.run(COMMANDS[kind].format(version=tsm.kernel(suite).version))
        path.mkdir()
        for name in ("initrd.img", "list"):
            if (system.changes / "boot" / name).exists():
                (system.changes / "boot" / name).rename(path / name)


@functools.cache
def made(kind, kbs="", suite="trixie", efi_secret=False, pins=None):
    """A folder with the image; kbs: the agent's configuration, None for an image
    without an agent, which has to have efi_secret; pins: what a server is known by."""
    files = {"etc/cocotab": COCOTAB,
             "etc/cocosecret/owner.d/me.pem": public(disks().owner).read_text()}
    if kbs is not None:
        files["etc/cocosecret/kbs"] = kbs
    if pins is not None:
        files["etc/cocosecret/kbs.pem"] = pins
    efi_secret = efi_secret or kbs is None
    key = place.digest(layers(suite, efi_secret)[0].name, disks().owner.parent.name,
                       COMMANDS[kind], *files, *files.values(),
                       *([debs.source(), MKOSI] if kind == "mkosi" else []))
    name = f"attested-{suite}-{kind}" + {None: "-without", "": ""}.get(kbs, "-kbs") \
        + ("-efi" if efi_secret else "") + ("-tls" if pins else "")
    return place.artefact(name, key, lambda path: make_image(
        path, suite, kind, files, efi_secret))


@contextlib.contextmanager
def guest(kind, tee, service, *, cmdline="", root=None, more=(),
          files=(), kbs="", suite="trixie", efi_secret=False, firmware="bios",
          table=None):
    """(guest, processor), started.

    service   who answers at the guest's broker's address: a Port or a Web; or
              None, for a guest with a table of launch secrets
    root      a path in place of the root's disk
    files     to add to the initramfs
    firmware  of modulevm.KINDS
    """
    with place.scratch() as folder, tsm.Processor(PROVIDERS[tee]) as processor:
        folder = pathlib.Path(folder)
        first = made(kind, kbs, suite, efi_secret,
                     service and service.pins) / "initrd.img"
        files = (plain.reporter() if kind in plain.KINDS else {}) | dict(files)
        ours = first if kind == "init" and not files else \
            initrd.extended(folder / "initrd", first, files)
        (folder / "data").mkdir()
        words = f"{CMDLINE} {rootvm.ROOT} {cmdline}"
        words += "".join(f" {name}.port=0" for name in PROVIDERS.values()
                         if name != PROVIDERS[tee])
        if service:
            words += f" {WORDS}" + (f" rd.cocosecret.kbs={service.url}" if not kbs else "")
        arguments = [*processor.arguments(), *more,
                     *(service.arguments() if service else ())]
        maker = modulevm.KINDS[firmware](tsm.kernel(suite).image, ours,
                                         " ".join(words.split()), table)
        with qemu.Machine(
                rootvm.test_name(), maker, more=arguments,
                memory_mib=512 if kind == "init" else 1024,
                disks=[image.overlay(root or disks().root.image, folder),
                       disks().data.overlay(folder / "data")]) as machine:
            yield machine, processor
