# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian systems with our packages, as a person installs them, each with an
encrypted disk of its own and every kind of initramfs. What was shown is kept,
and becomes the table of doc/tested.md."""

import functools
import itertools
import json
import pathlib
import secrets
import sys
import time
import typing

from . import chroot, debs, hostvm, image, known, marked, mkosi, place

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13",
          "sid": "Debian unstable"}
# Those that have a shell, for a test to show the unlocker disks by.
SHELLS = ("dracut-systemd", "dracut-plain", "initramfs-tools", "mkosi-initrd")
KINDS = (*SHELLS, "cocosecret-init")
FIRMWARES = {"stock": "stock OVMF", "amdsev": "AmdSev OVMF"}
RESULTS = place.BUILD / "matrix"
PAGE = place.TOP / "doc/tested.md"
BEGIN, END = "<!-- matrix: make matrix-table -->\n", "<!-- end of matrix -->\n"

# What a guest has, but for ours. Two makers of an initramfs live in it.
SYSTEM = ("systemd-sysv", "udev", "kmod", "openssl", "dkms", "gcc",
          "libc6-dev", "initramfs-tools", "busybox", "dracut-core", "zstd",
          "cpio", "util-linux-extra", f"linux-headers-{chroot.FLAVOUR}",
          f"linux-image-{chroot.FLAVOUR}")
SOURCES = ("module", "unlock", "dracut", "initramfs-tools", "initrd", "debian",
           "Makefile", "packaging.mk")
PACKAGES = ("cocosecret", "cocosecret-dracut", "cocosecret-initramfs",
            "efi-secret-dkms")
COCOTAB = f"{known.MAPPING} UUID={known.LUKS_UUID}\n"
# All that is done, besides installing and enrolling.
COMMANDS = {
    "initramfs-tools": "update-initramfs -u -k {version}; "
                       "cp /boot/initrd.img-{version} {target}",
    "dracut-systemd": "dracut --force --no-hostonly --add cocosecret "
                      "--kver {version} {target}",
    "dracut-plain": "dracut --force --no-hostonly --omit systemd "
                    "--add cocosecret --kver {version} {target}",
    "cocosecret-init": "cocosecret initrd -o {target} --kver {version}",
}
# A root needs no compiler.
LEAN = ("rm -rf /usr/lib/gcc /usr/src /usr/include /usr/share/doc "
        "/usr/share/man /usr/share/locale /usr/share/perl /usr/lib/x86_64-"
        "linux-gnu/perl /var/cache/* /var/lib/apt/lists/* /boot/* /debs "
        "/usr/lib/x86_64-linux-gnu/*.a /var/lib/dkms")


class Cell(typing.NamedTuple):
    """Of the matrix."""

    suite: str
    kind: str
    firmware: str

    def __str__(self):
        return "-".join(self)


CELLS = [Cell(*words) for words in itertools.product(SUITES, KINDS,
                                                     FIRMWARES)]


@functools.cache
def state():
    """A hash of what the packages are made of, and so the results."""
    return place.digest(*(place.TOP / name for name in SOURCES))


def put_ours(system):
    """Installs the packages in a system that names the disk's volume."""
    system.apt("update")
    system.put("etc/cocotab", COCOTAB)
    system.add("debs", [debs.deb(name) for name in PACKAGES])
    system.apt("install", "/debs/*.deb")


def install(path, suite):
    """A system with them."""
    with chroot.above(*stock(suite)) as system:
        put_ours(system)
        system.changes.rename(path)


def install_stock(path, suite):
    """A system without them."""
    with chroot.above(chroot.base(suite)) as system:
        system.apt("update")
        system.apt("install", *SYSTEM)
        system.apt("clean")
        system.changes.rename(path)


@functools.cache
def stock(suite):
    """The layers of a system with a kernel, and what makes an initramfs."""
    key = place.digest(chroot.base(suite).name, *SYSTEM)
    return [place.artefact(f"matrix-stock-{suite}", key,
                           lambda path: install_stock(path, suite)),
            chroot.base(suite)]


