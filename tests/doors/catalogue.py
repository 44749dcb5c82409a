# SPDX-License-Identifier: GPL-2.0-or-later
"""The doors that cocosecret audit knows: for each, roots that have it, and what
shuts it in them."""

import pathlib
import typing


# It asks for the module only where there is a cocotab.
PACKAGED = (pathlib.Path(__file__).parents[2]
            / "dracut/50-cocosecret.conf")


class Link(typing.NamedTuple):
    """A symbolic link."""

    target: str


class Cmdline(typing.NamedTuple):
    """The measured kernel command line."""

    text: str


class Case(typing.NamedTuple):
    """A root with a door. file: the one that opens it; shut: files, or a
    command line, each of which leaves no door open."""

    files: dict
    file: str
    shut: list
    also: tuple = ()  # more doors that the same files open
    cmdline: str | None = None
    closed: bool = True  # by an initramfs of ours


MASK = Link("/dev/null")
OURS = "an initramfs of ours"
SYSTEMD = {"usr/lib/systemd/systemd": "ELF"}
UNITS, OWN = "usr/lib/systemd/system", "etc/systemd/system"
GENERATORS = "usr/lib/systemd/system-generators"
OWN_GENERATORS = "etc/systemd/system-generators"


def unit(name, text="[Service]\n"):
    """One that is there."""
    return {**SYSTEMD, f"{UNITS}/{name}": text}


def wanted(name, by="multi-user.target", text="[Service]\n"):
    """One that is started; instances have a template."""
    head, at, _ = name.partition("@")
    file = f"{head}@.{name.rpartition('.')[2]}" if at else name
    return {**unit(file, text),
            f"{OWN}/{by}.wants/{name}": Link(f"/{UNITS}/{file}")}


def service(name, by="multi-user.target"):
    """A service whose start is the door."""
    link = f"{OWN}/{by}.wants/{name}"
    return Case(wanted(name, by), link,
                [{f"{OWN}/{name}": MASK}, {link: MASK}, {link: None}])


def generator(name, files=None, shut=()):
    """A generator that systemd runs."""
    path = f"{GENERATORS}/{name}"
    return Case({**SYSTEMD, path: "ELF", **(files or {})}, path,
                [{f"{OWN_GENERATORS}/{name}": MASK}, {path: None}, *shut])


def sysctl(key, value, folder="etc"):
    """A setting."""
    return {f"{folder}/sysctl.d/50-test.conf": f"# a comment\n{key} = {value}\n"}


def word(text, shut="quiet"):
    """A word on the command line, in a file for a boot loader."""
    return Case({"etc/kernel/cmdline": f"{text}\n"}, "etc/kernel/cmdline",
                [Cmdline(shut)])


PASSWD = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/usr/sbin/nologin\n"
CLOUD = {**wanted("cloud-init.service", "cloud-init.target"),
         f"{UNITS}/cloud-init.target": "[Unit]\n",
         f"{GENERATORS}/cloud-init-generator": "#!/bin/sh\n"}
CLOUD_LINK = f"{OWN}/cloud-init.target.wants/cloud-init.service"
SIGNED = {"boot/config-6.1": "CONFIG_MODULE_SIG_FORCE=y\n"}
EFIVARS = {**SYSTEMD, **SIGNED, "lib/modules/6.1/modules.builtin":
           "kernel/fs/ext4/ext4.ko\n"}
FSTAB = "etc/fstab"
KDUMP = wanted("kdump.service")
KDUMP_TOOLS = wanted("kdump-tools.service")
KDUMP_TOOLS_LINK = f"{OWN}/multi-user.target.wants/kdump-tools.service"
AUTOLOGIN = f"{OWN}/serial-getty@ttyS0.service.d/login.conf"
AUTOLOGIN_TEXT = """\
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root %I
"""
QUIET = {"etc/systemd/system.conf.d/x.conf":
         "[Manager]\nManagerEnvironment=CREDENTIALS_DIRECTORY="
         "/run/credentials/@none\n"}

