# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret audit: each door in a root that has it and in roots where it is
shut, and roots that somebody made to lead it astray."""

import json
import os
import re
import resource
import subprocess

import pytest

from attacks.catalogue import COCOSECRET, TOP
from doors import catalogue
from doors.catalogue import Cmdline, Link, plant
from harness import chroot, cloudaudit, cloudroot

CASES = [pytest.param(door, case, id=f"{door}-{number}")
         for door, cases in catalogue.DOORS.items()
         for number, case in enumerate(cases)]
SHUT = [pytest.param(door, case, number, id=f"{door}-{at}-{number}")
        for door, cases in catalogue.DOORS.items()
        for at, case in enumerate(cases) for number in range(len(case.shut))]


def call(*words, limit=20, **options):
    """What cocosecret audit says."""
    return subprocess.run([COCOSECRET, "audit", *map(str, words)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=limit, check=False, **options)


def words(closed, cmdline):
    """Its options."""
    if closed:
        yield "--closed-initramfs"
    if cmdline is not None:
        yield from ("--cmdline", cmdline)


def audit(folder, *options, **more):
    """(exit status, {door: its files}, what was not read)."""
    done = call(folder, "--json", *options, **more)
    said = json.loads(done.stdout)
    assert said["root"] and isinstance(said["closed_initramfs"], bool)
    doors = {}
    for door in said["doors"]:
        assert door["host"] and all(opening["close"]
                                    for opening in door["openings"])
        doors[door["door"]] = [opening["file"] for opening in door["openings"]]
    return done.returncode, doors, [entry["file"] for entry in said["unread"]]


@pytest.mark.parametrize("door, case", CASES)
def test_open(door, case, tmp_path):
    """The door is found, with its file, and no other."""
    root = plant(tmp_path / "root", case.files)
    status, doors, unread = audit(root, *words(case.closed, case.cmdline))
    assert doors[door] == ["/" + case.file]
    assert (status, set(doors), unread) == (1, {door, *case.also}, [])
    assert (root / case.file).exists() or (root / case.file).is_symlink()


@pytest.mark.parametrize("door, case, number", SHUT)
def test_shut(door, case, number, tmp_path):
    """What shuts it does so, and opens no other."""
    shut = case.shut[number]
    files = case.files | (shut if isinstance(shut, dict) else {})
    cmdline = shut.text if isinstance(shut, Cmdline) else case.cmdline
    status, doors, unread = audit(
        plant(tmp_path / "root", files),
        *words(case.closed or shut == catalogue.OURS, cmdline))
    assert (status, doors, unread) == (0, {}, []), door


def test_all_doors():
    """The catalogue, the program and its page have the same."""
    source = (TOP / "unlock/audit/doors.c").read_text()
    table = source.split("doors[] = {")[1].split("\n};")[0]
    named = re.findall(r'^\t\{ "([a-z-]+)",', table, re.M)
    assert named == list(catalogue.DOORS)
    page = (TOP / "man/cocosecret-audit.1").read_text()
    items = re.findall(r"^\.It Cm (.*)$", page.split(".Sh DOORS")[1], re.M)
    assert sorted(name.replace("\\-", "-") for item in items
                  for name in item.split(" , ")) == sorted(named)


def test_words(tmp_path):
    """What people read: the door, its file, what closes it; and the sum."""
    root = plant(tmp_path / "root", catalogue.wanted("qemu-guest-agent.service"))
    done = call(root, "--closed-initramfs")
    assert done.returncode == 1 and not done.stderr
    assert done.stdout == (
        "qemu-guest-agent: the host runs any command and writes any file, as "
        "root, by a virtio port\n"
        "  opened by /etc/systemd/system/multi-user.target.wants/"
        "qemu-guest-agent.service\n"
        "  close it: systemctl mask qemu-guest-agent.service\n\n"
        "1 door is open; the initramfs is cocosecret's; no file tells the "
        "kernel command line (--cmdline)\n")


@pytest.mark.parametrize("arguments, said", [
    ((), "wants one ROOT"), (("/nowhere",), "/nowhere: No such file"),
    (("/", "/"), "wants one ROOT"), (("/", "--what"), "--what"),
    (("/dev/null",), "/dev/null: Not a directory")])
def test_usage(arguments, said):
    """It says what is wrong."""
    done = call(*arguments)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_no_root(tmp_path):
    """A folder of something else is not one without a door."""
    done = call(tmp_path)
    assert done.returncode == 2 and "is not the folder of a root" in done.stderr


def test_unreached(tmp_path):
    """A target that no usual boot reaches starts nothing."""
    for number, by in enumerate(("rescue.target", "shutdown.target",
                                 "initrd.target", "suspend.target")):
        files = catalogue.wanted("qemu-guest-agent.service", by)
        assert audit(plant(tmp_path / str(number), files),
                     "--closed-initramfs")[:2] == (0, {})


def test_preset(tmp_path):
    """A preset does not start anything, nor does the unit's own wish."""
    files = {**catalogue.unit("qemu-guest-agent.service",
                              "[Install]\nWantedBy=multi-user.target\n"),
             "usr/lib/systemd/system-preset/90-x.preset": "enable *\n"}
    assert audit(plant(tmp_path / "root", files),
                 "--closed-initramfs")[:2] == (0, {})


