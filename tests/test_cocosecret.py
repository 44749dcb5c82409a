# SPDX-License-Identifier: GPL-2.0-or-later
"""cocosecret as people meet it: help, pages, completion, examples; and a
rotation that is killed. Its unit tests are tests/unit/{enroll,rotate,...}.c.
"""

import contextlib
import os
import pty
import re
import shlex
import shutil
import socket
import subprocess

import pytest

from attacks import catalogue, luks2
from attacks.catalogue import COCOSECRET, TOP, call
from harness import documents, known, packages, place, tls

COMMANDS = ["keygen", "table build", "table show", "table check", "enroll",
            "seal", "verify", "rotate", "remove", "show", "initrd", "uki",
            "audit", "list", "status"]
BASH = TOP / "completions/cocosecret.bash"
ZSH = TOP / "completions/_cocosecret"


def explain(command):
    """What COMMAND --help prints."""
    done = call(COCOSECRET, *command.split(), "--help")
    assert done.returncode == 0 and not done.stderr
    return done.stdout


def letters(command):
    """{long option: its letter, or none}, as --help lists them."""
    found = re.findall(r"^  (?:(-\w), |    )(--[a-z-]+)", explain(command),
                       re.M)
    return {long: letter for letter, long in found}


def options(command):
    """The long options that --help lists."""
    return set(letters(command))


def page(command):
    """Its manual page."""
    return (TOP / f"man/cocosecret-{command.split()[0]}.1").read_text()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen(command):
    """24 lines of 80 columns, and no option without a word about it."""
    lines = explain(command).splitlines()
    print(f"{command or 'all'}: {len(lines)} lines, "
          f"{max(len(line) for line in lines)} columns")
    assert len(lines) < 24 and max(len(line) for line in lines) <= 80
    assert lines[0].startswith("Usage: cocosecret " + command)


@pytest.mark.parametrize("words, says", [
    ("-h", "Usage: cocosecret COMMAND"), ("help", "Usage: cocosecret COMMAND"),
    ("enroll -h", "Usage: cocosecret enroll DEVICE"),
    ("help enroll", "Usage: cocosecret enroll DEVICE"),
    ("enrol --help", "Usage: cocosecret enroll DEVICE"),
    ("help enrol", "Usage: cocosecret enroll DEVICE"),
    ("verify disk -h", "Usage: cocosecret verify DEVICE"),
    ("table --help", "Usage: cocosecret table COMMAND"),
    ("help table", "Usage: cocosecret table COMMAND"),
    ("help table show", "Usage: cocosecret table show FILE"),
    ("table show -h", "Usage: cocosecret table show FILE"),
    ("--version", "cocosecret 0"), ("-V", "cocosecret 0")])
def test_what_people_type(words, says):
    """Each gets what it asks for, and nothing else happens."""
    done = call(COCOSECRET, *words.split())
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith(says)


@pytest.mark.parametrize("words, says", [
    ("", "Usage: cocosecret COMMAND"), ("table", "Usage: cocosecret table"),
    ("spin", "there is no command spin; see cocosecret --help"),
    ("help spin", "there is no command spin; see cocosecret --help"),
    ("spin -h", "there is no command spin; see cocosecret --help"),
    ("table display", "no command table display; see cocosecret help table"),
    ("sh\33", "no command sh\\x1b"),
    ("seal --\33", "seal: there is no option --\\x1b"),
    ("seal -x", "seal: there is no option -x; see cocosecret seal --help"),
    ("seal --forc=1", "seal: --force takes no value"),
    ("remove d -d k", "wants either --secret UUID or --token NUMBER"),
    ("remove d -d k -t 1 -s " + known.DISK, "wants either --secret UUID"),
    ("remove d -d k -t 32", "not a token's number, 0 to 31"),
    ("remove d -d k -t 1x", "not a token's number, 0 to 31")])
def test_what_people_mistype(words, says):
    """Said on standard error, in plain ASCII, with the command that helps."""
    done = call(COCOSECRET, *words.split(" ") if words else ())
    assert done.returncode in (2, 7) and not done.stdout
    assert says in done.stderr and "\33" not in done.stderr


