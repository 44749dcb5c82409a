# SPDX-License-Identifier: GPL-2.0-or-later
"""What cocosecret initrd refuses, and who runs it for a new kernel. Images are made
and booted in tests/vm."""

import os
import shutil
import subprocess

import pytest

from harness import known, place

# It makes entries for boot loaders, and is systemd's.
LOADER_ENTRY = "/usr/lib/kernel/install.d/90-loaderentry.install"
STARTED = "#!/bin/sh\ntouch {path}\n"


def initrd(*words):
    """(exit status, stderr)"""
    made = subprocess.run([place.BUILD / "cocosecret", "initrd", *words],
                          capture_output=True, text=True, check=False)
    return made.returncode, made.stderr


@pytest.mark.parametrize("words, says", [
    ([], "needs -o FILE or --list"),
    (["--list", "more"], "needs -o FILE or --list"),
    (["-o", "IMAGE", "--compress", "lzma"], "--compress lzma: is none of"),
    (["-o", "IMAGE", "--none"], "option --none"),
    (["-o", "IMAGE", "--filesystems", "xfs,,ext5,ext4"],
     "--filesystems ext5: is none of ext4, ext3, ext2, xfs, btrfs, squashfs"),
    (["-o", "IMAGE", "--owner", __file__], "holds no public key in PEM"),
    (["-o", "IMAGE", "--kver", "../x"], "is no kernel's version"),
    (["-o", "IMAGE", "--kver", "1"] + ["--modules", "a"] * 17, "too often"),
    (["-o", "IMAGE", "--kver", "1", "--init", "/none"], "/none: No such file"),
])
def test_refused(words, says, tmp_path):
    """Nothing is made then, and the line says why."""
    words = [word.replace("IMAGE", str(tmp_path / "image")) for word in words]
    status, said = initrd(*words)
    assert says in said
    assert status == (7 if "No such" in says else 2)
    assert not list(tmp_path.iterdir())


def test_output_that_is_no_file(tmp_path):
    """A pipe or a device is not replaced."""
    os.mkfifo(tmp_path / "pipe")
    status, said = initrd("-o", str(tmp_path / "pipe"), "--kver", "1")
    assert status == 2 and "not a regular file" in said
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("text, pins, says", [
    ("rd.cocosecret.kbs=https://a:1\n", None, "kbs.pem, by which the broker's server"),
    ("rd.cocosecret.kbs=https://a:1\n", "a", "kbs.pem: holds no certificate"),
    ("", "-----BEGIN CERTIFICATE-----\n", "kbs.pem: holds PEM that is cut")])
def test_pins(text, pins, says, tmp_path):
    """An image that could not know its broker's server is not made."""
    (tmp_path / "cocotab").touch()
    (tmp_path / "kbs").write_text(text)
    if pins is not None:
        (tmp_path / "kbs.pem").write_text(pins)
    status, said = initrd("--list", "--kver", "1", "--cocotab", tmp_path / "cocotab",
                          "--init", place.BUILD / "cocosecret-init", "--kbs",
                          tmp_path / "kbs")
    assert says in said and status == 2


@pytest.mark.parametrize("device, served", [
    ("UUID=736869e5-84f0-4973-92ec-06879ce3da0b", True), ("LABEL=a/b", True),
    ("/dev/vda", True), ("/dev/nvme0n1p2", True),
    ("/dev/mapper/group-volume", False), ("/dev/group/volume", False),
    ("/dev/disk/by-id/a", False), ("/dev/md0", False), ("/dev/dm-0", False),
    ("/a", False)])
def test_device(device, served, tmp_path):
    """What the image could never find is said when it is made."""
    tab = tmp_path / "cocotab"
    tab.write_text(f"root {device}\n")
    status, said = initrd("--list", "--kver", "1", "--cocotab", str(tab),
                          "--init", place.BUILD / "cocosecret-init")
    if served:
        assert "is there a kernel 1?" in said
    else:
        assert "root: no program in this image makes " + device in said
    assert status == 2


@pytest.mark.parametrize("signed", [False, True])
def test_broker_without_owner(tmp_path, signed):
    """What the boot would end with, unless its command line has the key, is said."""
    (tmp_path / "kbs").touch()
    (tmp_path / "me.pem").write_text(known.OWNER_PEM)
    _, said = initrd("--list", "--kver", "1", "--init", place.BUILD / "cocosecret-init",
                     "--kbs", tmp_path / "kbs", *(["--owner", tmp_path / "me.pem"] if signed else []))
    assert ("no owner's public key" in said and "(exit 2)" in said) != signed


def test_program_does_not_start(tmp_path):
    """Which libraries it needs is a question for its loader."""
    script, mark = tmp_path / "init", tmp_path / "mark"
    script.write_text(STARTED.format(path=mark))
    script.chmod(0o755)
    status, said = initrd("--list", "--kver", "1", "--init", str(script))
    assert (status, mark.exists()) == (2, False)
    assert "no program for this kind of machine" in said


