# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile host says by anything but the disk's header: a scene each.

A scene says something, and a shell command in the booted root prints what of
it was heard; nothing, where it was not. All that disturbs nothing else is said
at once, in one boot.
"""

import base64
import contextlib
import json
import socket
import struct
import typing

from harness import hostvm, known, place

from . import members, variables

# Who sees to it that nobody listens.
OURS = "closed"
OWNER = "the root's owner"
KERNEL = "the kernel's drivers"
APART = "kernel, initramfs and command line apart"

# What the audit of a root calls a channel that rd.cocosecret.allow= opens.
DOORS = {"credentials": "credentials", "efivars": "efi-variables",
         "gpt-auto": "gpt-auto"}

SYSTEMD = "generic", "mkosi"  # in the initramfs
ALL = "generic", "dracut-plain", "initramfs-tools", "mkosi"
DRIVER_EARLY = "generic", "dracut-plain", "mkosi"  # has the console's driver
SYSTEM = "/run/credentials/@system"


class Said(typing.NamedTuple):
    """By a host, before the start."""

    smbios: dict = {}     # credentials, {name: lines}
    fw_cfg: dict = {}     # credentials, {name: text}
    efi: dict = {}        # variables of systemd's, {name: text}
    disks: list = []      # beside the root's
    arguments: list = []  # of QEMU

    def store(self, blank):
        """The firmware's variable store."""
        for name, text in self.efi.items():
            blank = variables.add(blank, name, text)
        return blank

    def command(self):
        """Arguments for QEMU."""
        for name, text in self.smbios.items():
            text = base64.b64encode(text.encode()).decode()
            yield from ("-smbios", "type=11,value=io.systemd.credential.binary:"
                        f"{name}={text}")
        for name, text in self.fw_cfg.items():
            yield from ("-fw_cfg", "name=opt/io.systemd.credentials/"
                        f"{name},string={text}")
        yield from self.arguments


def together(saids):
    """All of them; a credential that several say has the lines of all."""
    whole = Said({}, {}, {}, [], [])
    for said in saids:
        for name, text in said.smbios.items():
            whole.smbios[name] = whole.smbios.get(name, "") + text + "\n"
        whole.fw_cfg.update(said.fw_cfg)
        whole.efi.update(said.efi)
        whole.disks.extend(said.disks)
        whole.arguments.extend(said.arguments)
    return whole


class Scene(typing.NamedTuple):
    """One channel. say: a Said, or what makes one in a folder. heard: a shell
    command, or what asks a machine and a folder."""

    say: typing.Any
    heard: typing.Any
    closed_by: str = OURS
    word: str = ""     # of rd.cocosecret.allow=, which lets it in
    loud: tuple = ALL  # where it must be heard without us, or it shows nothing
    door: str = ""     # of the root's, which cocosecret audit must list then

    def root_door(self):
        """What the audit calls it."""
        return self.door or DOORS.get(self.word, "")

    def promise(self):
        """For the table."""
        return f"{self.closed_by}, but for allow={self.word}" if self.word \
            else self.closed_by


def nothing(_folder):
    """What others say is enough."""
    return Said()


def disk_of(make):
    """A scene's words: one disk."""
    return lambda folder: Said(disks=[make(folder)])


def marked(name, *words):
    """A file system with a mark, as bytes."""
    with place.scratch() as folder:
        path = hostvm.file_system(place.pathlib.Path(folder) / name, name,
                                  words)
        return path.read_bytes()


def mounted(path):
    """What is mounted there."""
    return f"findmnt -rno SOURCE {path}"


def swap_on(serial):
    """Whether it is used."""
    return (f'grep -o "^$(readlink -f /dev/disk/by-id/virtio-{serial}) " '
            "/proc/swaps")


def logged(pattern):
    """A line since the machine's start, the initramfs's too."""
    return f"journalctl -b -o cat | grep -om1 '{pattern}'"


# Started by the kernel, as what loads its modules.
CODE = r"""#!/bin/sh\n\
if [ -e /etc/initrd-release ]; then\n\
echo code in the initramfs >/dev/host-ran\n\
/sbin/modprobe efi_secret\n\
[ -s /dev/host-key ] || cat /sys/kernel/security/secrets/coco/* >/dev/host-key\n\
fi\n\
exec /sbin/modprobe "$@"\n""".replace("\\\n", "")
RAN = "cat /dev/host-ran; test -s /dev/host-key && echo with the key"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHost host"


