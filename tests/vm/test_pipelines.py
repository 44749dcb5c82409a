# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples for image builders, in the words of their READMEs: each makes
an image, which boots from a launch secret.
"""

import contextlib
import pathlib
import re

import pytest

from harness import (chroot, debs, documents, firmware, image, memory, mkosi,
                     packages, place, qemu, rootvm)

pytestmark = pytest.mark.slow

LIMIT = 300
MEMORY = 2048
OURS = "cocosecret", "efi-secret-dkms"
STUB = "cocosecret-stub"
REPART = ("binutils", "systemd-repart", "systemd-ukify", "systemd-boot-efi",
          "cryptsetup-bin", "dosfstools", "mtools", "e2fsprogs")
# What only the sandbox of the tests needs, in a file that is for such things.
# Its folders are layers, which cannot lie upon each other.
LOCAL = """\
[Build]
SandboxTrees=/mkosi/sandbox
[Content]
ExtraTrees=/mkosi/agent
"""
SANDBOX = """\
mknod -m 666 /dev/tty c 5 0
mount -t tmpfs tmpfs /var/tmp
cd ~/cocosecret/examples/{}
"""


def blocks(name):
    """The commands of an example's README."""
    text = (place.TOP / "examples" / name / "README.md").read_text()
    return documents.blocks(text)


def put_checkout(system, name, packages_of):
    """The example where it is in a checkout, and packages that were built."""
    home = system.changes / "root/cocosecret"
    (home / "examples").mkdir(parents=True)
    place.run("cp", "-a", place.TOP / "examples" / name, home / "examples")
    system.add("root/cocosecret/build/deb",
               [debs.deb(package) for package in packages_of])
    return home / "examples" / name


@contextlib.contextmanager
def booted(name, disk, table, kernel, initrd=None, cmdline="", kind="stock"):
    """A guest; without an initrd, the kernel is a unified image."""
    boots = firmware.KINDS[kind](kernel, initrd, cmdline, table.read_bytes())
    with place.scratch() as folder:
        overlay = pathlib.Path(folder) / "disk.qcow2"
        place.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                  "-b", disk.resolve(), overlay)
        with qemu.Machine(name, boots, disks=[overlay],
                          memory_mib=MEMORY) as machine:
            yield machine


def assert_unlocked(guest, key):
    """The root is what our unlocker opened; the key is nowhere."""
    assert guest.check("findmnt -no SOURCE /") == "/dev/mapper/root"
    uuid = guest.check("cat /sys/block/dm-0/dm/uuid")
    assert re.fullmatch("CRYPT-LUKS2-[0-9a-f]{32}-root", uuid)
    assert guest.check(f"ls {rootvm.SECRETS}") == ""
    with place.scratch() as folder:
        dump = guest.dump(folder + "/dump")
        assert memory.whole(dump, uuid.encode())
        assert memory.find(dump, key) == []
    print(f"root on {uuid}, key nowhere, after {guest.age():.0f} s")


SETTLED = ("systemctl is-system-running --wait; systemctl list-jobs; "
           "systemctl list-units --failed --no-legend")


def assert_shut(guest):
    """The doors that the root's own files close are closed in the guest."""
    assert guest.run(SETTLED, LIMIT)[1].decode().splitlines() == [
        "running", "No jobs running."]
    assert guest.check("cat /proc/sys/kernel/modules_disabled") == "1"
    assert guest.check("ls /sys/class/net") != ""
    units = guest.check("systemctl list-units --all --plain --no-legend "
                        "'*getty@*' 'autovt@*' '*pstore*' '*.swap'")
    assert "active" not in units.replace("inactive", ""), units
    assert guest.run("! modprobe -q dummy && ! modprobe -q efivarfs && "
                     "! ls /sys/firmware/efi/efivars/*")[0] == 0


@pytest.mark.parametrize("build, kinds", [
    ("mkosi build", ("stock", "amdsev")),
    ("mkosi --profile one-program build", ("amdsev",))])
def test_mkosi(build, kinds):
    """A disk image and a unified kernel image, which has the initrd."""
    (commands,) = [block for block in blocks("mkosi")
                   if block.startswith("mkdir packages")]
    with chroot.above(*mkosi.layers()) as system:
        system.apt("update")
        home = put_checkout(system, "mkosi", (*OURS, STUB))
        system.apt("install", *REPART, *(
            f"/root/cocosecret/build/deb/{debs.deb(name).name}"
            for name in ("cocosecret", STUB)))
        system.put("mkosi/sandbox/etc/apt/sources.list.d/mkosi.sources",
                   mkosi.SOURCES.format(mirror=packages.mirror(),
                                        suite=mkosi.SUITE))
        image.add_agent(system.changes / "mkosi/agent")
        (home / "mkosi.local.conf").write_text(LOCAL)
        assert any(build + "\n" in block for block in blocks("mkosi"))
        said = system.run(SANDBOX.format("mkosi")
                          + commands.replace("mkosi build", build), limit=1500)
        print(*re.findall("guest.raw.*partition 2: .*", said),
              f"{(home / 'guest.efi').stat().st_size >> 10} KiB", sep="\n")
        (wall,) = [block for block in blocks("mkosi")
                   if block.startswith("for part in")]
        print(system.run(SANDBOX.format("mkosi") + wall))
        for file, kind in (*(("guest.efi", kind) for kind in kinds),
                           ("walled.efi", "amdsev")):
            with booted(f"mkosi-{file}-{kind}", home / "guest.raw",
                        home / "table.bin", home / file, kind=kind) as guest:
                guest.wait_ready(LIMIT)
                assert_unlocked(guest, (home / "disk.key").read_bytes())
                words = guest.check("cat /proc/cmdline").split()
                assert ("cocosecret.wall=1" in words) == (file == "walled.efi")


