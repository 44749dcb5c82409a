# SPDX-License-Identifier: GPL-2.0-or-later
"""What cocosecret-image says that an image needs, and what dracut's module and
initramfs-tools' hook make of it: with their own functions stood in for. Images
are made and booted in tests/vm."""

import pathlib
import shutil
import subprocess

import pytest

from harness.known import OWNER_PEM as PEM

TOP = pathlib.Path(__file__).resolve().parent.parent
IMAGER = "usr/lib/cocosecret/cocosecret-image"
ALWAYS = {"dm_mod", "dm_crypt", "aes_generic", "xts", "algif_skcipher"}
# A cocotab's text, the headers it names, and whether it asks for integrity.
TABS = {
    "none": (None, [], False),
    "empty": ("", [], False),
    "comments": ("# a /dev/a - integrity,header=/a\n"
                 "a /dev/a # - integrity\na2 /dev/a - # header=/a\n",
                 [], False),
    "short": ("a /dev/a\nb /dev/b -\n", [], False),
    "no newline": ("a /dev/a - header=/etc/a.hdr,integrity",
                   ["/etc/a.hdr"], True),
    "blanks": ("\t a\t/dev/a  -\troot,header=/a\\040\\040b\\134c \t\r\n",
               ["/a  b\\c"], False),
    "two": ("a /dev/a - header=/x\n\nb /dev/b - integrity\n"
            "c /dev/c - root,header=/*\n", ["/x", "/*"], True),
    "escapes": ("a /dev/a - header=/a\\x41\\n\n", ["/a\\x41\\n"], False),
    "a name": ("integrity /dev/a\nb PARTLABEL=integrity\n", [], False),
}
WRONG = "a /dev/a - header=/a,integrity\nb /dev/b - intergity\nc /dev/c - -\n"
DRACUT = """
instmods() { [[ $1 == -c ]] || printf 'module %s\\n' "$@"; }
inst_simple() { printf 'header %s\\n' "$1"; }
derror() { echo "derror: $*" >&2; }
dfatal() { echo "dfatal: $*" >&2; }
dinfo() { :; }
modinfo() { :; }
inst_multiple() { printf 'program %s\n' "$@"; }
inst_hook() { printf 'hook %s %s\n' "$1" "${3##*/}"; }
uses=${omit_dracutmodules-}
. "$dracutsysrootdir"/usr/lib/dracut/modules.d/50cocosecret/module-setup.sh
[[ -z $uses ]] || uses_systemd() { [[ $uses != *systemd* ]]; }
installkernel
install_headers
! has_agent || install_agent
install_owners
"""
HOOK = """
copy_exec() { case $1 in *agent*) echo "program $1";; esac; }
copy_libgcc() { :; }
ldd() { :; }
modinfo() { :; }
copy_file() { [ "$1" = configuration ] || printf '%s %s\\n' "${1%%\\'s key}" "$2"; }
manual_add_modules() { printf 'module %s\\n' "$@"; }
version=6.1
"""