def test_masked_by_emptiness(tmp_path):
    """So does a link that is relative, and an empty file."""
    for number, mask in enumerate((Link("../../../dev/null"), "",
                                   Link("/usr/share/empty"))):
        files = {**catalogue.wanted("qemu-guest-agent.service"),
                 "etc/systemd/system/qemu-guest-agent.service": mask,
                 "usr/share/empty": ""}
        assert audit(plant(tmp_path / str(number), files),
                     "--closed-initramfs")[:2] == (0, {})


DOOR = {"etc/fstab": "/dev/vdb /data ext4 rw 0 2\n",
        "etc/passwd": catalogue.PASSWD, "etc/shadow": "root::1::::::\n"}


def test_links_stay_inside(tmp_path):
    """Whatever they say, files outside of the root are not looked at."""
    outside = plant(tmp_path / "outside", {
        **DOOR, **catalogue.wanted("qemu-guest-agent.service")})
    root = plant(tmp_path / "root", {
        "etc/fstab": Link(f"{outside}/etc/fstab"),
        "etc/passwd": Link("../../outside/etc/passwd"),
        "etc/shadow": Link("../" * 40 + f"{outside}/etc/shadow"[1:]),
        "etc/systemd": Link(f"{outside}/etc/systemd"),
        "usr": Link("../outside/usr"),
        "lib": Link("/proc/self/root/usr/lib")})
    assert audit(root) == (0, {}, [])
    assert "mounts" in audit(outside)[1]


def test_links_are_followed_inside(tmp_path):
    """As they would be if the root were /."""
    root = plant(tmp_path / "root", {
        "etc/fstab": Link("/../usr/share/fstab"),
        "usr/share/fstab": DOOR["etc/fstab"]})
    assert audit(root) == (1, {"mounts": ["/etc/fstab"]}, [])


def pipe(path):
    """One that nobody writes to."""
    os.mkfifo(path)


def huge(path):
    """A file of 4 TiB."""
    with open(path, "wb") as file:
        file.truncate(1 << 42)


def loop(path):
    """A link to itself."""
    path.symlink_to(path.name)


def folder(path):
    """Not a file."""
    path.mkdir()


def device(path):
    """The one that never ends."""
    os.mknod(path, 0o666 | 0o020000, os.makedev(1, 5))


def endless():
    """No more memory than that."""
    resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))


NAMES = ("fstab", "shadow", "passwd", "crypttab", "machine-id")


@pytest.mark.parametrize("make", [pipe, huge, loop, folder, device])
def test_no_files(make, tmp_path):
    """What is no file, or too large for one, neither holds it up nor passes
    for a file without a door."""
    root = plant(tmp_path / "root", catalogue.wanted(
        "systemd-firstboot.service", "sysinit.target") | {
            "etc/cocotab": "", "usr/sbin/lvm": "ELF"})
    for name in NAMES:
        make(root / "etc" / name)
    (root / "usr/lib/udev/rules.d").mkdir(parents=True)
    make(root / "usr/lib/udev/rules.d/x.rules")
    masked = {"/usr/lib/udev/rules.d/x.rules"} if make is device else set()
    (root / "etc/sysctl.d").mkdir()
    make(root / "etc/sysctl.d/x.conf")
    done = call(root, "--json", "--closed-initramfs", preexec_fn=endless)
    said = json.loads(done.stdout)
    unread = {entry["file"] for entry in said["unread"]}
    assert unread == {f"/etc/{name}" for name in NAMES} | {
        "/usr/lib/udev/rules.d/x.rules", "/etc/sysctl.d/x.conf"} - masked
    assert done.stderr.count("was not looked at") == len(unread)
    assert done.returncode == (1 if said["doors"] else 7)


def test_pipe_is_not_opened(tmp_path):
    """To open one lets whoever writes to it go on."""
    root = plant(tmp_path / "root", {})
    os.mkfifo(root / "etc/fstab")
    with subprocess.Popen(["sh", "-c", "echo x >$1", "sh",
                           root / "etc/fstab"]) as writer:
        assert call(root).returncode == 7
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(1)
        writer.kill()


