# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages' life in Debian systems: installed, upgraded, with a new kernel,
which is booted, and purged. `make check-packages` names the suites."""

import os
import re

import pytest

from attacks import catalogue, plugin
from harness import (chroot, debs, firmware, image, known, place, qemu, rootvm,
                     table)

SUITES = os.environ.get("PACKAGE_SUITES", "").split()
# What makes the initramfs: our package for it.
TOOLS = {"dracut": "cocosecret-dracut",
         "initramfs-tools": "cocosecret-initramfs"}
pytestmark = pytest.mark.skipif(not SUITES, reason="see make check-packages")
each_suite = pytest.mark.parametrize("suite", SUITES)
each_tool = pytest.mark.parametrize("tool", TOOLS)

COCOTAB = f"{known.MAPPING} UUID={known.LUKS_UUID}\n"
MODULE = r"efi_secret\.ko(\.[xg]z|\.zst)?"
LIMIT = 175 << 10  # bytes, of what we add to an image that opens LUKS already

# dpkg, apt and the linker keep records; the last are dkms' own, made when it
# first signs a module.
RECORDS = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/debs",
           "/next", "/var/lib/dkms/mok.")

UNPACK = {
    "dracut": "mkdir /tmp/image; cd /tmp/image; lsinitrd --unpack {image}",
    "initramfs-tools": "unmkinitramfs {image} /tmp/image; cd /tmp/image",
}


def packages(tool, version=None):
    """Those that a guest needs."""
    return [debs.deb(name, version)
            for name in ("cocosecret", TOOLS[tool], "efi-secret-dkms")]


def files(system, which=""):
    """All there are, but for records."""
    found = system.run(f"find / -xdev {which}").splitlines()
    return {path for path in found if not path.startswith(RECORDS)}


def installed(system):
    """The packages that are."""
    return set(system.run("dpkg-query -W -f '${Package}\\n'").split())


def image_of(system, tool, version):
    """{path: bytes} in a kernel's initramfs, and versions of the program."""
    listed = system.run(
        UNPACK[tool].format(image=f"/boot/initrd.img-{version}")
        + " >/tmp/log 2>&1; find . -type f -printf '%s %p\\n';"
        "program=$(find . -name cocosecret-unlock -type f); "
        f"[ -z \"$program\" ] || grep -a -o '{debs.VERSION}[+a-z]*' $program; "
        "rm -r /tmp/image /tmp/log")
    found = {name: int(size) for size, name in
             re.findall(r"^(\d+) \./(.+)$", listed, re.M)}
    versions = set(re.findall(rf"^{debs.VERSION}\S*$", listed, re.M))
    return found, versions


def has(found, pattern):
    """Whether there is such a file."""
    return any(re.fullmatch(f"(.*/)?{pattern}", name) for name in found)


def assert_ours(system, tool, version, program):
    """The initramfs has that version of the program, and the module."""
    found, versions = image_of(system, tool, version)
    assert versions == {program}
    assert has(found, MODULE)
    status = system.run(f"dkms status -k {version}")
    assert re.search(rf"^efi_secret/{re.escape(program)}, .*: installed",
                     status, re.M), status


def install(system, folder, names):
    """As a person would, with what the packages depend on."""
    system.add(folder, names)
    return system.apt("install", f"/{folder}/*.deb")


def assert_boots(system, suite, tool, version):
    """The kernel, with the initramfs that its installation made, unlocks a
    root: of another release, which does not matter for that."""
    kernel, initramfs = (system.changes / f"boot/{name}-{version}"
                         for name in ("vmlinuz", "initrd.img"))
    assert_guest_boots(f"upgraded-{suite}-{tool}", version, firmware.AmdSev,
                       kernel, initramfs, f"{rootvm.CMDLINE} {rootvm.ROOT}")


def assert_guest_boots(name, version, maker, *words):
    """A root, unlocked by what the firmware boots."""
    disk = image.sealed()
    boots = maker(*words, table=table.build({known.DISK: disk.key}))
    with place.scratch() as folder, qemu.Machine(
            name, boots, disks=[disk.overlay(folder)],
            memory_mib=rootvm.MEMORY) as guest:
        guest.wait_ready(300)
        assert guest.check("uname -r") == version
        assert guest.check("findmnt -no SOURCE /") == known.MAPPED
        assert guest.check(f"ls {rootvm.SECRETS}") == ""
        print(f"{version} boots: root's agent after {guest.age():.0f} s")


