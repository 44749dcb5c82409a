# SPDX-License-Identifier: GPL-2.0-or-later
"""No image of a hibernated system is resumed: a host's would be a whole other
system. What the kernel itself does before the initramfs is for the owner to
forbid."""

import pathlib

import pytest

from harness import image, place, rootvm

pytestmark = pytest.mark.slow
UUID = "c2a7e0b4-93f1-4f3b-8f06-1f5d0c9a6e11"
UNIT = "systemd-hibernate-resume@.service"
GENERATOR = "systemd-hibernate-resume-generator"
BY_ID = "resume=/dev/disk/by-id/virtio-disk1"
BY_UUID = f"resume=UUID={UUID}"
NVME = "resume=/dev/nvme0n1"


def hibernated(folder, name):
    """A swap disk that says that it holds an image, in its second page."""
    path = pathlib.Path(folder) / name
    path.write_bytes(bytes(16 * image.MIB))
    place.run("mkswap", "-q", "-p", "4096", "-U", UUID, path)
    with open(path, "r+b") as file:
        file.seek(4096 - 32)
        file.write((1).to_bytes(8, "little"))
        file.seek(4096 - 20)
        file.write(b"SWAPSPACE2S1SUSPEND\0")
    return path


def opened():
    """Files: what the closed image masks."""
    systemd = image.root() / "usr/lib/systemd"
    return {f"etc/systemd/system/{UNIT}": systemd / "system" / UNIT,
            f"etc/systemd/system-generators/{GENERATOR}":
                systemd / "system-generators" / GENERATOR}


def resumes(cmdline, name, files=()):
    """Boots; whether the disk's image was looked at. The kernel takes the
    mark off an image that it cannot use."""
    with place.scratch() as folder:
        disk = hibernated(folder, name)
        before = disk.read_bytes()
        with rootvm.guest("amdsev", cmdline=cmdline, after=[disk],
                          files=files) as guest:
            guest.wait_ready()
            said = guest.check("dmesg | grep -e 'PM: Image' "
                               "-e 'hibernation: resume' || true")
            print(f"{cmdline}: {said or 'no word of it in the kernel log'}")
            touched = guest.check("cat /sys/power/resume") != "0:0"
            assert touched == bool(said)
        assert touched == (disk.read_bytes() != before)
        return touched


@pytest.mark.parametrize("cmdline", [BY_ID, BY_UUID])
def test_initramfs(cmdline):
    """Never by a closed image."""
    assert not resumes(cmdline, "swap")


def test_opened_initramfs():
    """It would, were it not closed."""
    assert resumes(BY_ID, "swap", opened())


@pytest.mark.parametrize("more", ["", "noresume"])
def test_kernel(more):
    """With NVMe built in, the kernel needs no initramfs for it."""
    assert resumes(f"{NVME} {more}".strip(), "swap.nvme") == (more == "")
