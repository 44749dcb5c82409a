# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of README and doc/, in their words, in a Debian 12 that has the
source and nothing else: an image file becomes one that boots from a launch secret.

What it shows beside commands: tests/test_documents.py.
"""

import pathlib
import re

import pytest

from harness import chroot, debs, disks, documents, image, place

pytestmark = pytest.mark.slow

SUITE = "bookworm"
HOME = "root/cocosecret"
WORK = "root/work"  # keys are made outside the checkout
# Tells on what the root lies, then ends the machine.
UNIT = """\
[Unit]
Description=The README's guest
DefaultDependencies=no
After=systemd-remount-fs.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "/ is on $$(findmnt -no SOURCE /), " \\
    "secrets: [$$(ls /sys/kernel/security/secrets/coco)]"; poweroff -ff'
StandardOutput=tty
TTYPath=/dev/console
"""
PROGRAMS = ("make", "apt", "cocosecret", "cryptsetup", "dracut", "mkinitramfs",
            "openssl", "echo", "truncate")
ENCRYPT = "cocosecret keygen -o owner.key"
INSTALL = 'make -C "$SOURCE" deb\n'
ENROLL = "cocosecret keygen -o disk.key\ncocosecret enroll disk.img"
# Where else the pages' other commands are run.
ELSEWHERE = {
    "openssl ": "tests/test_packaging.py",
    "make check ": "these are the tests",
    "cryptsetup open ": "tests/vm/test_plugin.py",
    "make demo ": "below",
    "cocosecret uki ": "tests/vm/test_stub.py",
    "cocosecret keygen -o disk.key\ncocosecret enroll whole.img":
        "tests/test_whole_disk.py",
}
ROTATE = "cocosecret keygen -o new.key"
WHOLE = place.TOP / "doc/whole-disk.md"
ENROLLED = re.compile("cocosecret (seal|rotate)")


def prepare(path):
    """A system with what building takes, so that a run is shorter; that make
    installs it is seen where it is made."""
    with chroot.above(chroot.base(SUITE)) as system:
        system.add("root", [place.TOP / "tests/deps.sh"])
        system.run("/root/deps.sh boot; rm /root/deps.sh; apt-get clean")
        system.changes.rename(path)


def layers():
    """The system's."""
    base = chroot.base(SUITE)
    key = place.digest(base.name, place.TOP / "tests/deps.sh")
    return [place.artefact("readme", key, prepare), base]


def put_source(system):
    """A checkout."""
    home = system.changes / HOME
    home.mkdir(parents=True)
    for path in place.TOP.iterdir():
        if path.name not in debs.ASIDE:
            place.run("cp", "-a", path, home)


def put_disk(work):
    """A root file system that nobody encrypted yet."""
    with place.scratch() as folder:
        root = place.pathlib.Path(folder) / "root"
        place.run("cp", "-al", image.root(), root)
        units = root / "usr/lib/systemd/system"
        (units / "readme.service").write_text(UNIT)
        (units / "sysinit.target.wants/readme.service").symlink_to(
            "../readme.service")
        image.file_system(work / "disk.img", root)
    (work / "whole").mkdir()
    disks.partitioned(work / "whole/whole.img", "gpt",
                      [(work / "disk.img", "name=root")])


def blocks():
    """The pages' commands."""
    found = [block for block in documents.blocks(documents.text())
             if block.startswith(PROGRAMS)]
    assert INSTALL in "".join(found)
    return found


def run(system, script, version=""):
    """A block, as it is but for the kernel's version: in the checkout, or beside it
    as the README says."""
    print(script.strip())
    where = HOME if re.match(r"make (?!-C)|make$", script) else WORK
    return system.run(f"set -x; export SOURCE=/{HOME}; cd /{where}\n"
                      + script.replace("VERSION", version), limit=1500)


def assert_booted(said):
    """From the launch secret, which is gone, with the lines that the README shows."""
    (screen,) = re.findall("^```\n(.*?)^```$", documents.README.read_text(),
                           re.M | re.S)
    for line in screen.splitlines():
        words = re.escape(re.sub(r"vda|\b\d+ ms", "@", line))
        assert re.search(words.replace("@", r"(vd[a-z]1?|\d+ ms)"), said), line
    (line,) = re.findall(r"/ is on .*", said)
    print("=>", line.strip())
    assert line.strip() == "/ is on /dev/mapper/root,  secrets: []"


