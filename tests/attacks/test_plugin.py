# SPDX-License-Identifier: GPL-2.0-or-later
"""This system's cryptsetup and our token plugin, on volumes of their owner
and volumes that a host changed. Those that never reach the plugin, and why,
are in libcryptsetup-token-cocosecret(7): here is what shows it.
"""

import pathlib
import re
import subprocess

import pytest

from harness import known, place

from . import catalogue, plugin

OURS = ("--token-only", "--token-type", "cocosecret", "--disable-locks")


def spoilt(good, name):
    """A copy of the good volume, after that was done to it."""
    volume = catalogue.victim(good)
    (catalogue.REFUSED | catalogue.ACCEPTED)[name](volume)
    return volume


@pytest.mark.parametrize("name", catalogue.REFUSED)
def test_refused(good, name):
    """Fails at once, asks for nothing, writes nothing."""
    volume = spoilt(good, name)
    before = place.sha256(volume.path)
    done = plugin.test_passphrase(volume.path, volume.key, *OURS)
    assert (done.status, place.sha256(volume.path)) == (1, before), done.output
    assert done.seconds < catalogue.LIMIT
    said = done.output.partition("\n")[0].replace(str(volume.path), "it")
    print(f"{name:30} {done.seconds * 1000:3.0f} ms; {said}")
    refused = "cocosecret: the header of it is refused: " in said
    assert refused == (name not in plugin.UNREACHED)
    assert plugin.UNREACHED.get(name, "refused") in done.output


@pytest.mark.parametrize("name", catalogue.ACCEPTED)
def test_accepted(good, name):
    """Opens; without locks nothing is written to mend it."""
    volume = spoilt(good, name)
    before = place.sha256(volume.path)
    done = plugin.test_passphrase(volume.path, volume.key, *OURS)
    assert (done.status, place.sha256(volume.path)) == (0, before), done.output
    assert "Key slot 1 unlocked." in done.output
    assert "sealed for the name" in done.output
    print(f"{name}: opened in {done.seconds * 1000:.0f} ms, image unchanged")


def test_owner(good, tmp_path):
    """Where the machine knows the owner's key, or should know one."""
    owner = catalogue.keygen_owner(tmp_path / "sign")
    volume = catalogue.victim(good)

    def opens(cmdline):
        done = plugin.test_passphrase(volume.path, volume.key, *OURS,
                                      cmdline=cmdline)
        print(f"{cmdline}: {done.output}")
        assert done.status == 0 or "cocosecret: " in done.output
        return done.status == 0

    knows = f"rd.cocosecret.owner={catalogue.anchor(owner)}"
    by_agent = "rd.cocosecret.source=run"
    assert opens("quiet") and opens(f"{by_agent} rd.cocosecret.owner=none")
    assert not opens(knows) and not opens(by_agent)
    catalogue.sign(volume, owner)
    assert opens(knows) and opens(f"{by_agent} {knows}")


def test_locks_mend(good):
    """What libcryptsetup does by itself before it asks a plugin."""
    volume = spoilt(good, "secondary copy damaged")
    before = place.sha256(volume.path)
    done = plugin.test_passphrase(volume.path, volume.key, "--token-only")
    assert done.status == 0 and place.sha256(volume.path) != before


def test_prompt(good):
    """After a refusal cryptsetup asks for a passphrase, but not with
    --token-only."""
    prompt = "Nothing to read on input."
    volume = spoilt(good, "label")
    for options in ((), OURS[1:]):
        done = plugin.test_passphrase(volume.path, volume.key, *options)
        assert done.status == 1 and prompt in done.output
        assert "is refused" in done.output
    done = plugin.test_passphrase(volume.path, volume.key, *OURS)
    assert done.status == 1 and prompt not in done.output


def test_secret(good):
    """Without the secret, with another, and with one that is too short."""
    done = plugin.test_passphrase(good.path, None, *OURS)
    assert done.status == 1
    assert f"secret {known.DISK} is not here" in done.output
    done = plugin.test_passphrase(good.path, good.owner, *OURS)
    assert done.status == 1 and "is refused" in done.output
    short = good.path.with_name("short")
    short.write_bytes(good.secret[:31])
    done = plugin.test_passphrase(good.path, short, *OURS)
    assert done.status == 1 and "shorter than 32 bytes" in done.output


def test_detached(tmp_path):
    """A header in a file of its own, and data that begins at 0."""
    volume = catalogue.keys(catalogue.blank(tmp_path / "data"))
    header = tmp_path / "header"
    catalogue.must("cryptsetup", "luksFormat", "--type", "luks2", "-q",
                   *catalogue.CHEAP, "--header", header, "--key-file",
                   volume.owner, volume.path)
    catalogue.must(catalogue.COCOSECRET, "enroll", "--header", header,
                   "--new-key-file", volume.key, "--key-file", volume.owner)
    done = plugin.test_passphrase(volume.path, volume.key, *OURS,
                                  "--header", header)
    assert done.status == 0, done.output
    # Taken for a device's own, the same header would hold the data.
    done = plugin.test_passphrase(header, volume.key, *OURS)
    assert done.status == 1 and "is within the header" in done.output
    catalogue.REFUSED["label"](volume._replace(path=header))
    done = plugin.test_passphrase(volume.path, volume.key, *OURS,
                                  "--header", header)
    assert done.status == 1 and "the seal of token 0 is wrong" in done.output