@functools.cache
def layers(suite):
    """Of the guest's system."""
    key = place.digest(stock(suite)[0].name, state(), COCOTAB, *PACKAGES)
    return [place.artefact(f"matrix-{suite}", key,
                           lambda path: install(path, suite)), *stock(suite)]


def kernel_version(suite):
    """The one kernel's that is installed."""
    (boot,) = stock(suite)[0].glob("boot/vmlinuz-*")
    return boot.name.removeprefix("vmlinuz-")


def kernel(suite):
    """Its file."""
    return stock(suite)[0] / "boot" / f"vmlinuz-{kernel_version(suite)}"


def make_image(path, suite, kind):
    """As a person would in the system."""
    with chroot.above(*layers(suite)) as system:
        log = system.run(COMMANDS[kind].format(
            version=kernel_version(suite), target="/boot/made"))
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"matrix-{suite}-{kind}.log").write_text(log)
        (system.changes / "boot/made").rename(path)


def make_mkosi_image(path, suite):
    """With the packages that were installed, and the modules of the kernel."""
    modules = [layer / "usr/lib/modules" for layer in layers(suite)]
    (deb,) = (layers(suite)[0] / "debs").glob("cocosecret_*")
    mkosi.make(path, f"matrix-{suite}-mkosi-initrd", suite, deb,
               [folder for folder in modules if folder.exists()])


@functools.cache
def initramfs(suite, kind):
    """The image of one kind."""
    if kind == "mkosi-initrd":
        key = place.digest(layers(suite)[0].name, mkosi.layers()[0].name,
                           mkosi.MAKE, mkosi.SOURCES)
        return place.artefact(f"matrix-{suite}-{kind}", key,
                              lambda path: make_mkosi_image(path, suite))
    key = place.digest(layers(suite)[0].name, COMMANDS[kind])
    return place.artefact(f"matrix-{suite}-{kind}", key,
                          lambda path: make_image(path, suite, kind))


def root(suite, folder):
    """The system's files, for a disk."""
    with chroot.above(*layers(suite)) as system:
        system.run(LEAN)
        system.copy(folder)
    image.configure(folder)
    image.add_agent(folder)


def enroll(system, disk, key):
    """By the system's own command."""
    target = system.changes / "disk"
    target.mkdir()
    for file in (disk, key, disk.with_name("owner")):
        file.rename(target / file.name)
    system.run("cd /disk; cocosecret enroll disk.img --name "
               f"{known.MAPPING} --new-key-file key --key-file owner")
    for file in target.iterdir():
        file.rename(disk.with_name(file.name))


def make_disk(path, suite):
    """The system as an encrypted disk, enrolled."""
    image.empty(path)
    owner, key = path / "owner", path / "key"
    for file in (owner, key):
        file.write_bytes(secrets.token_bytes(32))
    with place.scratch() as scratch:
        folder = pathlib.Path(scratch) / "root"
        root(suite, folder)
        image.file_system(path / "disk.img", folder)
    image.encrypt(path / "disk.img", owner)
    with chroot.above(*layers(suite)) as system:
        enroll(system, path / "disk.img", key)


@functools.cache
def disk(suite):
    """The encrypted root of a suite."""
    key = place.digest(layers(suite)[0].name, LEAN,
                       *image.programs())
    return image.Disk(place.artefact(f"matrix-disk-{suite}", key,
                                     lambda path: make_disk(path, suite)))


# what a host says to it


def copy_host_root(suite, folder):
    """The system's files, and what listens to a host."""
    with chroot.above(*layers(suite)) as system:
        system.apt("update")
        system.apt("install --no-install-recommends", *hostvm.LISTENERS)
        system.run(LEAN)
        system.copy(folder)
    image.configure(folder)
    image.add_agent(folder)