def assert_agent(system, version):
    """examples/agent's commands put it into an initramfs."""
    text = (place.TOP / "examples/agent/README.md").read_text()
    sign, *others = documents.blocks(text)
    assert "enroll" in sign  # as the README's own
    (block,) = [block for block in others if "--include" in block]
    run(system, f"cd /{HOME}/examples/agent; echo '#!/bin/sh' >get-secret\n" + block,
        version)
    listed = system.run("lsinitrd $(ls -t /boot/init* | head -n 1)")
    assert re.search(r"wants/agent.service -> \.\./agent.service$", listed,
                     re.M)
    assert re.search("^-.* etc/systemd/system/agent.service$", listed, re.M)


def whole_disk(system):
    """A disk with a partition table is encrypted, boots, gets another key, boots with
    its table, and does not with the old one: the pages' words, but for its name."""
    encrypt, enroll = documents.blocks(WHOLE.read_text())
    *_, table, initrd, boot = documents.shown(ENROLL).splitlines()
    rotate = documents.shown(ROTATE)

    def at_it(*commands):
        return run(system, "\n".join(["cd whole", *commands]).replace(
            "disk.img", "whole.img"))
    at_it(encrypt, enroll)
    assert_booted(at_it(table, initrd, boot))
    assert_booted(at_it(rotate, boot.replace("table.bin", "new-table.bin")))
    said = at_it(boot)
    (line,) = re.findall("cocosecret: (.*header.*exit 5.*)", said)
    print("=>", line.strip())
    assert "/ is on" not in said


def test_readme():
    """Those for a disk first, then what is left in the order of the text."""
    left = blocks()
    install, encrypt, enroll = map(documents.shown,
                                   (INSTALL, ENCRYPT, ENROLL))
    left = [block for block in left if block not in (install, encrypt, enroll)
            and not block.startswith(tuple(ELSEWHERE))]
    assert len((install + enroll).replace("\\\n", "").splitlines()) < 10
    with chroot.above(*layers()) as system:
        system.put("etc/apt/apt.conf.d/91yes", 'APT::Get::Assume-Yes "1";\n')
        put_source(system)
        (system.changes / WORK).mkdir(parents=True)
        put_disk(system.changes / WORK)
        run(system, install)
        run(system, encrypt)
        run(system, "cp disk.img encrypted.img")
        assert_booted(run(system, enroll))
        whole_disk(system)
        run(system, f"cp disk.img enrolled.img; cp /{HOME}/build/deb/*.deb .")
        run(system, "apt-get install ./cocosecret-dracut_*.deb")
        version = system.run("linux-version list").split()[-1]
        for block in left:
            disk = "enrolled" if ENROLLED.search(block) else "encrypted"
            run(system, f"cp {disk}.img disk.img; rm -f new.key initrd.img;"
                " rm -rf /etc/cocosecret/owner.d")
            run(system, block, version)
        assert_agent(system, version)


@pytest.mark.parametrize("line", range(2))
def test_demo(line):
    """Both lines of it, here."""
    lines = documents.shown("make demo ").splitlines()
    said = place.run("sh", "-euc", lines[line], cwd=place.TOP,
                     env=place.environment())
    assert "and its key is gone." in said
    print(said)


# Not a mount, as where somebody unpacked a system and went there.
PLAIN_CHROOT = """\
mkdir "$1/src"
git -C "$2" archive HEAD | tar -x -C "$1/src"
mount -t proc proc "$1/proc"
exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    make -C /src demo
"""


def test_demo_in_a_chroot():
    """It asks for all that it needs, and needs no mounts but /proc."""
    with place.scratch() as folder:
        root = pathlib.Path(folder) / "root"
        with chroot.above(*layers()) as system:
            system.copy(root)
        said = place.run("unshare", "--mount", "sh", "-euc", PLAIN_CHROOT,
                         "sh", root, place.TOP, limit=1800)
    assert "and its key is gone." in said
    print(said[said.rindex("firmware "):])
