# SPDX-License-Identifier: GPL-2.0-or-later
"""make boot: a disk, a kernel and an initramfs of the user's, with a secret
table where a launch would have put it; the console is the terminal's."""

import argparse
import pathlib
import subprocess
import sys

from . import accel, firmware, place

MIB = 1 << 20
USAGE = """make boot DISK=FILE TABLE=FILE KERNEL=FILE INITRD=FILE
                 [FIRMWARE=stock|amdsev] [MEMORY=MIB] [APPEND='WORDS']

DISK    the image of a disk; it stays as it is
TABLE   what cocosecret table build made
KERNEL  a vmlinuz, or what cocosecret uki made; then leave out INITRD=
APPEND  more words for the kernel's command line: loglevel=7 shows all that it says
"""
# The kernel's notices, cocosecret's among them.
QUIET = "console=ttyS0 panic=1 quiet loglevel=6 "


def arguments(words):
    """The command line."""
    parser = argparse.ArgumentParser(prog="make boot", usage=USAGE,
                                     add_help=False)
    for name in ("disk", "table", "kernel"):
        parser.add_argument(name, type=existing, metavar=name.upper())
    parser.add_argument("initrd", metavar="INITRD", help="none for a UKI",
                        type=lambda name: existing(name) if name else None)
    parser.add_argument("--firmware", default="stock", metavar="FIRMWARE",
                        choices=("stock", "amdsev"))
    parser.add_argument("--append", default="", metavar="APPEND")
    parser.add_argument("--memory", type=int, default=2048, metavar="MEMORY")
    return parser.parse_args(words)


def existing(name):
    """The path of a file that is there."""
    path = pathlib.Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(
            f"no file {name}" if name else "it is missing")
    return path.resolve()


def command(given, folder):
    """QEMU's; what the guest writes to the disk goes with QEMU."""
    own = QUIET if given.initrd else ""
    boots = firmware.KINDS[given.firmware](
        given.kernel, given.initrd, (own + given.append).strip(),
        given.table.read_bytes())
    return ["qemu-system-x86_64", "-machine", "q35", "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot",
            "-smp", "2", "-m", f"{given.memory}M", "-serial", "mon:stdio",
            "-drive", f"if=none,id=disk,format=raw,file={given.disk},"
                      "snapshot=on",
            "-device", "virtio-blk-pci,drive=disk,serial=disk",
            "-device", "virtio-rng-pci",
            *boots.arguments(folder, given.memory * MIB), *accel.arguments()]


def main(words):
    """QEMU's exit status: 0 once the guest powered off."""
    given = arguments(words)
    with place.scratch() as folder:
        words = command(given, pathlib.Path(folder))
        kind = firmware.KINDS[given.firmware]
        print(f"boot: {kind.name}, {accel.choose()['name']}; {given.disk} "
              "stays as it is; Ctrl-A X ends it", flush=True)
        if kind is firmware.Stock:
            print("boot: a second disk holds the program that stands in for "
                  "a firmware with secrets", flush=True)
        return subprocess.run(words, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"boot: {error}")