def test_letters():
    """One means the same for every command, and each is taken."""
    meaning = {}
    for command in COMMANDS:
        for long, letter in letters(command).items():
            if not letter:
                continue
            assert meaning.setdefault(letter, long) == long
            done = call(COCOSECRET, *command.split(), letter)
            assert "there is no option" not in done.stderr
            if "wants a value" in done.stderr:
                assert f"{long} wants a value" in done.stderr
    print(*sorted(meaning))
    assert len(meaning) > 20 and "-h" not in meaning and "-V" not in meaning
    assert meaning["-d"] == "--key-file" and meaning["-q"] == "--quiet"


def test_help_lists_every_command():
    """In the order of the manual page."""
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\w", explain(""), re.M)
        assert f".It Cm {command}\n" in (TOP / "man/cocosecret.1").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_documented(command):
    """What --help lists is in the page, and the page has nothing else."""
    text = page(command).split(".Sh DESCRIPTION")[1]
    tags = re.findall(r"^\.It Fl (.*?)(?: Ar .*)?$", text, re.M)
    for long, letter in letters(command).items():
        if letter:
            name = long[1:].replace("-", r"\-")
            plain = [tag.replace("\\-", "-") for tag in tags]
            assert any(f"{letter[1:]} , {long[1:]}" in tag for tag in plain), name
    found = {"--" + name.removeprefix("\\-").replace("\\-", "-")
             for tag in tags for name in re.findall(r"(?<!\S)\\-\S+", tag)}
    assert options(command) <= found
    if not command.startswith("table"):
        assert found == options(command)