def test_debootstrap():
    """The script, where there is nothing but what it wants."""
    (commands,) = [block for block in blocks("debootstrap")
                   if block.startswith("mkdir guest")]
    with chroot.above(chroot.base("bookworm")) as system:
        system.apt("update")
        home = put_checkout(system, "debootstrap",
                            (*OURS, "cocosecret-initrd"))
        system.apt("install", "debootstrap", "cryptsetup-bin",
                   "/root/cocosecret/build/deb/"
                   + debs.deb("cocosecret").name)
        image.add_agent(system.changes / "overlay")
        said = system.run("export OVERLAY=/overlay; cd ~/cocosecret/examples/"
                          f"debootstrap\n{commands}", limit=1500)
        print(said[said.index("build: "):].strip())
        assert "\n0 doors are open" in said
        guest = home / "guest"
        with booted("debootstrap", guest / "disk.img", guest / "table.bin",
                    guest / "vmlinuz", guest / "initrd.img",
                    "console=ttyS0 panic=1") as machine:
            machine.wait_ready(LIMIT)
            assert_unlocked(machine, (guest / "disk.key").read_bytes())
            assert_shut(machine)


def test_kiwi():
    """kiwi reads the description; one that it does not know is refused."""
    with chroot.above(chroot.base("sid")) as system:
        system.apt("update")
        system.apt("install", "kiwi")
        home = put_checkout(system, "kiwi", ())
        info = "kiwi-ng image info --description ~/cocosecret/examples/kiwi"
        said = system.run(info)
        assert '"image": "guest"' in said
        print(*re.findall('.*"(?:image|version)": .*', said), sep="\n")
        config = home / "config.xml"
        config.write_text(config.read_text().replace("<dracut ", "<dracuts "))
        with pytest.raises(RuntimeError, match="dracuts"):
            system.run(info)


def guestfs_root():
    """A Debian such as people customise, which has what ours depends on."""
    def build(path):
        with chroot.above(*chroot.system("bookworm", "dracut")) as system:
            system.apt("update")
            system.apt("install", "dmsetup", "libcryptsetup12", "libjson-c5",
                       "libkmod2", "libuuid1", "udev", "systemd-sysv")
            image.add_agent(system.changes)
            place.run("sh", "-c", f"rm -rf {system.changes}/debs")
            system.copy(path)
    key = place.digest(*(layer.name for layer in
                         chroot.system("bookworm", "dracut")))
    return place.artefact("guestfs-root", key, build)


def test_virt_customize():
    """libguestfs' own virtual machine changes the image."""
    customise, *_, encrypt = blocks("virt-customize")
    with chroot.above(chroot.base("bookworm")) as system:
        system.apt("update")
        home = put_checkout(system, "virt-customize", OURS)
        system.apt("install", "guestfs-tools", "libguestfs-tools",
                   "qemu-system-x86",
                   f"linux-image-{chroot.FLAVOUR}", "cryptsetup-bin", "zstd",
                   "/root/cocosecret/build/deb/"
                   + debs.deb("cocosecret").name)
        root = guestfs_root()
        size = int(place.run("du", "-sm", root).split()[0])
        place.run("mke2fs", "-q", "-t", "ext4", "-d", root,
                  home / "disk.img", f"{size + size // 8 + 200}M")
        system.add(f"{home.relative_to(system.changes)}/packages",
                   (home / "../../build/deb").glob("*.deb"))
        system.run("export LIBGUESTFS_BACKEND=direct "
                   "LIBGUESTFS_BACKEND_SETTINGS=force_tcg\n"
                   f"cd ~/cocosecret/examples/virt-customize\n{customise}",
                   limit=1200)
        system.run(f"cd ~/cocosecret/examples/virt-customize\n{encrypt}")
        with booted("virt-customize", home / "disk.img", home / "table.bin",
                    home / "vmlinuz", home / "initrd.img",
                    "console=ttyS0 panic=1") as machine:
            machine.wait_ready(LIMIT)
            assert_unlocked(machine, (home / "disk.key").read_bytes())