DOORS = {
    "qemu-guest-agent": [
        service("qemu-guest-agent.service"),
        Case({**unit("qemu-guest-agent.service"),
              "usr/lib/udev/rules.d/60-qga.rules":
              'SUBSYSTEM=="virtio-ports", TAG+="systemd" '
              'ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n'},
             "usr/lib/udev/rules.d/60-qga.rules",
             [{f"{OWN}/qemu-guest-agent.service": MASK},
              {"etc/udev/rules.d/60-qga.rules": MASK}]),
        Case({**wanted("own.service"), **unit("qemu-guest-agent.service"),
              f"{OWN}/own.service.d/x.conf":
              "[Unit]\nWants=x.service qemu-guest-agent.service\n"},
             f"{OWN}/own.service.d/x.conf",
             [{f"{OWN}/own.service": MASK},
              {f"{OWN}/multi-user.target.wants/own.service": None},
              {f"{OWN}/own.service.d/x.conf": MASK}]),
        Case({**unit("qemu-guest-agent.service"),
              f"{OWN}/multi-user.target":
              "[Unit]\nRequires=qemu-guest-agent.service\n"},
             f"{OWN}/multi-user.target",
             [{f"{OWN}/multi-user.target": "[Unit]\nRequires=\n"}]),
        Case({"etc/rc2.d/S01qemu-guest-agent":
              Link("../init.d/qemu-guest-agent")},
             "etc/rc2.d/S01qemu-guest-agent",
             [{"etc/rc2.d/S01qemu-guest-agent": None},
              {**SYSTEMD, f"{OWN}/qemu-guest-agent.service": MASK},
              unit("qemu-guest-agent.service")]),
        Case({"etc/runlevels/default/qemu-guest-agent":
              Link("/etc/init.d/qemu-guest-agent")},
             "etc/runlevels/default/qemu-guest-agent",
             [{"etc/runlevels/default/qemu-guest-agent": None}]),
    ],
    "open-vm-tools": [service("open-vm-tools.service")],
    "spice-vdagent": [
        Case({**unit("spice-vdagentd.service"),
              **wanted("spice-vdagentd.socket", "sockets.target")},
             f"{OWN}/sockets.target.wants/spice-vdagentd.socket",
             [{f"{OWN}/spice-vdagentd.socket": MASK},
              {f"{OWN}/spice-vdagentd.service": MASK}])],
    "walinuxagent": [service("walinuxagent.service")],
    "google-guest-agent": [service("google-guest-agent.service"),
                           service("google-startup-scripts.service")],
    "amazon-ssm-agent": [service("amazon-ssm-agent.service")],
    "hyper-v": [service("hv-fcopy-daemon.service")],
    "incus-agent": [service("lxd-agent.service")],
    "one-context": [service("one-context.service")],
    "afterburn": [service("afterburn-sshkeys@core.service")],
    "cloud-init": [
        Case(CLOUD, CLOUD_LINK,
             [{"etc/cloud/cloud-init.disabled": ""},
              {"etc/cloud/cloud.cfg.d/90.cfg": "datasource_list: [None]\n"},
              {f"{OWN}/cloud-init.service": MASK},
              {f"{OWN}/cloud-init.target": MASK},
              {f"{OWN_GENERATORS}/cloud-init-generator": MASK},
              Cmdline("cloud-init=disabled")]),
        Case({**CLOUD, "etc/cloud/cloud.cfg": "datasource_list: [None]\n",
              "etc/cloud/cloud.cfg.d/90.cfg": "datasource_list: [ NoCloud ]\n"},
             "etc/cloud/cloud.cfg.d/90.cfg",
             [{"etc/cloud/cloud.cfg.d/95.cfg": "datasource_list: [ None ]\n"}]),
    ],
    "ignition": [
        Case({"usr/lib/dracut/modules.d/30ignition/ignition": "ELF"},
             "usr/lib/dracut/modules.d/30ignition", [OURS], closed=False)],
    "ssh-metadata-keys": [
        Case({"usr/sbin/sshd": "ELF", "etc/ssh/sshd_config":
              "AuthorizedKeysCommand /usr/bin/google_authorized_keys\n"},
             "etc/ssh/sshd_config",
             [{"etc/ssh/sshd_config":
               "#AuthorizedKeysCommand /usr/bin/google_authorized_keys\n"},
              {"usr/sbin/sshd": None}])],
    "serial-getty": [
        generator("systemd-getty-generator", unit("serial-getty@.service"),
                  [{f"{OWN}/serial-getty@.service": MASK},
                   Cmdline("systemd.getty_auto=no")]),
        Case(wanted("serial-getty@hvc0.service", "getty.target"),
             f"{OWN}/getty.target.wants/serial-getty@hvc0.service",
             [{f"{OWN}/serial-getty@hvc0.service": MASK},
              {f"{OWN}/serial-getty@.service": MASK}]),
        Case({"etc/inittab":
              "T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n"},
             "etc/inittab",
             [{"etc/inittab":
               "#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n"}]),
        Case({"etc/runlevels/default/agetty.ttyS0":
              Link("/etc/init.d/agetty.ttyS0")},
             "etc/runlevels/default/agetty.ttyS0",
             [{"etc/runlevels/default/agetty.ttyS0": None}]),
    ],
    "getty": [
        Case(wanted("getty@tty1.service", "getty.target"),
             f"{OWN}/getty.target.wants/getty@tty1.service",
             [{f"{OWN}/getty@.service": MASK},
              {f"{OWN}/getty@tty1.service": MASK},
              {f"{OWN}/getty.target": MASK}]),
        Case({**wanted("getty-static.service", "getty.target"),
              **unit("getty@.service")},
             f"{OWN}/getty.target.wants/getty-static.service",
             [{f"{OWN}/getty@.service": MASK},
              {f"{OWN}/getty-static.service": MASK},
              {"usr/bin/dbus-daemon": "ELF"}]),
        Case({**wanted("systemd-logind.service"), **unit("getty@.service"),
              f"{UNITS}/autovt@.service": Link("getty@.service")},
             f"{UNITS}/autovt@.service",
             [{f"{OWN}/autovt@.service": MASK}, {f"{OWN}/getty@.service": MASK},
              {"etc/systemd/logind.conf": "[Login]\nNAutoVTs=0\n"}]),
        Case({"etc/inittab": "1:2345:respawn:/sbin/getty 38400 tty1\n"},
             "etc/inittab", [{"etc/inittab": "id:2:initdefault:\n"}]),
    ],
    "autologin": [
        Case({**unit("serial-getty@.service"), AUTOLOGIN: AUTOLOGIN_TEXT},
             AUTOLOGIN,
             [{AUTOLOGIN: None}, {f"{OWN}/serial-getty@.service": MASK},
              {AUTOLOGIN: AUTOLOGIN_TEXT.replace("--autologin root ", "")}])],
    "debug-shell": [service("debug-shell.service", "sysinit.target")],
    "rescue-shell": [
        Case({f"{OWN}/emergency.service.d/x.conf":
              "[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\n"},
             f"{OWN}/emergency.service.d/x.conf",
             [{f"{OWN}/emergency.service.d/x.conf":
               "[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=0\n"}])],
    "empty-password": [
        Case({"etc/passwd": PASSWD, "etc/shadow": "root::1::::::\nweb::1::::::\n"},
             "etc/shadow", [{"etc/shadow": "root:*:1::::::\nweb::1::::::\n"}]),
        Case({"etc/passwd": PASSWD.replace("root:x", "root:")}, "etc/passwd",
             [{"etc/passwd": PASSWD}]),
    ],
    "first-boot": [
        Case(wanted("systemd-firstboot.service", "sysinit.target"),
             f"{OWN}/sysinit.target.wants/systemd-firstboot.service",
             [{f"{OWN}/systemd-firstboot.service": MASK},
              {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"},
              {"etc/passwd": PASSWD, "etc/shadow": "root:*:1::::::\n"}]),
    ],
    "credentials": [
        Case({**SYSTEMD, "etc/cocotab": ""}, "usr/lib/systemd/systemd",
             [OURS, Cmdline("efi=noruntime systemd.import_credentials=0"),
              QUIET,
              {"usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-250.so":
               "ELF"},
              {"etc/cocosecret/initrd": "",
               "usr/lib/cocosecret/make-initrd": "#!/bin/sh\n"},
              {"usr/share/initramfs-tools/hooks/cocosecret": "#!/bin/sh\n"}],
             cmdline="efi=noruntime", closed=False),
        Case(SYSTEMD, "usr/lib/systemd/systemd",
             [Cmdline("efi=noruntime systemd.import_credentials=0")],
             cmdline="rd.cocosecret.timeout=60 rd.cocosecret=x efi=noruntime",
             closed=False),
    ],
    "efi-variables": [
        Case({**EFIVARS, **QUIET}, "usr/lib/systemd/systemd",
             [OURS, Cmdline("efi=noruntime"),
              {"etc/modprobe.d/x.conf": "blacklist  efivarfs\n"},
              {"etc/modprobe.d/x.conf": "install efivarfs /bin/false\n"},
              Cmdline("modprobe.blacklist=efivarfs")], closed=False),
        Case({**EFIVARS, **QUIET, "lib/modules/6.1/modules.builtin":
              "kernel/fs/efivarfs/efivarfs.ko\n",
              "etc/modprobe.d/x.conf": "blacklist efivarfs\n"},
             "usr/lib/systemd/systemd", [OURS], closed=False),
    ],
    "gpt-auto": [
        generator("systemd-gpt-auto-generator", QUIET,
                  [OURS, Cmdline("efi=noruntime systemd.gpt_auto=0"),
                   {"run/cocosecret/run.json": "{}"}]
                  )._replace(closed=False, cmdline="efi=noruntime")],
    "vsock": [
        generator("systemd-ssh-generator", {"usr/sbin/sshd": "ELF"},
                  [Cmdline("systemd.ssh_auto=no"), {"usr/sbin/sshd": None}]),
        Case(wanted("debug.socket", "sockets.target",
                    "[Socket]\nListenStream=vsock::22\n"),
             f"{UNITS}/debug.socket", [{f"{OWN}/debug.socket": MASK},
                                       {f"{UNITS}/debug.socket":
                                        "[Socket]\nListenStream=/run/x\n"}]),
    ],
    "imds": [generator("systemd-imds-generator")],
    "mounts": [
        Case({FSTAB: f"{device}\t/data ext4 rw 0 2\n"}, FSTAB,
             [{FSTAB: "/dev/mapper/data /data ext4 rw 0 2\n"},
              {FSTAB: f"{device} /data ext4 noauto 0 2\n"},
              {FSTAB: f"{device} / ext4 rw 0 1\n"},
              {FSTAB: f"#{device} /data ext4 rw 0 2\n"}])
        for device in ("UUID=5d41402a-bc4b-4a76-b971-9d911017c592",
                       "LABEL=data", "PARTUUID=5d41402a-01", "/dev/vdb",
                       "/dev/disk/by-id/virtio-data", "/dev/owner/data")] + [
        Case({FSTAB: "share /data virtiofs rw 0 0\n"}, FSTAB,
             [{FSTAB: "tmpfs /data tmpfs rw 0 0\n"}]),
        Case({FSTAB: "box:/x /data nfs rw 0 0\n"}, FSTAB,
             [{FSTAB: "box:/x /data nfs sec=krb5p 0 0\n"}]),
        Case({FSTAB: "/dev/vdb /data ext4 noauto,x-systemd.automount 0 0\n"},
             FSTAB, [{FSTAB: ""}]),
        Case({FSTAB: "/dev/mapper/owner-data /data ext4 rw 0 0\n",
              "usr/sbin/lvm": "ELF"}, FSTAB,
             [{"usr/sbin/lvm": None},
              {FSTAB: "/dev/mapper/data /data ext4 rw 0 0\n"},
              {FSTAB: "/dev/mapper/a--b /data ext4 rw 0 0\n"},
              {"etc/cocotab": "owner-data UUID=x\n"}]),
        Case({**SYSTEMD, f"{OWN}/data.mount": "[Mount]\nWhat=/dev/vdb\n",
              f"{OWN}/local-fs.target.wants/data.mount": Link("../data.mount")},
             f"{OWN}/data.mount",
             [{f"{OWN}/data.mount": "[Mount]\nWhat=/dev/mapper/data\n"},
              {f"{OWN}/local-fs.target.wants/data.mount": None}]),
    ],
    "swap": [
        Case({FSTAB: f"{device} none swap sw 0 0\n"}, FSTAB,
             [{FSTAB: "/dev/mapper/swap none swap sw 0 0\n"},
              {FSTAB: "/swapfile none swap sw 0 0\n"},
              {FSTAB: "/dev/zram0 none swap sw 0 0\n"}])
        for device in ("UUID=7c1d3a52-90f4-4b1e-8d57-52ab1f0c6e44",
                       "LABEL=swap", "/dev/nvme0n1p3")],
    "crypttab": [
        Case({"etc/crypttab": f"data UUID=x {rest}\n"}, "etc/crypttab",
             [{"etc/crypttab":
               "data UUID=x none luks,headless=true,tries=1,nofail\n"},
              {"etc/crypttab": "data /dev/vdb /dev/urandom swap\n"},
              {"etc/crypttab": "data /var/data.img none luks\n"},
              {"etc/crypttab":
               "data /dev/vdb /etc/x.key luks,header=/etc/data.hdr\n"},
              {"etc/crypttab": f"data UUID=x {rest},noauto\n"}])
        for rest in ("none luks", "/etc/data.key luks", "- tpm2-device=auto",
                     "none luks,headless=true", "none luks,tries=1")],
    "zfs-import-scan": [service("zfs-import-scan.service", "zfs-import.target")],
    "resume": [
        word("resume=UUID=x", "resume=/dev/mapper/swap"),
        word("resume=/dev/vda3", "resume=/dev/vda3 noresume"),
        Case({"etc/initramfs-tools/conf.d/resume": "RESUME=UUID=x\n"},
             "etc/initramfs-tools/conf.d/resume",
             [OURS, {"etc/initramfs-tools/conf.d/resume": "RESUME=none\n"}],
             closed=False),
    ],
    "kdump": [
        Case({**KDUMP, "etc/kdump.conf": "path /var/crash\next4 /dev/vdb\n"},
             "etc/kdump.conf",
             [{"etc/kdump.conf": "path /var/crash\n"},
              {"etc/kdump.conf": "ext4 /dev/mapper/crash\n"},
              {f"{OWN}/kdump.service": MASK}]),
        Case({**KDUMP_TOOLS, "etc/default/kdump-tools":
              'NFS="box:/crash"\nUSE_KDUMP=1\n'},
             "etc/default/kdump-tools",
             [{"etc/default/kdump-tools": '#NFS="box:/crash"\n'},
              {f"{OWN}/kdump-tools.service": MASK}]),
    ],
    "crash-kernel": [
        Case({**KDUMP_TOOLS, FSTAB: "/dev/vda2 /boot ext4 rw 0 2\n"},
             KDUMP_TOOLS_LINK,
             [{FSTAB: ""}, {FSTAB: "/dev/mapper/boot /boot ext4 rw 0 2\n"},
              {f"{OWN}/kdump-tools.service": MASK, FSTAB: ""}], ("mounts",))],
    "pstore": [
        service("systemd-pstore.service", "sysinit.target"),
        Case({"boot/config-6.1": "CONFIG_EFI_VARS_PSTORE=y\n"}, "boot",
             [{"boot/config-6.1": "CONFIG_EFI_VARS_PSTORE=y\n"
               "CONFIG_EFI_VARS_PSTORE_DEFAULT_DISABLE=y\n"},
              {"boot/config-6.1": "CONFIG_EFI_VARS_PSTORE=m\n"},
              Cmdline("efi_pstore.pstore_disable=1")]),
    ],
    "sysrq": [
        Case(sysctl("kernel.sysrq", value), "etc/sysctl.d/50-test.conf",
             [sysctl("kernel/sysrq", 0), sysctl("-kernel.sysrq", "0x1b6"),
              {"etc/sysctl.d/60.conf": "kernel.sysrq=16\n"}])
        for value in ("1", "0x1ff", "8", "64")] + [
        Case({"boot/config-6.1": "CONFIG_MAGIC_SYSRQ_DEFAULT_ENABLE=0x1\n"},
             "boot/config-6.1",
             [sysctl("kernel.sysrq", 16, "usr/lib"),
              {"boot/config-6.1":
               "CONFIG_MAGIC_SYSRQ_DEFAULT_ENABLE=0x01b6\n"}]),
        Case({**sysctl("kernel.sysrq", 0, "usr/lib"),
              "etc/kernel/cmdline": "sysrq_always_enabled\n"},
             "etc/kernel/cmdline", [Cmdline("quiet")]),
    ],
    "drivers": [
        Case({**SIGNED, "lib/modules/6.1/modules.alias": "alias\n"},
             "lib/modules/6.1/modules.alias",
             [sysctl("kernel.modules_disabled", 1)])],
    "unsigned-modules": [
        Case({"lib/modules/6.1/kernel/x.ko": "ELF"}, "lib/modules",
             [SIGNED, sysctl("kernel.modules_disabled", 1),
              Cmdline("module.sig_enforce=1"), Cmdline("lockdown=integrity")]),
        Case({"lib/modules/6.1/kernel/x.ko": "ELF", **SIGNED,
              "boot/config-6.2": "# CONFIG_MODULE_SIG_FORCE is not set\n"},
             "lib/modules", [{"boot/config-6.2": None}]),
        Case({"lib/modules/6.1/kernel/x.ko": "ELF",
              "etc/kernel/cmdline": "lockdown=integrity\n",
              "boot/loader/entries/x.conf": "options quiet\n"}, "lib/modules",
             [{"boot/loader/entries/x.conf": "options lockdown=integrity\n"}]),
        Case({"lib/modules/6.1/kernel/x.ko": "ELF", "etc/default/grub":
              'GRUB_CMDLINE_LINUX="module.sig_enforce=1"\n',
              "etc/default/grub.d/x.cfg": 'GRUB_CMDLINE_LINUX="quiet"\n'},
             "lib/modules",
             [{"etc/default/grub.d/x.cfg":
               'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX quiet"\n'}]),
    ],
    "command-line": [
        word("quiet init=/bin/sh", "init=/lib/systemd/systemd"),
        word("systemd.debug_shell", "systemd.debug_shell=0"),
        word("systemd.unit=rescue.target", "systemd.unit=multi-user.target"),
        word("emergency"), word("rd.break=mount"), word("rd.shell"),
        word("kgdboc=ttyS0"), word("efivar_ssdt=x"),
        word("rd.cocosecret=0 rd.cocosecret=root:/dev/vda",
             "rd.cocosecret=root:/dev/vda"),
        word("rd.cocosecret.allow=efivars"),
        word("rd.cocosecret.on-failure=shell",
             "rd.cocosecret.on-failure=reboot"),
        Case({"boot/loader/entries/a.conf": "options quiet\n",
              "boot/loader/entries/b.conf": "options quiet rd.break\n"},
             "boot/loader/entries/b.conf",
             [{"boot/loader/entries/b.conf": None}]),
    ],
    "initramfs": [
        Case({"usr/share/initramfs-tools/init": "#!/bin/sh\n"},
             "usr/share/initramfs-tools/init",
             [OURS, {"etc/cocotab": "", "usr/share/initramfs-tools/hooks/"
                     "cocosecret": "#!/bin/sh\n"}], closed=False),
        Case({"usr/bin/dracut": "#!/bin/sh\n",
              "usr/lib/dracut/modules.d/50cocosecret/module-setup.sh": "#\n",
              "usr/lib/dracut/dracut.conf.d/50-cocosecret.conf":
              PACKAGED.read_text()},
             "usr/bin/dracut",
             [{"etc/cocotab": ""},
              {"etc/dracut.conf.d/x.conf":
               'add_dracutmodules+=" cocosecret "\n'}], closed=False),
    ],
}


def plant(folder, files):
    """Makes a root of them; None is a file that is not there."""
    (folder / "etc").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = pathlib.Path(folder) / name
        if content is None:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        else:
            path.write_text(content)
    return folder
