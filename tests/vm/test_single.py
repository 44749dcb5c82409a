# SPDX-License-Identifier: GPL-2.0-or-later
"""Which libraries and modules cocosecret initrd puts into an image, and what it
says where it cannot; nothing is booted."""

import re

import pytest

from harness import chroot, image, packages, place, single

STAND_INS = {"libm.so.6", "libselinux.so.1", "libudev.so.1", "libzstd.so.1",
             "liblzma.so.5"}
STANDS_IN = re.compile(r"(\d+)  \S*/(\S+) +stands in for it$", re.M)
PROGRAM = """
double {function}(double number);
int main(int count, char **words)
{{
    (void)words;
    return (int){function}(count);
}}
"""


def test_stand_ins():
    """Small ones, in place of those of which nothing runs."""
    listed = (single.folder() / "list").read_text()
    found = {name: int(size) for size, name in STANDS_IN.findall(listed)}
    print(found)
    assert set(found) == STAND_INS
    assert max(found.values()) < 16 << 10
    assert "libpcre2" not in listed


@pytest.mark.parametrize("function, stands_in", [("log10", True),
                                                 ("sin", False)])
def test_asked_for_more(tmp_path, function, stands_in):
    """What the stand-in does not have is asked of the library itself."""
    program = tmp_path / "program"
    (tmp_path / "program.c").write_text(PROGRAM.format(function=function))
    place.run("cc", "-fno-builtin", "-o", program, f"{program}.c", "-lm")
    with chroot.above(image.root()) as system:
        system.add("tmp", [program])
        listed = system.run("cocosecret initrd --list --init /tmp/program "
                            f"--kver {packages.Kernel().version}")
    assert re.search(r"/libm\.so\.6 ", listed)
    assert [name for _, name in STANDS_IN.findall(listed)] == (
        ["libm.so.6"] if stands_in else [])


def test_no_program_to_unpack_a_module():
    """It says which one is missing."""
    with chroot.above(image.root()) as system:
        system.add("usr/bin", ["/usr/bin/xz"])
        said = system.run(
            f"k={packages.Kernel().version}; cd /lib/modules/$k; "
            "xz --check=crc32 updates/efi_secret.ko; depmod $k; rm /usr/bin/xz;"
            "cocosecret initrd --list --kver $k 2>&1 || echo status $?")
    assert said.endswith("efi_secret.ko.xz: there is no program xz here to "
                         "unpack it\nstatus 2\n")


def test_no_such_file_system():
    """A kernel without it is told of, unless by default."""
    with chroot.above(image.root()) as system:
        system.put("etc/fstab", "")
        said = system.run(
            f"k={packages.Kernel().version}; cd /lib/modules/$k; "
            "rm -r kernel/fs/xfs; depmod $k; cocosecret initrd --list --kver $k"
            " >/dev/null; cocosecret initrd --list --kver $k --filesystems "
            "ext4,xfs 2>&1 || echo status $?")
    assert said.endswith("has no module fs-xfs\nstatus 2\n")


@pytest.mark.parametrize("fstab, found, said", [
    ("# nothing of the root\n/dev/vdb /srv xfs\n",
     {"xfs", "btrfs", "squashfs"}, ""),
    ("/dev/vda / auto\n", {"xfs", "btrfs", "squashfs"}, ""),
    ("UUID=a / xfs defaults 0 1\n", {"xfs"},
     "/etc/fstab says that the root is xfs: the image"),
    ("/dev/vda / zfs\n", None, "/etc/fstab: the root's type zfs: is none of"),
    ("/dev/vda / xfs\n/dev/vdb /usr xfs ro\n", None,
     "/etc/fstab has /usr on a file system of its own"),
    ("/dev/vda / xfs\n/dev/vdb /usr xfs noauto\n", {"xfs"}, "")])
def test_fstab(fstab, found, said):
    """Without --filesystems the image has the one that the root says it is."""
    with chroot.above(image.root()) as system:
        system.put("etc/fstab", fstab)
        listed = system.run("cocosecret initrd --list --kver "
                            f"{packages.Kernel().version} 2>&1 || echo $?")
    assert said in listed
    assert listed.endswith("\n2\n") == (found is None)
    assert set(re.findall(r"/fs/(\w+)/\w+\.ko", listed)) == (found or set())
