# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines with a TPM, which a process of the host's plays, and examples/vtpm in
their initramfs."""

import base64
import contextlib
import functools
import pathlib
import shutil
import subprocess
import time
import typing

from . import (chroot, disks, documents, firmware, image, initrd, known, packages,
               place, qemu, rootvm)

EXAMPLE = place.TOP / "examples/vtpm"
MODULE = "90cocosecret-vtpm"
# What systemd loads for a TPM, and what makes an EFI program of an initramfs.
LIBRARIES = ("libtss2-esys-3.0.2-0", "libtss2-mu0", "libtss2-rc0", "libtss2-sys1",
             "libtss2-tcti-device0")
UKI = ("systemd-boot-efi", "binutils", "binutils-common", "binutils-x86-64-linux-gnu",
       "libbinutils", "libctf0", "libctf-nobfd0")
PARTITION = "cocosecret-vtpm"
# With ours in the log.
CMDLINE = (rootvm.CMDLINE.replace("loglevel=5", "loglevel=6")
           + f" {rootvm.ROOT} {rootvm.volume(options='')}"
             " rd.cocosecret.source=run")


class Tpm:
    """with Tpm(folder) as tpm: … machines with tpm.arguments(), one at a time.

    What it knows stays in the folder, state, when its process has ended."""

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.socket = self.state / "control"
        self.process = None

    def __enter__(self):
        if not self.state.exists():
            self.state.mkdir()
            # One bank: the firmware, emulated, takes its time over each.
            place.run("swtpm_setup", "--tpm2", "--tpmstate", self.state,
                      "--pcr-banks", "sha256")
        # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}", "--ctrl",
             f"type=unixio,path={self.socket}"], stdin=subprocess.DEVNULL,
            preexec_fn=qemu.die_with_parent)
        for _ in range(100):
            if self.socket.exists():
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("swtpm does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def arguments(self):
        """QEMU's."""
        return ["-chardev", f"socket,id=tpm,path={self.socket}", "-tpmdev",
                "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm"]


class Direct(firmware.Stock):
    """OVMF to which QEMU hands a kernel."""

    name = "OVMF, -kernel"

    def arguments(self, folder, _memory):
        shutil.copy(self.variables, folder / "vars.fd")
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={self.code}",
                "-drive", f"if=pflash,format=raw,file={folder}/vars.fd",
                "-kernel", self.kernel, "-initrd", self.initrd,
                "-append", self.settings["cmdline"]]


class Program(firmware.Stock):
    """OVMF that starts an EFI program from an ESP."""

    name = "OVMF, UKI"

    def arguments(self, folder, _memory):
        shutil.copy(self.variables, folder / "vars.fd")
        esp = folder / "esp/EFI/BOOT"
        esp.mkdir(parents=True)
        (esp / "BOOTX64.EFI").symlink_to(self.kernel)
        for name, file in self.esp.items():
            (folder / "esp" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "esp" / name).symlink_to(file)
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={self.code}",
                "-drive", f"if=pflash,format=raw,file={folder}/vars.fd",
                "-drive", "if=none,id=esp,format=raw,readonly=on,"
                          f"file=fat:{folder}/esp",
                "-device", "virtio-blk-pci,drive=esp,bootindex=0"]


def libraries():
    """A folder with them."""
    names = LIBRARIES + UKI
    return place.artefact("vtpm-libraries", place.digest(image.SUITE, *names),
                          lambda path: packages.fetch(path, names))


class Party(typing.NamedTuple):
    """Somebody with a disk that he has sealed and signed: the owner, or the host."""

    disk: image.Disk
    policy: pathlib.Path  # whose private key approves images

    @property
    def public_policy(self):
        """What a secret is sealed for."""
        return self.policy.with_name("policy.pub").read_text()

    @property
    def public_owner(self):
        """What an image knows him by."""
        return self.policy.with_name("sign.key.pub")


def make_party(path):
    """By the commands of the example, on a disk of the tests'."""
    path.mkdir()
    image.disk().copy(path)
    (path / "owner.key").write_bytes(image.disk().key)
    cocosecret = place.BUILD / "cocosecret"
    place.run("sh", "-euc", f'cocosecret() {{ {cocosecret} "$@"; }}\n'
              + shown("cocosecret keygen"), cwd=path)
    (path / "disk.key").rename(path / "key")


def make_parties(path):
    """Both."""
    place.make("unlock")
    path.mkdir()
    for name in "owner", "host":
        make_party(path / name)


@functools.cache
def parties():
    """(the owner, the host)"""
    key = place.digest(image.disk().image.parent.name, place.TOP / "unlock",
                       shown("cocosecret keygen"))
    path = place.artefact("vtpm-parties", key, make_parties)
    return [Party(image.Disk(path / name), path / name / "policy.key")
            for name in ("owner", "host")]


def shown(begin):
    """The one block of the example's README that begins so."""
    (block,) = [block for block in documents.blocks((EXAMPLE / "README.md").read_text())
                if block.startswith(begin)]
    return block