@each_suite
@each_tool
def test_life(suite, tool):
    """Each step leaves the initramfs it should, and the last one no file."""
    layers = chroot.system(suite, tool)
    with chroot.above(*layers) as system:
        older, newest = system.run("cat /kernels").split()
        system.apt("update")
        system.put("etc/cocotab", COCOTAB)
        before, others = files(system), installed(system)

        install(system, "debs", packages(tool))
        assert_ours(system, tool, older, debs.VERSION)
        new = installed(system) - others
        print(f"{suite}, {tool}: {len(new)} packages installed,",
              f"{len(files(system) - before)} files: {' '.join(sorted(new))}")

        install(system, "next", packages(tool, debs.NEXT))
        assert_ours(system, tool, older, debs.NEXT)
        print(f"upgraded to {debs.NEXT}, so is the initramfs")

        with chroot.above(system.changes, *layers) as updated:
            updated.apt("install", f"linux-image-{newest}",
                        f"linux-headers-{newest}")
            for version in (older, newest):
                assert_ours(updated, tool, version, debs.NEXT)
            print(f"module in the images of {older} and {newest}")
            assert_boots(updated, suite, tool, newest)

        system.apt("purge", *new)
        assert installed(system) == others
        found, versions = image_of(system, tool, older)
        assert versions == set() and not has(found, MODULE)
        left = files(system) - before
        assert left == set()
        assert before - files(system) == set()
        print(f"purged, nothing is left; the initramfs has {len(found)} files")


@each_suite
def test_initrd(suite):
    """An initramfs of one program: none before it is asked for, then one for each
    kernel, whose installation brings no other; the kernel takes it along."""
    names = [debs.deb(name) for name in (
        "cocosecret", "cocosecret-initrd", "efi-secret-dkms")]
    with chroot.above(*chroot.system(suite, "initramfs-tools")) as system:
        older, newest = system.run("cat /kernels").split()
        system.apt("update")
        before = digest_of(system, older)
        system.put("etc/cocotab", COCOTAB)
        install(system, "debs", names)
        assert status_of(system, "initramfs-tools") == "config-files"
        assert digest_of(system, older) == before

        system.put("etc/cocosecret/initrd", "--filesystems ext4\n")
        system.apt("install", f"linux-image-{newest}",
                   f"linux-headers-{newest}")
        assert digest_of(system, older) == before
        listed = system.run(f"ls -l /boot/initrd.img-{newest}; zstdcat "
                            f"/boot/initrd.img-{newest} | cpio -t 2>/dev/null")
        assert re.search(r"^init$", listed, re.M)
        assert re.search("/efi_secret.ko$", listed, re.M)
        print(f"{newest}: {len(listed.splitlines()) - 1} entries, "
              f"{listed.split()[4]} bytes")
        assert_boots(system, suite, "initrd", newest)

        system.run(f"/etc/kernel/postinst.d/zz-cocosecret-initrd {older}")
        assert digest_of(system, older) != before
        system.apt("purge", f"linux-image-{newest}",
                   f"linux-headers-{newest}")
        assert f"initrd.img-{newest}" not in system.run("ls /boot").split()


@each_suite
def test_kernel_install(suite):
    """systemd's kernel-install has the image made; where there is ukify, it
    puts it into a unified kernel image, which boots."""
    unified = suite != "bookworm"
    with chroot.above(*chroot.system(suite, "initramfs-tools")) as system:
        kernel, _ = system.run("cat /kernels").split()
        system.apt("update")
        system.put("etc/cocotab", COCOTAB)
        system.put("etc/kernel/cmdline", f"{rootvm.CMDLINE} {rootvm.ROOT}\n")
        system.put("etc/kernel/entry-token", "ours\n")
        system.put("etc/kernel/install.conf", "initrd_generator=cocosecret\n" +
                   ("layout=uki\nuki_generator=ukify\n" if unified else
                    "layout=bls\n"))
        install(system, "debs", [debs.deb(name) for name in (
            "cocosecret", "cocosecret-initrd", "efi-secret-dkms")])
        if unified:
            system.apt("install", "systemd-ukify", "systemd-boot-efi")
        system.run("mkdir -p /boot/ours /boot/loader/entries; BOOT_ROOT=/boot "
                   f"kernel-install add {kernel} /boot/vmlinuz-{kernel}")
        if not unified:
            entry = system.run(f"cat /boot/loader/entries/ours-{kernel}.conf")
            assert re.findall("^initrd .*/(.*)", entry, re.M) == ["initrd"]
            listed = system.run(f"zstdcat /boot/ours/{kernel}/initrd | cpio -t")
            assert re.search("/efi_secret.ko$", listed, re.M)
            return
        (path,) = (system.changes / "boot/EFI/Linux").glob("*.efi")
        print(f"{path.name}: {path.stat().st_size} bytes")
        assert_guest_boots(f"unified-{suite}", kernel, firmware.Stock, path)