def complete(*words):
    """What bash offers for the last word."""
    script = (f". {BASH}; COMP_WORDS=({shlex.join(words)}); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cocosecret; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return set(call("bash", "-c", script).stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completes(command):
    """Each command, and just the options that it has."""
    *words, last = command.split()
    assert last in complete("cocosecret", *words, last[:3])
    offered = complete("cocosecret", *command.split(), "--")
    assert offered == options(command) | {"--help"}
    shorts = {letter for letter in letters(command).values() if letter}
    assert complete("cocosecret", *command.split(), "-") == \
        offered | shorts | {"-h"}
    assert last in complete("cocosecret", "help", *words, last[:3])


def test_bash_completes_values():
    """The usual secret, and files where a file is wanted."""
    assert complete("cocosecret", "seal", "--secret", "7368") == {
        known.DISK}
    assert complete("cocosecret", "remove", "-s", "7368") == {known.DISK}
    assert str(ZSH) in complete("cocosecret", "verify", str(ZSH)[:-2])
    assert complete("cocosecret", "enrol", "--nam") == {"--name"}


# What zsh's own functions are given, printed.
ZSH_STUBS = """
_arguments() { print -rl -- "$@"; }
_describe() { print -rl -- "${(@P)2}"; }
"""


def zsh(words):
    """What the completion of zsh has for a command line."""
    return call("zsh", "-fc", f"{ZSH_STUBS} service=cocosecret; words=({words})"
                f" CURRENT={len(words.split())}; . {ZSH} >/dev/null; "
                "_cocosecret_command").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_zsh_completes(command):
    """Just the options that a command has, with their letters."""
    *group, last = command.split()
    found = set(re.findall(r"^(?:\([^)]*\)|\*)?(--?[a-zA-Z-]+)\[",
                           zsh(f"{command} --"), re.M))
    wanted = {letter for letter in letters(command).values() if letter}
    assert found == options(command) | wanted | {"-h", "--help"}
    assert f"\n{last}:" in "\n" + zsh(" ".join(["help", *group, "x"]))


def lines_of(page):
    """The commands of a page's EXAMPLES, each in one line."""
    text = "".join(display for display in documents.examples(page)
                   if display.startswith(documents.COMMANDS))
    return [line.removeprefix("# ") for line in
            text.replace("\\\n", "").splitlines() if line]


def more(command, folder):
    """What a command is told besides: where things are on this machine."""
    return {"list": f" --secrets {folder}/secrets",
            "status": f" --secrets {folder}/secrets --state {folder}/state",
            "uki": f" --stub {place.BUILD}/cocosecret-stub.efi",
            "initrd": f" --init {place.BUILD}/cocosecret-init"
            }.get(command, "")


def prepare(folder):
    """The files that the examples are about."""
    volume = catalogue.enroll(catalogue.luks_format(
        catalogue.keys(folder / "disk")), "root")
    volume.path.rename(folder / "disk.img")
    for name in ("data.img", "data.hdr"):
        shutil.copy(folder / "disk.img", folder / name)
    shutil.copy(volume.key, folder / "data.key")
    volume.owner.rename(folder / "owner.key")
    (folder / "cocotab").write_text("root LABEL=root - root\n")
    (folder / "initrd.img").write_bytes(bytes(512))
    (folder / "kbs-server.pem").write_text(tls.Holder().pem)
    for name in ("root/etc", "secrets", "state/volumes", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "secrets" / known.DISK).touch()
    (folder / "state/run.json").write_text(
        '{"begin_us": 1, "end_us": 2, "exit": 0}')
    (folder / "bin/cocosecret").symlink_to(COCOSECRET)


def kernel(folder):
    """Debian's, with its modules in place of this machine's."""
    own = packages.Kernel()
    (folder / "vmlinuz").symlink_to(own.image)
    (folder / "over").mkdir()
    return ["unshare", "--mount", "sh", "-ec", f"""
        mount -t tmpfs tmpfs over
        mkdir over/changes over/work
        mount -t overlay -o lowerdir={own.modules.parent},\
upperdir=$PWD/over/changes,workdir=$PWD/over/work overlay /lib/modules
        mkdir -p /lib/modules/{own.version}/updates
        cp {place.BUILD}/module/{own.version}/efi_secret.ko \
/lib/modules/{own.version}/updates
        depmod {own.version}
        eval "$1" """, "sh"]


# Doors of the machine that runs this.
STATUSES = {"cocosecret audit /": (0, 1, 7)}


@pytest.mark.parametrize("path", [
    path for path in documents.with_examples() if lines_of(path.name)
    and "token" not in path.name], ids=lambda path: path.name)
def test_examples(path, tmp_path):
    """Each line of a page's examples works, in order."""
    prepare(tmp_path)
    lines = lines_of(path.name)
    shell = ["sh", "-c"]
    if any(line.split()[1] in ("uki", "initrd") for line in lines):
        shell = kernel(tmp_path)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    for line in lines:
        words = shlex.split(line)
        if words[1] == "keygen":
            (tmp_path / words[-1]).unlink(missing_ok=True)
        done = subprocess.run(
            [*shell, line + more(words[1], tmp_path)], cwd=tmp_path,
            timeout=60, text=True, stdin=subprocess.DEVNULL,
            capture_output=True, check=False, env=os.environ | {"PATH": path})
        assert done.returncode in STATUSES.get(" ".join(words[:3]), (0,)), \
            line + ": " + done.stderr
    print(f"{len(lines)} commands")


def test_keygen_refuses_a_terminal(tmp_path):
    """Else a key would be on the screen and in its log."""
    ours, theirs = pty.openpty()
    done = subprocess.run([COCOSECRET, "keygen", "-o", "-"], stdout=theirs,
                          stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert done.returncode == 2 and "terminal" in done.stderr
    with open(ours, "rb", buffering=0) as screen, pytest.raises(OSError):
        screen.read(1)
    with open(tmp_path / "pipe", "wb") as file:
        subprocess.run([COCOSECRET, "keygen", "-o", "-"], stdout=file,
                       check=True)
    assert (tmp_path / "pipe").stat().st_size == 32


def at_terminal(command, keys):
    """(exit status, screen) of a command to which somebody types."""
    child, screen = pty.fork()
    if not child:
        os.execv(command[0], [str(word) for word in command])
    shown = b""
    while b": " not in shown:
        shown += os.read(screen, 1000)
    os.write(screen, keys)
    with contextlib.suppress(OSError):  # its end
        while part := os.read(screen, 1000):
            shown += part
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_passphrase(tmp_path):
    """It is asked for without echo; who gives up has changed nothing, also
    between the question and the wait for an answer, which is longer here."""
    disk = catalogue.blank(tmp_path / "disk")
    word = tmp_path / "word"
    word.write_bytes(b"correct horse")
    subprocess.run(["cryptsetup", "luksFormat", "-q", *catalogue.CHEAP, disk,
                    word], check=True)
    key = tmp_path / "key"
    subprocess.run([COCOSECRET, "keygen", "-o", key], check=True)
    enroll = [COCOSECRET, "enroll", disk, "--new-key-file", key]
    slowly = ["/usr/bin/strace", "-qq", "-o", tmp_path / "strace",
              "-e", "inject=write:delay_exit=300000", *enroll]
    before = disk.read_bytes()
    for command, keys, status, says in (
            (enroll, b"battery\n", 6, "opens no key slot"),
            (enroll, b"\x03", 2, "no passphrase was given"),
            (slowly, b"\x03", 2, "no passphrase was given"),
            (enroll, b"correct horse\n", 0, "")):
        assert disk.read_bytes() == before
        ended, shown = at_terminal(command, keys)
        assert ended == status and says in shown, shown
        assert "horse" not in shown and "battery" not in shown
    assert call(COCOSECRET, "verify", disk, "--key-file", key).returncode == 0
    done = subprocess.run(["setsid", "--wait", *map(str, enroll)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)
    assert done.returncode == 2 and "no terminal" in done.stderr


def test_what_is_no_disk(tmp_path):
    """A pipe, a folder, a socket, a terminal: told at once, and not opened."""
    pipe, server = tmp_path / "pipe", socket.socket(socket.AF_UNIX)
    key = tmp_path / "key"
    key.write_bytes(bytes(32))
    os.mkfifo(pipe)
    server.bind(str(tmp_path / "socket"))
    server.close()
    new = ("--new-key-file", key)
    for path in (pipe, tmp_path, tmp_path / "socket", "/dev/null"):
        for command, words in (("verify", ()), ("seal", ()), ("enroll", new),
                               ("rotate", new)):
            done = call(COCOSECRET, command, path, "--key-file", key, *words,
                        limit=5)
            assert done.returncode == 2, done.stderr
            assert done.stderr == (
                f"cocosecret: {command}: {path}: is neither a block device "
                "nor an image file\n")


def test_two_volumes_in_one(tmp_path):
    """The first copy of one header and the second, newer one of another: said
    by verify, which accepts the second as libcryptsetup does, and by the
    others where they refuse."""
    one, two = (catalogue.good(tmp_path / name) for name in ("one", "two"))
    first, second = luks2.Header(one.path), luks2.Header(two.path)
    second.seqid += 50
    second.write()
    uuids = [header.binary[luks2.UUID:][:36].decode()
             for header in (first, second)]
    with open(two.path, "r+b") as file:
        file.write(one.path.read_bytes()[:first.size])
    says = (f"the header of {two.path}: its two copies differ: the first is "
            f"of UUID {uuids[0]}, the second of UUID {uuids[1]}\n")
    for key, status in ((two.key, 0), (one.key, 6)):
        done = call(COCOSECRET, "verify", two.path, "--key-file", key)
        assert done.returncode == status and says in done.stderr, done.stderr
    done = call(COCOSECRET, "seal", two.path, "--key-file", two.key,
                "--secret", known.OTHER)
    assert done.returncode == 5 and says in done.stderr


def test_what_a_host_changed(tmp_path):
    """Is shown by seal, and sealed with --force only; enroll and rotate refuse
    it. Nothing of it reaches the terminal as it is."""
    volume = catalogue.good(tmp_path / "disk")
    path, key, new = volume.path, volume.key, tmp_path / "new"
    catalogue.must(COCOSECRET, "keygen", "-o", new)
    header = luks2.Header(path)
    header.json["config"]["flags"] = ["allow-discards"]
    header.json["segments"]["0"].update(sector_size=1024, offset="20971520")
    header.json["tokens"]["7"] = {"type": "\33[2J", "keyslots": ["0"]}
    header.set_text(luks2.LABEL, "\33]0;")
    header.seqid += 1
    header.write()
    before = path.read_bytes()
    for command, *words in (
            ("enroll", "--key-file", volume.owner, "--new-key-file", new,
             "--also", f"{known.DISK}={key}", "--force"),
            ("rotate", "--key-file", key, "--new-key-file", new, "--force"),
            ("seal", "--key-file", key)):
        done = call(COCOSECRET, command, path, *words)
        assert done.returncode == 5 and path.read_bytes() == before
        assert f"{key} did not seal what it says (token 0)" in done.stderr
        assert ("cocosecret seal shows" in done.stderr) != (command == "seal")
    said = done.stdout
    print(said)
    for line in ("flags: allow-discards", "requirements: none",
                 "data: aes-xts-plain64, sectors of 1024 bytes, from byte "
                 "20971520 on, size dynamic", 'label "\\x1b]0;"',
                 "token 7: \\x1b[2J, key slots 0", "integrity: none",
                 f'secret {known.DISK}, name "{catalogue.NAME}"'):
        assert line in said
    assert "\33" not in said
    done = call(COCOSECRET, "seal", path, "--key-file", key, "--force")
    assert done.returncode == 0 and said in done.stdout
    assert opens(volume, key)


def test_key_from_a_pipe(tmp_path):
    """Which is waited for, as ever."""
    volume = catalogue.good(tmp_path / "disk")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"sleep .3; cat {volume.key} >{pipe}"]):
        assert opens(volume, pipe)


def traced(volume, new, *injection):
    """A rotation under strace, and its writes to the image."""
    log = volume.path.with_suffix(".strace")
    done = call("strace", "-qq", "-y", "-o", log, "-e", "trace=pwrite64",
                *injection, COCOSECRET, "rotate", volume.path,
                "--key-file", volume.key, "--new-key-file", new)
    lines = log.read_text().splitlines()
    return done, [number for number, line in enumerate(
        (line for line in lines if line.startswith("pwrite64")), 1)
        if f"<{volume.path}>" in line]


def opens(volume, key):
    """Whether it is sealed with that key, and opens with it."""
    return call(COCOSECRET, "verify", volume.path, "--key-file",
                key).returncode == 0


def test_rotate_killed(tmp_path):
    """SIGKILL at some of its writes, those of the headers among them; each is
    tried, without a kill, in tests/unit/rotate.c."""
    good = catalogue.good(tmp_path / "good")
    new = tmp_path / "new.key"
    catalogue.must(COCOSECRET, "keygen", "-o", new)
    victim = good._replace(path=tmp_path / "victim")
    shutil.copy(good.path, victim.path)
    done, writes = traced(victim, new)
    assert done.returncode == 0, done.stderr
    assert opens(victim, new) and not opens(victim, good.key)
    middle = len(writes) // 2
    tried = writes[:1] + writes[middle - 3:middle + 3] + writes[-1:]
    outcome = ""
    for number in tried:
        shutil.copy(good.path, victim.path)
        done, _ = traced(victim, new, "-e",
                         f"inject=pwrite64:signal=KILL:when={number}")
        assert done.returncode == -9
        old, now = opens(victim, good.key), opens(victim, new)
        assert old != now
        outcome += "n" if now else "o"
        done = call(COCOSECRET, "rotate", victim.path, "--key-file", good.key,
                    "--new-key-file", new)
        assert done.returncode == 0, done.stderr
        assert opens(victim, new) and not opens(victim, good.key)
    assert re.fullmatch("o+n+", outcome)
    print(f"{len(writes)} writes; killed at {tried}: opens with the old (o) "
          f"or new (n) key: {outcome}")


def hints(volume, key):
    """Those of verify."""
    done = call(COCOSECRET, "verify", volume.path, "--key-file", key)
    assert done.returncode == 0, done.stderr
    return [line.split(": hint: ")[1] for line in done.stdout.splitlines()
            if ": hint: " in line]


def test_advice(tmp_path):
    """What costs more than it need is named, and going after it helps."""
    volume = catalogue.good(tmp_path / "cheap")
    assert hints(volume, volume.key) == []
    volume = catalogue.keys(tmp_path / "costly")
    # With 4 MiB the benchmark finds few passes on any machine: more than a
    # header may ask for would be refused.
    catalogue.must("cryptsetup", "luksFormat", "--type", "luks2", "-q",
                   "--pbkdf", "argon2id", "--pbkdf-memory", "4096",
                   "--iter-time", "10", "--key-file", volume.key,
                   catalogue.blank(volume.path))
    token = tmp_path / "token"
    token.write_text('{"type":"cocosecret","keyslots":["0"],"secret":"'
                     f'{known.DISK}"}}')
    catalogue.must("cryptsetup", "token", "import", "--json-file", token,
                   volume.path)
    catalogue.must(COCOSECRET, "seal", volume.path, "--key-file", volume.key,
                   "--force")
    digest, slot, change = hints(volume, volume.key)
    assert digest.startswith("the volume key's digest takes ")
    assert slot.startswith("key slot 0 (argon2id)") and "rotate" in slot
    assert "--pbkdf pbkdf2 --pbkdf-force-iterations 1000" in change
    catalogue.must(COCOSECRET, "rotate", volume.path, "--key-file", volume.key,
                   "--new-key-file", volume.owner)
    assert hints(volume, volume.owner) == [digest, change]
    print(digest, slot, change, sep="\n")
