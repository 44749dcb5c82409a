# SPDX-License-Identifier: GPL-2.0-or-later
"""mkosi's own initrd: systemd, made of packages, without dracut."""

import functools

from . import chroot, debs, image, packages, place

# It makes the initrd of any suite; this one's has what it takes.
SUITE = "trixie"
TOOLS = "mkosi", "reprepro"
SOURCES = """\
Types: deb
URIs: {mirror}
Suites: {suite}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
# The default initrd, our package, the guest's kernel modules, and what unstable's
# systemd no longer brings along, and mkosi 25 does not know.
MAKE = """\
mknod -m 666 /dev/tty c 5 0
cd /tmp
mkosi --directory= --include=mkosi-initrd --distribution=debian \\
    --release={suite} --sandbox-tree=/mkosi/sandbox --package=cocosecret,mount \\
    --package-directory=/mkosi/debs --extra-tree=/mkosi/modules:/usr/lib/modules \\
    --kernel-modules-include=/efi_secret.ko --format=cpio --output=initrd \\
    --output-directory=/mkosi --package-cache-directory=/mkosi/cache {more} build
"""


def install(path):
    """A system with mkosi, and with what it starts."""
    with chroot.above(chroot.base(SUITE)) as system:
        system.apt("update")
        system.apt("install", *TOOLS)
        system.apt("clean")
        system.changes.rename(path)


@functools.cache
def layers():
    """The system's."""
    base = chroot.base(SUITE)
    return [place.artefact("mkosi", place.digest(base.name, *TOOLS), install),
            base]


def make(path, name, suite, deb, modules, more="", files=None):
    """An initrd of a suite's packages and ours. modules: lib/modules, in
    layers, the lowest last; files: {path below mkosi/: text}, for more words."""
    with chroot.above(*layers()) as system:
        system.put("mkosi/sandbox/etc/apt/sources.list.d/mkosi.sources",
                   SOURCES.format(mirror=packages.mirror(), suite=suite))
        system.add("mkosi/debs", [deb])
        for folder in reversed(modules):
            place.run("cp", "-a", folder, system.changes / "mkosi")
        for file, text in (files or {}).items():
            system.put(f"mkosi/{file}", text)
        log = system.run(MAKE.format(suite=suite, more=more))
        place.LOGS.mkdir(parents=True, exist_ok=True)
        (place.LOGS / f"{name}.log").write_text(log)
        (made,) = (system.changes / "mkosi").glob("initrd.cpio*")
        made.rename(path)


@functools.cache
def initramfs():
    """For the tests' own root and kernel."""
    root = image.root()
    return place.artefact(
        "initrd-mkosi", place.digest(root.name, MAKE, SOURCES,
                                     layers()[0].name),
        lambda path: make(path, "mkosi-initrd", image.SUITE,
                          debs.deb("cocosecret"), [root / "usr/lib/modules"]))