MAC = "52:54:00:c0:c0:5e"


def network(folder):
    """A card, and a network that gives addresses."""
    return Said(arguments=[
        "-netdev", "user,id=net", "-device",
        f"virtio-net-pci,netdev=net,mac={MAC}",
        "-object", f"filter-dump,id=dump,netdev=net,file={folder}/packets"])


def packets(_machine, folder):
    """What the guest sent, though nobody in it asked for a network."""
    data, at, count = (folder / "packets").read_bytes(), 24, 0
    while at + 16 <= len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        count += data[at + 22:at + 28] == bytes.fromhex(MAC.replace(":", ""))
        at += 16 + size
    return f"{count} packets" if count else ""


def plug_and_pull(machine, folder):
    """A disk with everything on it comes and goes while the root runs."""
    state = "cat /proc/swaps; findmnt -rn; ls /dev/mapper"
    before = machine.check(state)
    path = hostvm.partitions(folder / "late")
    machine.plug(path, "plugged")
    machine.check("udevadm wait --settle --timeout=30 "
                  "/dev/disk/by-id/virtio-plugged-part3")
    after = machine.check(state)
    machine.unplug()
    machine.check("sync; cat /etc/os-release")
    return "" if after == before else "used"


def agent(folder):
    """A port that the guest's agent listens on."""
    return Said(arguments=[
        "-device", "virtio-serial-pci", "-chardev",
        f"socket,id=agent,path={folder}/agent,server=on,wait=off", "-device",
        "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"])


RUN = {"execute": "guest-exec", "arguments": {
    "path": "/bin/touch", "arg": ["/run/host-agent"]}}


def command_by_agent(machine, folder):
    """Whether a command that the host sends there is run."""
    with socket.socket(socket.AF_UNIX) as port:
        port.settimeout(20)
        port.connect(str(folder / "agent"))
        port.sendall(json.dumps(RUN).encode() + b"\n")
        with contextlib.suppress(TimeoutError):
            port.recv(4096)
    return machine.run("sleep 1; ls /run/host-agent 2>/dev/null"
                       )[1].decode().strip()


def console(folder):
    """One more."""
    return Said(arguments=[
        "-device", "virtio-serial-pci", "-chardev",
        f"file,id=console2,path={folder}/console2", "-device",
        "virtconsole,chardev=console2"])


ODD = {"virtio-balloon-pci": "virtio_balloon", "vmxnet3": "vmxnet3",
       "pvscsi": "vmw_pvscsi"}

# Run by a cloud's guest agent, from a disk that any host can bring.
USER_DATA = """\
#cloud-config
bootcmd: [echo a command >/run/host-cloud]
"""


def cloud(folder):
    """The disk."""
    data = folder / "cloud"
    data.mkdir()
    (data / "meta-data").write_text("instance-id: host\n")
    (data / "user-data").write_text(USER_DATA)
    return Said(arguments=[
        "-drive", "if=none,id=cloud,format=raw,readonly=on,"
        f"file.driver=vvfat,file.dir={data},file.label=CIDATA",
        "-device", "virtio-blk-pci,drive=cloud"])