@pytest.fixture(name="hooks")
def installed(tmp_path):
    """The scripts, as in a root at tmp_path, where cocosecret says its words."""
    program = tmp_path / "usr/bin/cocosecret"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    place.make("install-initrd", "PREFIX=/usr", f"DESTDIR={tmp_path}")
    for script in tmp_path.glob("**/*cocosecret*"):
        if script.is_file() and not script.is_symlink():
            script.write_text(of_root(script.read_text(), tmp_path))
    script = tmp_path / "usr/lib/cocosecret/make-initrd"
    script.write_text(of_root(script.read_text(), tmp_path))
    return tmp_path


def of_root(script, folder):
    """A script that finds its files below the folder."""
    for name in ("/etc/cocosecret", "/boot/", "/usr/lib/cocosecret",
                 "/usr/bin/cocosecret"):
        script = script.replace(name, f"{folder}{name}")
    return script


def ask(hooks, text):
    """As the owner."""
    (hooks / "etc/cocosecret").mkdir()
    (hooks / "etc/cocosecret/initrd").write_text(text)


def run(script, *words, **environment):
    """Its output."""
    return subprocess.run([script, *words], check=True, capture_output=True,
                          text=True, env=os.environ | environment).stdout


def test_kernel_hook(hooks):
    """An initramfs for a new kernel where the owner asks for it, and only then."""
    hook = hooks / "etc/kernel/postinst.d/zz-cocosecret-initrd"
    assert run(hook, "6.1", "/boot/vmlinuz-6.1") == ""
    ask(hooks, "# smaller\n--filesystems ext4  # no other\n--drivers *\n")
    assert run(hook, "6.1", INITRD="No") == ""
    assert run(hook, "6.1", "/boot/vmlinuz-6.1").split() == [
        "initrd", "--output", f"{hooks}/boot/initrd.img-6.1", "--kver", "6.1",
        "--filesystems", "ext4", "--drivers", "*"]


def test_kernel_hook_of_a_package_that_is_gone(hooks):
    """dpkg leaves it where it is."""
    ask(hooks, "")
    (hooks / "usr/lib/cocosecret/make-initrd").unlink()
    for when in ("postinst", "postrm"):
        assert run(hooks / f"etc/kernel/{when}.d/zz-cocosecret-initrd",
                   "6.1") == ""


def test_kernel_removed(hooks):
    """Its initramfs goes, if it was ours."""
    image = hooks / "boot/initrd.img-6.1"
    image.parent.mkdir()
    image.touch()
    hook = hooks / "etc/kernel/postrm.d/zz-cocosecret-initrd"
    run(hook, "6.1")
    assert image.exists()
    ask(hooks, "")
    run(hook, "6.1")
    assert not image.exists()


def test_kernel_install(hooks):
    """For its configuration's generator only, and not in place of another."""
    plugin = hooks / "usr/lib/kernel/install.d/58-cocosecret.install"
    words = ["6.1", "/entry", "/boot/vmlinuz"]
    ours = {"KERNEL_INSTALL_INITRD_GENERATOR": "cocosecret",
            "KERNEL_INSTALL_STAGING_AREA": "/none"}
    assert run(plugin, "add", *words) == ""
    assert run(plugin, "remove", *words, **ours) == ""
    assert run(plugin, "add", *words, "/boot/initrd", **ours) == ""
    assert run(plugin, "add", *words, **ours).split() == [
        "initrd", "--output", "/none/initrd", "--kver", "6.1"]


# What Debian has to take along what is in /boot, and when: 13, 12.
TAKES_ALONG = """\
#!/bin/sh
echo another >"$KERNEL_INSTALL_STAGING_AREA/initrd.img-$2"
"""


@pytest.mark.skipif(not shutil.which("kernel-install"), reason="no systemd")
@pytest.mark.parametrize("other", ["55-initrd.install", "85-initrd.install"])
@pytest.mark.parametrize("generator", ["cocosecret", "dracut"])
def test_kernel_install_itself(hooks, generator, other):
    """systemd's program starts the plugin; the loader's entry has our image,
    and no other."""
    boot, conf = hooks / "boot", hooks / "conf"
    plugins = hooks / "usr/lib/kernel/install.d"
    (boot / "loader/entries").mkdir(parents=True)
    conf.mkdir()
    (conf / "install.conf").write_text(
        f"layout=bls\ninitrd_generator={generator}\n")
    (conf / "entry-token").write_text("ours\n")
    (conf / "cmdline").write_text("quiet\n")
    (hooks / "vmlinuz").touch()
    (hooks / "usr/bin/cocosecret").write_text('#!/bin/sh\necho "$@" >"$3"\n')
    (plugins / other).write_text(TAKES_ALONG)
    (plugins / other).chmod(0o755)
    run("kernel-install", "add", "6.1", hooks / "vmlinuz",
        BOOT_ROOT=str(boot), KERNEL_INSTALL_CONF_ROOT=str(conf),
        KERNEL_INSTALL_PLUGINS=" ".join(
            map(str, [*sorted(plugins.iterdir()), LOADER_ENTRY])))
    entry = (boot / "loader/entries/ours-6.1.conf").read_text()
    images = [line.split()[1].split("/ours/6.1/")[1]
              for line in entry.splitlines() if line.startswith("initrd ")]
    if generator == "cocosecret":
        assert images == ["initrd"]
        image = boot / "ours/6.1/initrd"
        assert image.read_text().endswith("/initrd --kver 6.1\n")
    else:
        assert images == ["initrd.img-6.1"]