def test_own_slot_only(good):
    """The secret is tried on the token's own key slot, also where that of
    the owner is asked for."""
    for slot in "01":
        done = plugin.run("cryptsetup", "open", "--test-passphrase", "--debug",
                          *OURS, "--key-slot", slot, good.path,
                          secret=good.key)
        tried = re.findall(r"Trying to open LUKS2 keyslot (\d+)", done.output)
        assert set(tried) <= {"1"}, done.output
        print(f"--key-slot {slot}: exit {done.status}, tried {tried}")


def test_folder(good):
    """A folder that may be swapped, or that others may read, is refused."""
    run = "/run/cocosecret/secrets"
    for command, reason in (
            (f"umount {run}", "a tmpfs"),
            (f"chmod 750 {run}", "readable by a group"),
            (f"chown 1 {run}", "another user's")):
        script = (f"cp {run}/* /run; {command}; cp /run/7* {run}; "
                  f"exec cryptsetup open --test-passphrase {' '.join(OURS)} "
                  f"{good.path}")
        done = plugin.run("sh", "-euc", script, secret=good.key)
        assert done.status == 1
        assert "must be a ramfs that root owns, of mode 0700" in done.output
        print(f"{reason}: refused")


def test_dump(good):
    """What cryptsetup luksDump shows of a token."""
    done = plugin.run("cryptsetup", "luksDump", good.path)
    lines = done.output[done.output.index("Tokens:"):].splitlines()[1:6]
    assert lines == ["  0: cocosecret", f"\tSecret:     {known.DISK}",
                     f"\tName:       {catalogue.NAME}",
                     "\tSeal:       hmac-sha256, not checked here",
                     "\tKeyslot:    1"]


def test_import(good):
    """A token that is none is not written; one without a seal is."""
    volume = catalogue.victim(good)
    before = place.sha256(volume.path)
    for text, status in (("", 1), (',"secret":"x"', 1),
                         (f',"secret":"{known.DISK}"', 0)):
        json = volume.path.with_name("json")
        json.write_text('{"type":"cocosecret","keyslots":["1"]' + text + "}")
        done = plugin.run("cryptsetup", "token", "import", "--json-file",
                          json, volume.path)
        assert done.status == status, done.output
        assert (place.sha256(volume.path) == before) == bool(status)
        assert not status or "names no secret" in done.output


def test_symbols():
    """What libcryptsetup asks for and no more is given; nothing is used that
    would end or change the process that it is in, print, or write."""
    def symbols(option):
        return set(subprocess.run(
            ["nm", "-D", option, plugin.PLUGIN], check=True, text=True,
            stdout=subprocess.PIPE).stdout.split())

    defined = {name.partition("@@")[0] for name in symbols("--defined-only")
               if name.endswith("@@CRYPTSETUP_TOKEN_1.0")}
    assert defined == {f"cryptsetup_token_{name}" for name in (
        "open", "buffer_free", "validate", "dump", "version")}
    used = {name.partition("@")[0] for name in symbols("--undefined-only")}
    assert {"crypt_dump_json", "crypt_logf"} <= used
    assert not used & {
        "crypt_metadata_locking", "crypt_set_log_callback", "crypt_init",
        "crypt_load", "crypt_token_external_disable", "crypt_set_debug_level",
        "exit", "_exit", "abort", "fork", "execve", "system", "prctl",
        "setrlimit", "signal", "sigaction", "setenv", "mlockall", "atexit",
        "printf", "__printf_chk", "puts", "perror", "stdout", "stderr",
        "syslog", "write", "pwrite", "fopen", "unlinkat", "mount"}
    elf = subprocess.run(["readelf", "-ldW", plugin.PLUGIN], check=True,
                         text=True, stdout=subprocess.PIPE).stdout
    assert "GNU_RELRO" in elf and re.search(r"FLAGS_1.* NOW", elf)
    assert "TEXTREL" not in elf and not re.search(r"LOAD .* RWE ", elf)


def test_install(good, tmp_path):
    """make install puts it where libcryptsetup looks."""
    subprocess.run(["make", "-s", "install-plugin", f"DESTDIR={tmp_path}"],
                   cwd=catalogue.TOP, check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    (file,) = tmp_path.rglob(plugin.PLUGIN.name)
    done = plugin.run("cryptsetup", "--debug", "luksDump", good.path)
    looked = re.search(r"Trying to load (\S+)\.$", done.output, re.M)[1]
    installed = pathlib.Path("/") / file.relative_to(tmp_path)
    assert (installed.name, installed.parent.resolve()) == (
        file.name, pathlib.Path(looked).parent.resolve())
    print(f"{installed}, as libcryptsetup's {looked}")