def test_floods(tmp_path):
    """Thousands of entries cost neither minutes nor memory."""
    root = plant(tmp_path / "root", {
        **catalogue.SYSTEMD, "etc/passwd": "u:x:1:1::/:/bin/sh\n" * 50000,
        "etc/shadow": "u::1::::::\n" * 90000,
        "etc/fstab": "/dev/vdb /data ext4 rw 0 2\n" * 30000
        + "".join(f"/dev/vd{n} /d{n} ext4 rw 0 2\n" for n in range(5000)),
        "etc/kernel/cmdline": "x" * 60000 + " rd.break" * 40000})
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    for number in range(6000):
        (wants / f"{number}.service").symlink_to("/etc/passwd")
    done = call(root, "--json", "--closed-initramfs", preexec_fn=endless)
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert all(len(door["openings"]) <= 64 for door in said["doors"])
    assert [entry["file"] for entry in said["unread"]] == [
        "/etc/systemd/system/multi-user.target.wants"]


def test_long_line(tmp_path):
    """One that does not fit is told, since it hides the next."""
    root = plant(tmp_path / "root", {
        "etc/passwd": catalogue.PASSWD,
        "etc/shadow": "x:" + "y" * 9000 + ":\nroot::1::::::\n"})
    done = call(root)
    assert done.returncode == 7 and "/etc/shadow: has a line" in done.stderr


def test_strange_names(tmp_path):
    """Nothing of an image moves the terminal's cursor, or breaks JSON."""
    name = "agetty.ttyS\x1b[2J\udcff.service"
    root = plant(tmp_path / "root", {
        "etc/fstab": "/dev/vdb\x1b[2J /data\x07 ext4 rw 0 2\n"})
    levels = root / "etc/runlevels/default"
    levels.mkdir(parents=True)
    (levels / name.removesuffix(".service")).symlink_to("x")
    done = call(root)
    assert done.returncode == 1 and "\\x1b[2J" in done.stdout
    assert not re.search(r"[^ -~\n]", done.stdout)
    assert set(audit(root)[1]) == {"mounts", "serial-getty"}


def test_unreadable(tmp_path):
    """Who is not root is told what he could not look at."""
    root = plant(tmp_path / "root", {"etc/passwd": catalogue.PASSWD,
                                     "etc/shadow": "root:*:1::::::\n"})
    (root / "etc/shadow").chmod(0o600)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path != path.parent:
            path.chmod(path.stat().st_mode | 0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         COCOSECRET, "audit", root, "--closed-initramfs"], text=True,
        capture_output=True, check=False)
    assert done.returncode == 7
    assert "/etc/shadow: Permission denied; it was not looked at" in done.stderr
    assert "0 doors are open" in done.stdout


def test_bare(tmp_path):
    """No /proc, /sys or /dev is needed."""
    root = plant(tmp_path / "root", DOOR)
    bare = "for f in proc sys dev; do mount -t tmpfs none /$f; done; exec \"$@\""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", bare, "sh", COCOSECRET, "audit",
         root], text=True, stdin=subprocess.PIPE, capture_output=True,
        check=False)
    assert done.returncode == 1 and "mounts: " in done.stdout, done.stderr


def test_here():
    """The machine that runs the tests has a root, too."""
    status, doors, _ = audit("/")
    print(status, *doors)
    assert status in (0, 1, 7)


# The lines of the program's own words, where they are not commands.
CLOSING = """\
mkdir -p /etc/systemd/system.conf.d /etc/systemd/system-generators
printf '[Manager]\\nManagerEnvironment=CREDENTIALS_DIRECTORY=%s\\n' \\
    /run/credentials/@none >/etc/systemd/system.conf.d/x.conf
echo 'blacklist efivarfs' >/etc/modprobe.d/x.conf
echo 'kernel.modules_disabled = 1' >/etc/sysctl.d/x.conf
sed -i '/efi/d' /etc/fstab
"""
COMMANDS = "systemctl", "touch", "ln"


@pytest.mark.slow
@pytest.mark.parametrize("suite", cloudaudit.RELEASES)
def test_cloud_root(suite):
    """A cloud image's root has ten doors and more, and what closes each of
    them by its own words leaves none, but for the initramfs'."""
    found = json.loads(cloudaudit.said("--json",
                                       folder=cloudroot.root(suite)))["doors"]
    print(*(door["door"] for door in found))
    assert len(found) >= 10
    close = {opening["close"].split(", or")[0] for door in found
             for opening in door["openings"]}
    script = CLOSING + "\n".join(sorted(
        line for line in close if line.startswith(COMMANDS)))
    with chroot.above(cloudroot.root(suite)) as system:
        system.run(script)
        root = system.folder / "copy"
        system.copy(root)
        assert audit(root)[:2] == (
            1, {"initramfs": ["/usr/share/initramfs-tools/init"]})
        assert audit(root, "--closed-initramfs") == (0, {}, [])


@pytest.mark.slow
def test_cloud_document():
    """It says what the program finds."""
    assert cloudaudit.document() == cloudaudit.DOCUMENT.read_text(), \
        "run make audit-cloud"