def make_image(path):
    """As the example says, in a chroot: initrd.img, and uki.efi."""
    with chroot.above(libraries(), image.root()) as system:
        home = system.changes / "root/vtpm"
        home.parent.mkdir()
        place.run("cp", "-r", EXAMPLE, home)
        place.run("cp", parties()[0].public_owner, home)
        system.add("boot", [packages.Kernel().image])
        said = system.run("cd /root/vtpm\n" + commands())
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / "dracut-vtpm.log").write_text(said)
        path.mkdir()
        for name in "initrd.img", "uki.efi":
            (home / name).rename(path / name)


def commands():
    """The example's, for this guest's kernel and command line."""
    blocks = shown("cp -r 90"), shown("dracut --force --no-hostonly")
    return "\n".join(blocks).replace("VERSION", packages.Kernel().version) \
        .replace("CMDLINE", CMDLINE)


@functools.cache
def made():
    """A folder with them."""
    key = place.digest(image.root().name, libraries().name, packages.Kernel().root.name,
                       parties()[0].policy.parents[1].name, EXAMPLE / MODULE, commands())
    return place.artefact("vtpm-image", key, make_image)


def approve(party, *words):
    """What he says of an image: a line of JSON."""
    return subprocess.run(
        [EXAMPLE / "approve-image", "--key", party.policy, *map(str, words)],
        check=True, stdout=subprocess.PIPE, text=True).stdout


def approve_direct(party, *, cmdline=CMDLINE, initramfs=None):
    """Of one that QEMU hands to the firmware."""
    return approve(party, "--kernel", packages.Kernel().image, "--initrd",
                   initramfs or made() / "initrd.img", "--cmdline", cmdline,
                   "--memory", rootvm.MEMORY)


def partition(path, credential, approved):
    """A disk with what the README's command writes into its partition."""
    content = path.with_suffix(".content")
    content.write_text(credential + approved)
    with open(content, "ab") as file:
        file.truncate(image.MIB)
    return disks.partitioned(path, "gpt", [(content, f'name="{PARTITION}"')])


def put(guest, path, data):
    """Writes a file in a guest."""
    text = base64.b64encode(data).decode()
    guest.check(f"echo {text} | base64 -d >{path}")


def use_libraries(guest, device):
    """A word before a command in the guest that then finds them on that disk."""
    guest.check(f"mkdir -p /run/tss; mount -o ro {device} /run/tss")
    return "LD_LIBRARY_PATH=/run/tss/usr/lib/x86_64-linux-gnu "


def libraries_disk(folder):
    """A disk with them."""
    path = pathlib.Path(folder) / "libraries"
    place.run("mke2fs", "-q", "-d", libraries(), path, "128M")
    return path


def seal(tpm, folder):
    """{party: his secret, sealed by the example's script to the machine with this
    TPM}, and what seals nothing: {None: …}."""
    sealed = {}
    with rootvm.guest("stock", disk=image.sealed(), volumes=rootvm.volume(options=""),
                      more=tpm.arguments(), after=[libraries_disk(folder)]) as guest:
        guest.wait_ready()
        preload = use_libraries(guest, "/dev/disk/by-id/virtio-disk1")
        put(guest, "/run/seal-secret.sh", (EXAMPLE / "seal-secret.sh").read_bytes())
        for party in parties():
            put(guest, "/run/policy.pub", party.public_policy.encode())
            put(guest, "/run/secret", party.disk.key)
            sealed[party] = guest.check(
                preload + "sh /run/seal-secret.sh /run/policy.pub </run/secret "
                "2>/dev/null", 120) + "\n"
        sealed[None] = guest.check(
            f"systemd-creds encrypt --with-key=tpm2-absent --name={known.DISK} "
            "/run/secret - 2>/dev/null | tr -d '\\n'") + "\n"
    return sealed


@contextlib.contextmanager
def machine(tpm, text, *, disk=None, boots=None, initramfs=None, cmdline=CMDLINE,
            more=()):
    """Such a machine, started: it has the owner's disk and image unless it is told
    otherwise, and, unless text is None, a partition with that."""
    with place.scratch() as folder:
        folder = pathlib.Path(folder)
        boots = boots or Direct(packages.Kernel().image,
                                initramfs or made() / "initrd.img", cmdline)
        root = (disk or parties()[0].disk).overlay(folder)
        others = [partition(folder / "vtpm.img", *text)] if text else []
        with qemu.Machine(rootvm.test_name(), boots, memory_mib=rootvm.MEMORY,
                          disks=[root, *others, libraries_disk(folder)],
                          more=[*(tpm.arguments() if tpm else ()), *more]) as guest:
            yield guest


def extended(path, files):
    """The owner's initramfs, to which a host has added files."""
    first = (made() / "initrd.img").read_bytes()
    path.write_bytes(first + bytes(-len(first) % 512) + initrd.cpio(files))
    return path