def call(*command, **environment):
    """A finished command, whatever it said."""
    done = subprocess.run([str(word) for word in command], timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, env={
                              "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                              **environment})
    print(done.stdout, done.stderr)
    return done


@pytest.fixture(name="root", scope="module")
def root_fixture(tmp_path_factory):
    """A system with what makers of images are given."""
    root = tmp_path_factory.mktemp("root")
    done = call("make", "-s", "-C", TOP, "install-dracut", "install-initramfs",
                f"DESTDIR={root}", "PREFIX=/usr")
    assert done.returncode == 0, done.stderr
    (root / IMAGER).parent.mkdir(parents=True)
    (root / IMAGER).write_bytes((TOP / "build/cocosecret-image").read_bytes())
    (root / IMAGER).chmod(0o755)
    (root / "etc").mkdir()
    share = root / "usr/share/initramfs-tools"
    (share / "hook-functions").write_text(HOOK)
    hook = share / "hooks/cocosecret"
    hook.write_text(hook.read_text()
                    .replace(". /usr/share", f". {root}/usr/share")
                    .replace("imager=", f"imager={root}")
                    .replace("/etc/coco", f"{root}/etc/coco"))
    return root


@pytest.fixture(name="owners")
def owners_fixture(root):
    """The folder of the owners' keys, gone afterwards."""
    folder = root / "etc/cocosecret/owner.d"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder.parent)


def put(root, text):
    """Makes it the system's cocotab."""
    path = root / "etc/cocotab"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_bytes(text.encode())
    return path


def dracut(root):
    """dracut's module, which finds the system by dracutsysrootdir."""
    return call("bash", "-c", DRACUT, dracutsysrootdir=str(root), kernel="6.1")


def hook(shell):
    """initramfs-tools' hook, by one of the shells that /bin/sh may be."""
    def run(root):
        return call(*shell.split(),
                    root / "usr/share/initramfs-tools/hooks/cocosecret",
                    DESTDIR=str(root / "image"))
    return run


MAKERS = {"dracut": dracut, "dash": hook("dash"),
          "bash": hook("bash --posix"), "busybox": hook("busybox sh")}


def assert_needs(done, headers, integrity):
    """It put these headers, and the modules, into the image."""
    lines = done.stdout.splitlines()
    assert [line.removeprefix("header ") for line in lines
            if line.startswith("header ")] == headers
    modules = {line.removeprefix("module ") for line in lines
               if line.startswith("module ")}
    assert ALWAYS <= modules
    assert ("dm_integrity" in modules) == integrity


@pytest.mark.parametrize("name", TABS)
@pytest.mark.parametrize("maker", MAKERS)
def test_needs(root, maker, name):
    """Just what the unlocker will make of the same cocotab."""
    text, headers, integrity = TABS[name]
    put(root, text)
    done = MAKERS[maker](root)
    assert done.returncode == 0
    if text is None and maker != "dracut":
        assert done.stdout == "" and "no " in done.stderr
        return
    assert_needs(done, headers, integrity)
    assert "will not boot" not in done.stderr


@pytest.mark.parametrize("maker", MAKERS)
def test_wrong(root, maker):
    """It says what is wrong, and the image is made all the same."""
    path = put(root, WRONG)
    done = MAKERS[maker](root)
    assert done.returncode == 0
    assert_needs(done, ["/a"], True)
    assert f'{path}:2: field 4 (options): unknown option "intergity"' \
        in done.stderr
    assert "with this " in done.stderr and "will not boot" in done.stderr


@pytest.mark.parametrize("maker", MAKERS)
def test_owners(root, owners, maker):
    """Their keys go into the image."""
    put(root, "")
    for name in ("a.pem", "b c.pem"):
        (owners / name).write_text(PEM)
    done = MAKERS[maker](root)
    assert done.returncode == 0
    keys = [line for line in done.stdout.splitlines() if ".pem" in line]
    assert [line.rpartition("/")[2] for line in keys] == ["a.pem", "b c.pem"]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("broken", ["text", "link", "private", "name"])
def test_broken_owner(root, owners, maker, broken):
    """An image that lacked a key would ask for no signature: none is made."""
    put(root, "")
    (owners / "a.pem").write_text(PEM)
    if broken == "name":
        (owners / "b.pem.pub").write_text(PEM)
    elif broken == "link":
        (owners / "b.pem").symlink_to("/none")
    else:
        (owners / "b.pem").write_text(
            PEM.replace("PUBLIC", "PRIVATE") if broken == "private" else "no")
    done = MAKERS[maker](root)
    assert done.returncode != 0
    assert "b.pem" in done.stderr and "cannot be used" in done.stderr


PIN = PEM  # of any kind of key
AGENT = "program /usr/lib/cocosecret/cocosecret-agent"
WAYS = {
    "": {"sev-guest", "tdx-guest", "virtio_net", "vmw_vsock_virtio_transport",
         "virtio_console"},
    "rd.cocosecret.kbs=serial:a\nrd.cocosecret.tee=snp\n": {
        "sev-guest", "virtio_console"},
    "rd.cocosecret.kbs=http://a:1 rd.cocosecret.ip=10.1.2.3/8\n": {
        "sev-guest", "tdx-guest", "virtio_net"},
    "rd.cocosecret.kbs=https://a:1\n": {"sev-guest", "tdx-guest", "virtio_net"},
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("text", [None, *WAYS])
def test_broker(root, owners, maker, text):
    """With the file the agent comes along, and the modules of its way; without it,
    neither."""
    put(root, "")
    if text is not None:
        (owners.parent / "kbs").write_text(text)
    if "https" in (text or ""):
        (owners.parent / "kbs.pem").write_text(PIN)
    done = MAKERS[maker](root)
    assert done.returncode == 0 and "will not boot" not in done.stderr
    lines = done.stdout.splitlines()
    modules = {line.removeprefix("module ") for line in lines}
    assert modules & WAYS[""] == WAYS.get(text, set())
    assert (AGENT in lines) == (text is not None)
    assert any(line.endswith("/etc/cocosecret/kbs") for line in lines) == (
        text is not None)
    assert ALWAYS <= modules
    assert (AGENT + "-tls" in lines) == ("https" in (text or ""))


# What the system has; whether TLS comes along, and what is said of it.
PINS = {
    "the command line names it": ("", PIN, True, ""),
    "https:// without pins": ("rd.cocosecret.kbs=https://a:1\n", None, False,
                              "kbs.pem, by which the broker's server would be known"),
    "broken pins": ("rd.cocosecret.kbs=https://a:1\n", PIN[:60], True, "cut or damaged"),
    "broken pins, and the command line": ("", "pin", True, "kbs.pem: holds no certificate"),
    "a private key": ("", PIN.replace("PUBLIC", "PRIVATE"), True, "holds a private key"),
    "no agent": (None, PIN, False, ""),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("case", PINS)
def test_pins(root, owners, maker, case):
    """By its pins an image asks for TLS; a boot that could not end well is told."""
    text, pins, there, words = PINS[case]
    put(root, "")
    for name, content in ("kbs", text), ("kbs.pem", pins):
        if content is not None:
            (owners.parent / name).write_text(content)
    done = MAKERS[maker](root)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert (AGENT + "-tls" in lines) == there
    assert any(line.endswith("/etc/cocosecret/kbs.pem") for line in lines) == there
    assert words in done.stderr
    assert ("kbs the image will not boot" in done.stderr) == bool(words)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("kbs", [None, "", "rd.cocosecret.kbs=serial:a\n"])
@pytest.mark.parametrize("signed", [False, True])
def test_broker_without_owner(root, owners, maker, kbs, signed):
    """It is made, since the command line may have the key; but it is said."""
    put(root, "")
    if signed:
        (owners / "a.pem").write_text(PEM)
    if kbs is not None:
        (owners.parent / "kbs").write_text(kbs)
    done = MAKERS[maker](root)
    assert done.returncode == 0
    assert done.stderr.count("no owner's public key in /etc/cocosecret/owner.d") == (
        kbs is not None and not signed)
    assert "no owner" not in done.stdout


@pytest.mark.parametrize("omitted", ["", "systemd"])
def test_broker_hooks(root, owners, omitted):
    """dracut's image has a unit, or a hook that runs before the unlocker's."""
    put(root, "")
    (owners.parent / "kbs").touch()
    done = call("bash", "-c", 'systemdsystemunitdir=/units\n' + DRACUT,
                dracutsysrootdir=str(root), kernel="6.1",
                omit_dracutmodules=f" {omitted or 'none'} ")
    lines = done.stdout.splitlines()
    assert ("hook initqueue agent.sh" in lines) == (omitted == "systemd")
    assert ("header /units/cocosecret-agent.service" in lines) == (not omitted)
    assert ("header /units/cocosecret-agent.service.d/zz-fail.conf" in lines
            ) == (not omitted)


@pytest.mark.parametrize("maker", MAKERS)
def test_wrong_broker(root, owners, maker):
    """It says what is wrong, and the image is made all the same."""
    put(root, "")
    (owners.parent / "kbs").write_text("rd.cocosecret.kbs=ftp://a\n")
    done = MAKERS[maker](root)
    assert done.returncode == 0
    assert "ftp://a" in done.stderr and "kbs the image will not boot" in done.stderr
    assert AGENT in done.stdout.splitlines()


@pytest.mark.parametrize("maker", MAKERS)
def test_cannot_run(root, maker):
    """Without the program, of another machine say, no image is made that
    lacks what it needs."""
    put(root, "")
    (root / IMAGER).rename(root / "aside")
    try:
        done = MAKERS[maker](root)
    finally:
        (root / "aside").rename(root / IMAGER)
    assert done.returncode != 0
    assert "cannot say which" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("maker", MAKERS)
def test_torn_program(root, maker):
    """One that says nothing is as one that is not there."""
    put(root, "")
    program = root / IMAGER
    kept = program.read_bytes()
    program.write_bytes(b"")
    try:
        done = MAKERS[maker](root)
    finally:
        program.write_bytes(kept)
    assert done.returncode != 0 and "names no modules" in done.stderr


def test_one_list(root):
    """Both makers have the same modules, but for how they ask for ours."""
    put(root, "")
    first, second = (set(maker(root).stdout.splitlines())
                     for maker in (dracut, MAKERS["dash"]))
    assert second - first == {"module efi_secret"} and first < second


def test_close(tmp_path):
    """What no list names is masked, and it says how much that is."""
    vendor = tmp_path / "usr/lib/systemd/system"
    vendor.mkdir(parents=True)
    for name in ("systemd-udevd.service", "debug-shell.service"):
        (vendor / name).touch()
    (tmp_path / "etc").mkdir()
    done = call(TOP / "build/cocosecret-image", "close", tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("0 generators and 1 units ")
    (masked,) = (tmp_path / "etc/systemd/system").iterdir()
    assert masked.name == "debug-shell.service"
    assert str(masked.readlink()) == "/dev/null"
    failed = call(TOP / "build/cocosecret-image", "close", tmp_path / "none")
    assert failed.returncode == 7 and "cannot be masked" in failed.stderr


def test_usage():
    """What it does not know, and what it cannot write, is no success."""
    imager = TOP / "build/cocosecret-image"
    for words in ([], ["modules"], ["no", "/none"], ["close", "/a", "b"]):
        assert call(imager, *words).returncode == 2
    assert call("sh", "-c", f"{imager} modules /none >/dev/full").returncode == 7
    assert call(imager, "modules", TOP).returncode == 7


CRYPTTAB = """\
# names of another boot
sda5_crypt UUID=5D41402A-bc4b-4a76-b971-9d911017c592 none luks,x-initrd.attach
data /dev/disk/by-uuid/4a6bd4f2-5a42-4f0c-8f2b-0d9a7a3c1e10 none
swap PARTUUID=1 none x-initrd.attach
"""
TAB = """\
root UUID=5d41402a-bc4b-4a76-b971-9d911017c592
data UUID=4a6bd4f2-5a42-4f0c-8f2b-0d9a7a3c1e10
"""


@pytest.mark.parametrize("maker", ["dracut", "dash"])
def test_other_name(root, maker):
    """A volume that the root's own crypttab has under another name is told
    where the image is made."""
    put(root, TAB)
    (root / "etc/crypttab").write_text(CRYPTTAB)
    if maker == "dash":
        done = MAKERS[maker](root)
    else:
        done = call("bash", "-c", 'dwarn() { echo "dwarn: $*" >&2; }\n'
                    f"{DRACUT.replace('installkernel', 'say_names')}",
                    dracutsysrootdir=str(root))
    (root / "etc/crypttab").unlink()
    said = [line for line in done.stderr.splitlines() if "crypttab" in line]
    assert len(said) == 1 and "under the name sda5_crypt; write root" in said[0]


def test_other_name_unknown(tmp_path):
    """Without volumes in cocotab, what is opened in the initramfs counts."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cocotab").touch()
    (tmp_path / "etc/crypttab").write_text(CRYPTTAB)
    done = call(TOP / "build/cocosecret-image", "crypttab",
                tmp_path / "etc/cocotab")
    assert done.returncode == 0 and done.stdout.count("\n") == 2
    assert "the name sda5_crypt; if it is the one" in done.stdout


@pytest.fixture(name="refusing")
def refusing_fixture(root):
    """As on a machine whose root is on no enrolled volume."""
    imager, real = root / IMAGER, root / "real-imager"
    imager.rename(real)
    imager.write_text(f"""#!/bin/sh
[ "$1" = machine ] || exec {real} "$@"
[ "$2" != /tmp/image ] || exit 0
echo "cocosecret-image: this machine, by $2" >&2
exit 2
""")
    imager.chmod(0o755)
    yield root
    real.rename(imager)


def test_this_machine_hook(refusing):
    """Its initramfs is made as without us, and it is said aloud; one that
    goes elsewhere is ours."""
    put(refusing, TAB)
    hook_path = refusing / "usr/share/initramfs-tools/hooks/cocosecret"
    for output, ours in (("/boot/initrd.img-6.1.new", False),
                         ("/tmp/image", True)):
        # As mkinitramfs, whose arguments the hook looks at.
        done = call("sh", "-c", f'"{hook_path}"; exit $?', "mkinitramfs",
                    "-o", output, "6.1", DESTDIR=str(refusing / "image"))
        assert done.returncode == 0
        assert ("module dm_crypt" in done.stdout) == ours
        assert (f"E: cocosecret: this machine, by {output}" in done.stderr
                ) != ours, done.stderr


def test_this_machine_dracut(refusing):
    """The module is not for it; nor does a line in dracut.conf help."""
    module = refusing / "usr/lib/dracut/modules.d/50cocosecret/module-setup.sh"
    script = (". $module; imager=$tool; require_binaries() { :; }; "
              'derror() { echo "E: $*" >&2; }; check')
    for output, root, status in (("/boot/initrd.img", "", 1),
                                 ("/tmp/image", "", 255),
                                 ("/boot/initrd.img", "/mnt", 255)):
        done = call("bash", "-c", script, module=str(module), outfile=output,
                    tool=str(refusing / IMAGER), dracutsysrootdir=root)
        assert done.returncode == status, done.stderr
        assert ("this machine, by" in done.stderr) == (status == 1)