SCENES = {
    "credential by SMBIOS: code before the unlock": Scene(
        Said(smbios={"tmpfiles.extra": "f+ /dev/host-code 0755 - - - " + CODE,
                     "sysctl.extra": "kernel.modprobe = /dev/host-code"}),
        RAN, word="credentials", loud=SYSTEMD),
    "credential by SMBIOS: modprobe of the root": Scene(
        nothing, "grep host /proc/sys/kernel/modprobe",
        word="credentials"),
    "credential by SMBIOS: any name": Scene(
        Said(smbios={"host.smbios": "x"}), f"cd {SYSTEM} && ls host.smbios",
        word="credentials"),
    "credential by SMBIOS: authorized_keys": Scene(
        Said(smbios={"ssh.authorized_keys.root": PUBLIC_KEY}),
        "cut -d' ' -f3 /root/.ssh/authorized_keys", word="credentials"),
    "credential by SMBIOS: a file in /etc": Scene(
        Said(smbios={"tmpfiles.extra": "f+ /etc/host-was-here"}),
        "ls /etc/host-was-here", word="credentials"),
    "credential by fw_cfg": Scene(
        Said(fw_cfg={"host.fw_cfg": "x"}), f"cd {SYSTEM} && ls host.fw_cfg",
        word="credentials"),
    "EFI variable: a credential": Scene(
        Said(efi={"SystemdOptions": "systemd.set_credential=host.variable:x "
                                    "systemd.setenv=HOST=heard "
                                    "systemd.debug_shell"}),
        f"cd {SYSTEM} && ls host.variable", word="efivars"),
    "EFI variable: environment of services": Scene(
        nothing, "systemctl show-environment | grep ^HOST=", word="efivars"),
    "EFI variable: a root shell on tty9": Scene(
        nothing, "systemctl is-active debug-shell | grep ^active",
        word="efivars"),
    "EFI variable: HibernateLocation": Scene(
        Said(efi={"HibernateLocation": json.dumps({
            "uuid": hostvm.SWAP_UUID, "offset": 0, "kernelVersion": "6.1",
            "osReleaseId": "debian"})}),
        logged("systemd-hibernate-resume"), word="efivars", loud=()),
    "EFI variable: FactoryResetRequest": Scene(
        Said(efi={"FactoryResetRequest": json.dumps({
            "osReleaseId": "debian", "osReleaseVersionId": ""})}),
        logged("Reached target.*actory.[Rr]eset"), word="efivars", loud=()),
    "GPT beside the root: swap": Scene(
        nothing, swap_on("disk0-part2"), word="gpt-auto"),
    "GPT beside the root: /home": Scene(
        nothing, mounted("/home"), word="gpt-auto"),
    "GPT beside the root: /srv": Scene(
        nothing, mounted("/srv"), word="gpt-auto"),
    "disk of the root's UUID and label": Scene(
        disk_of(hostvm.twin),
        f"findmnt -rno SOURCE / | grep -v ^{known.MAPPED}",
        loud=()),
    "network card: anything sent": Scene(network, packets, loud=()),
    "disk that comes and goes": Scene(nothing, plug_and_pull, loud=()),
    "disk of a label in fstab": Scene(
        disk_of(lambda folder: hostvm.file_system(
            folder / "data", "data", ["-L", "data"])),
        mounted("/data"), OWNER, door="mounts"),
    "LVM: a group in fstab": Scene(
        disk_of(lambda folder: members.lvm(
            folder / "lvm", hostvm.GROUP, hostvm.VOLUME, marked("logical"))),
        mounted("/logical"), OWNER, door="mounts"),
    "md: an array in fstab": Scene(
        disk_of(lambda folder: members.md(
            folder / "md", f"guest:{hostvm.ARRAY}", marked("array"))),
        mounted("/array"), OWNER, door="mounts"),
    "virtio console: login prompt": Scene(
        console, "systemctl is-active serial-getty@hvc0 | grep ^active",
        OWNER, loud=DRIVER_EARLY, door="serial-getty"),
    "guest agent: a command": Scene(agent, command_by_agent, OWNER,
                                    door="qemu-guest-agent"),
    "unusual devices: drivers loaded": Scene(
        Said(arguments=[word for device in ODD
                        for word in ("-device", device)]),
        "lsmod | grep -cE '^(" + "|".join(ODD.values()) + ") ' | grep -v ^0",
        KERNEL, door="drivers"),
}


# What firmware's tables and variables say.
BY_FIRMWARE = {name for name, scene in SCENES.items()
               if scene.word in ("credentials", "efivars")}


def said(scene, folder):
    """What it says."""
    return scene.say if isinstance(scene.say, Said) else scene.say(folder)


def heard(scene, machine, folder):
    """What was heard of it, in a line."""
    if callable(scene.heard):
        return scene.heard(machine, folder)
    _, output = machine.run(f"{{ {scene.heard}; }} 2>/dev/null")
    return " ".join(output.decode(errors="replace").split())