@functools.cache
def host_disk(suite):
    """An encrypted root that has it all, among the host's partitions."""
    key = place.digest(layers(suite)[0].name, LEAN, *hostvm.LISTENERS,
                       *hostvm.LAYOUT, *image.programs())
    return image.Disk(place.artefact(
        f"matrix-host-disk-{suite}", key, lambda path: hostvm.make_disk(
            path, lambda folder: copy_host_root(suite, folder))))


def host_system(suite, kind):
    """What is booted; its image has a cocotab."""
    return hostvm.System(kernel(suite), initramfs(suite, kind), {}, "",
                         host_disk(suite))


def make_without(path, suite):
    """An initramfs in which nothing is ours, of dracut with systemd."""
    with chroot.above(*stock(suite)) as system:
        system.apt("update")
        system.apt("install --no-install-recommends cryptsetup-bin")
        if "systemd-cryptsetup" in system.run("apt-cache pkgnames systemd-c"):
            system.apt("install --no-install-recommends systemd-cryptsetup")
        hostvm.make_without(
            system, host_disk(suite), hostvm.WITHOUT["generic"].format(
                version=kernel_version(suite)), path)


@functools.cache
def host_system_without(suite):
    """The same root, opened with a key file."""
    key = place.digest(stock(suite)[0].name, host_disk(suite).image.parent.name,
                       hostvm.WITHOUT["generic"])
    made = place.artefact(f"matrix-without-{suite}", key,
                          lambda path: make_without(path, suite))
    return hostvm.System(kernel(suite), made, {},
                         f"rd.luks.uuid={known.LUKS_UUID}", host_disk(suite))


# results


def kept(cell):
    """The result of an earlier run of the same source, or None."""
    file = RESULTS / f"{cell}.json"
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    return found if found["state"] == state() else None


def keep(cell, **found):
    """Notes a result."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    found |= {"state": state(), "day": time.strftime("%Y-%m-%d")}
    file = RESULTS / f"{cell}.json"
    file.with_suffix(".new").write_text(json.dumps(found, indent=1) + "\n")
    file.with_suffix(".new").rename(file)


def word(cell):
    """A cell, for people."""
    found = kept(cell)
    if not found:
        return "not run"
    return found.get("why") or f"boots, {found['seconds']:.0f} s"


def attacks_line():
    """What is known of the attack table."""
    found = {kind: result for kind in KINDS
             if (result := kept(f"attacks-{kind}"))}
    days = sorted({result["day"] for result in map(kept, CELLS) if result})
    scenes = min((result["scenes"] for result in found.values()), default=0)
    return (f"Run on {days[-1] if days else 'no day'}. The attack table, "
            f"{scenes} scenes, passed in: {', '.join(found) or 'none'}.")


def host_line():
    """What is known of the host's scenes."""
    found = {name: result for name in (f"host-{suite}-{kind}" for suite in SUITES
                                       for kind in KINDS)
             if (result := kept(name))}
    scenes = min((result["scenes"] for result in found.values()), default=0)
    names = ", ".join(name.removeprefix("host-") for name in found) or "none"
    return (f"Everything else that a host says, {scenes} scenes, goes unheard "
            f"in: {names}.")


def table_lines():
    """The matrix in Markdown."""
    yield "| guest | initramfs | " + " | ".join(FIRMWARES.values()) + " |"
    yield "|---" * (2 + len(FIRMWARES)) + "|"
    for suite, name in SUITES.items():
        versions = next((found["versions"] for cell in CELLS
                         if cell.suite == suite and (found := kept(cell))
                         and "versions" in found), "")
        for number, kind in enumerate(KINDS):
            cells = [word(Cell(suite, kind, firmware))
                     for firmware in FIRMWARES]
            guest = f"{name}: {versions}" if number == 0 else ""
            yield f"| {guest} | {kind} | " + " | ".join(cells) + " |"
    yield ""
    yield attacks_line()
    yield host_line()


def main():
    """Prints the table; with the word page, also writes it there."""
    text = "\n".join(table_lines()) + "\n"
    print(text, end="")
    if sys.argv[1:] == ["page"]:
        marked.put(PAGE, BEGIN, END, text)


if __name__ == "__main__":
    main()