def status_of(system, package):
    """As dpkg has it."""
    return system.run("dpkg-query -W -f '${db:Status-Status}' " + package)


def digest_of(system, version):
    """Of a kernel's initramfs."""
    return system.run(f"sha256sum </boot/initrd.img-{version}")


NEEDED_BY_RPMS = ("rpm", "dmsetup", "libcryptsetup12", "libjson-c5",
                  "libkmod2", "libssl3", "libudev1", "libuuid1")


@pytest.mark.skipif("bookworm" not in SUITES, reason="built for it")
def test_rpms():
    """They install, boot and go again, in Debian: what they are told to need
    goes by Fedora's names, so rpm is told not to look."""
    with chroot.above(*chroot.system("bookworm", "dracut")) as system:
        kernel, _ = system.run("cat /kernels").split()
        system.apt("update")
        system.apt("install", *NEEDED_BY_RPMS)
        system.run("rpm --initdb")
        before = files(system)
        system.add("rpms", (debs.rpms() / "RPMS").glob("*/*.rpm"))
        system.run("rpm --install --nodeps /rpms/*.rpm; rm -r /rpms")
        print(system.run("rpm -qa; dkms status").strip())
        system.run("dracut --force --no-hostonly --add cocosecret "
                   f"--kver {kernel} /boot/initrd.img-{kernel}")
        place.run("cp", chroot.system("bookworm", "dracut")[0]
                  / f"boot/vmlinuz-{kernel}", system.changes / "boot")
        assert_boots(system, "bookworm", "rpm", kernel)
        system.run("rpm --erase --nodeps $(rpm -qa)")
        # Folders are other packages' on Fedora; dkms leaves its lock.
        left = {path for path in files(system, "! -type d") - before
                if not path.startswith(("/var/lib/rpm", "/boot", "/tmp/dkms_"))}
        assert left == set()
        assert before - files(system) == set()


TOKEN = r"""
mount -t tmpfs tmpfs /run
mkdir -p -m 700 {run}
mount -t ramfs -o mode=700 ramfs {run}
cp /images/key {run}/{secret}
set +e
for image in /images/*.img; do
	cryptsetup open --test-passphrase --token-only --token-type cocosecret \
		--disable-locks "$image" >/tmp/said 2>&1
	echo "$? $image $(grep -c 'cocosecret: the header of' /tmp/said)"
done
cryptsetup open --test-passphrase --token-only -v --key-slot 0 \
	"/images/as it is.img" 2>&1 | grep 'Key slot'
cryptsetup --version
"""


@each_suite
def test_token(suite, tmp_path):
    """The token plugin with that release's cryptsetup, on image files."""
    good = catalogue.good(tmp_path / "good")
    with chroot.above(chroot.base(suite)) as system:
        system.apt("update")
        system.apt("install", "cryptsetup-bin")
        install(system, "debs", [debs.deb("libcryptsetup-token-cocosecret")])
        system.add("images", [good.key.rename(tmp_path / "key")])
        for name, change in (catalogue.REFUSED | catalogue.ACCEPTED).items():
            copy = system.changes / f"images/{name}.img"
            place.run("cp", good.path, copy)
            change(good._replace(path=copy, key=tmp_path / "key"))
        said = system.run(TOKEN.format(run=rootvm.STATE + "/secrets",
                                       secret=known.DISK))
    found = {name: (int(status), int(count)) for status, name, count in
             re.findall(r"^(\d+) /images/(.*)\.img (\d+)$", said, re.M)}
    assert found == {name: (1, int(name not in plugin.UNREACHED))
                     for name in catalogue.REFUSED} | {
                         name: (0, 0) for name in catalogue.ACCEPTED}
    assert "Key slot 0" not in said
    print(f"{suite}: {len(catalogue.REFUSED)} refused,",
          f"{len(catalogue.ACCEPTED)} opened by", said.splitlines()[-1])


@each_suite
def test_kernel_with_a_driver(suite):
    """Where the kernel has an efi_secret, ours is built when asked for only.
    Signed it is in either case."""
    with chroot.above(*chroot.system(suite, "dracut")) as system:
        kernel, _ = system.run("cat /kernels").split()
        # dkms 3.0 looks into the first, dkms 3.2 into the second.
        for config in (".config", "include/config/auto.conf"):
            system.run("echo CONFIG_EFI_SECRET=m >> "
                       f"/lib/modules/{kernel}/build/{config}")
        system.apt("update")
        said = install(system, "debs", [debs.deb("efi-secret-dkms")])
        print(*[line for line in said.splitlines()
                if re.search("(?i)skip|exclusive", line)][:2], sep="\n")
        status = system.run("dkms status")
        assert "installed" not in status and "built" not in status
        assert not has(files(system), MODULE)

        key = "-keyout /root/mok.key -outform DER -out /root/mok.der"
        system.run("openssl req -new -x509 -newkey rsa:2048 -nodes -days 1 "
                   f"-subj '/CN=a key of the test' {key}")
        system.run("printf '%s\\n' mok_signing_key=/root/mok.key "
                   "mok_certificate=/root/mok.der >> /etc/dkms/framework.conf")
        system.run("echo BUILD_EXCLUSIVE_CONFIG= > /etc/dkms/efi_secret.conf")
        system.run(f"dkms autoinstall -k {kernel}")
        found = system.run(f"modinfo -k {kernel} efi_secret")
        assert re.search(rf"^filename: .*/updates/dkms/{MODULE}$", found, re.M)
        assert re.search("^signer: +a key of the test$", found, re.M)
        print(f"with BUILD_EXCLUSIVE_CONFIG= for {kernel}:",
              *re.findall("^(?:filename|signer): .*", found, re.M), sep="\n")


@each_suite
def test_autopkgtest(suite):
    """The packages' own test: one boot, in a VM, of what they install."""
    with chroot.above(chroot.base(suite)) as system:
        system.apt("update")
        system.apt("install", "autopkgtest")
        system.add("debs", debs.folder().glob("*_*"))
        said = system.run(
            "autopkgtest --output-dir=/tmp/out /debs/*.changes -- null "
            ">/tmp/log 2>&1 || { tail /tmp/log; cat /tmp/out/boot-std*; "
            "exit 1; }; "
            "cat /tmp/out/boot-stdout /tmp/out/summary", limit=1800)
        print(said)
        assert re.search(r"^boot +PASS$", said, re.M)


# What opens LUKS volumes without us.
OPENS_LUKS = {
    "dracut": ("cryptsetup-bin dmsetup",
               "echo 'add_dracutmodules+=\" crypt dm systemd-initrd \"' "
               "> /etc/dracut.conf.d/crypt.conf"),
    "initramfs-tools": ("cryptsetup-initramfs",
                        "echo CRYPTSETUP=y "
                        ">> /etc/cryptsetup-initramfs/conf-hook"),
}


@each_suite
@each_tool
def test_size(suite, tool):
    """What we add to an initramfs that opens LUKS volumes already."""
    with chroot.above(*chroot.system(suite, tool)) as system:
        kernel, _ = system.run("cat /kernels").split()
        needs, setting = OPENS_LUKS[tool]
        system.apt("update")
        system.apt("install", needs)
        system.run("! apt-cache show systemd-cryptsetup >/dev/null 2>&1 || "
                   "apt-get install -y systemd-cryptsetup")  # Debian 13
        system.run(setting)
        system.run("dpkg-trigger --by-package=base-files update-initramfs; "
                   "dpkg --triggers-only --pending")
        before, _ = image_of(system, tool, kernel)
        system.put("etc/cocotab", COCOTAB)
        install(system, "debs", packages(tool))
        after, _ = image_of(system, tool, kernel)
        added = {name: size - before.get(name, 0)
                 for name, size in after.items()
                 if size != before.get(name)
                 and not re.search(r"/modules\.[^/]*$|cache", name)}
        modules = {name for name in added if re.search(r"\.ko\b", name)
                   and "efi_secret" not in name}
        ours = {name: added[name] for name in added if name not in modules}
        print(f"{suite}, {tool}, bytes:")
        for name, size in sorted(ours.items()):
            print(f"{size:8} {name}")
        print(f"{sum(ours.values()):8} in {len(ours)} files, and "
              f"{len(modules)} kernel modules of "
              f"{sum(added[name] for name in modules)} bytes")
        assert sum(ours.values()) < LIMIT
