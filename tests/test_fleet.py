# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/fleet: the README's commands, what is left by a run that was
killed, and where the keys are to be seen."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from attacks import catalogue
from attacks.catalogue import COCOSECRET, PATH, TOP
from harness import documents, known

FLEET = TOP / "examples/fleet"
README = (FLEET / "README.md").read_text()


def environment(folder):
    """Its own folder for temporary files."""
    return os.environ | {"PATH": PATH, "TMPDIR": str(folder)}


def run(script, folder):
    """What a script says that must succeed."""
    done = subprocess.run(["sh", "-euc", script], cwd=folder,
                          env=environment(folder),
                          timeout=120, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks():
    """The certificate and the tables, the list, then the rest."""
    first, names, *rest = documents.blocks(README)
    return first, names, rest


@pytest.fixture(name="fleet")
def prepared(tmp_path):
    """A folder where the README's commands work."""
    shutil.copy(FLEET / "tables", tmp_path)
    (tmp_path / "machines").write_text(blocks()[1])
    (tmp_path / "db1.token").write_bytes(os.urandom(100))
    return tmp_path


def decrypt(folder, name):
    """The content of a file of out/."""
    return subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in",
         folder / "out" / name, "-inkey", folder / "owner.key.pem"],
        check=True, capture_output=True).stdout


def assert_whole(folder, names):
    """Each has a key that is the table's; all of them differ."""
    keys = set()
    for name in names:
        key = decrypt(folder, f"{name}.key.cms")
        assert len(key) == 32 and key in decrypt(folder, f"{name}.table.cms")
        keys.add(key)
    assert len(keys) == len(names)
    return keys


def test_commands(fleet):
    """In order; a disk is enrolled with a key that is in no file."""
    first, names, rest = blocks()
    assert "3 made, 0 were there, 0 failed" in run(first, fleet)
    names = [line.split()[0] for line in names.splitlines()]
    assert_whole(fleet, names)
    volume = catalogue.luks_format(catalogue.keys(fleet / "volume"))
    volume.path.rename(fleet / "disk.img")
    volume.owner.rename(fleet / "owner.key")
    said = "".join(run(script, fleet) for script in rest)
    assert "disk.img: sealed" in said
    (fleet / "key").write_bytes(decrypt(fleet, "web1.key.cms"))
    catalogue.must(COCOSECRET, "verify", fleet / "disk.img", "--key-file",
                   fleet / "key")
    (fleet / "table").write_bytes(decrypt(fleet, "db1.table.cms"))
    assert known.OTHER in run("cocosecret table show table", fleet)


def test_again(fleet):
    """What is there stays; what is new is made; what is wrong is named."""
    first, _, _ = blocks()
    run(first, fleet)
    before = {path.name: path.read_bytes()
              for path in (fleet / "out").iterdir()}
    with open(fleet / "machines", "a", encoding="ascii") as file:
        file.write("# more\n\nnew\n../no\nbad x=y\nlast")
    done = subprocess.run(["./tables", "machines", "out", "owner.pem"],
                          cwd=fleet, env=environment(fleet), text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert "2 made, 3 were there, 2 failed" in done.stdout
    assert "../no: is no name for a file" in done.stderr
    after = {path.name: path.read_bytes()
             for path in (fleet / "out").iterdir()}
    assert before.items() <= after.items()
    assert sorted(after.keys() - before.keys()) == [
        f"{name}.{what}.cms" for name in ("last", "new")
        for what in ("key", "table")]


def tables(folder):
    """How many are whole."""
    return len(list((folder / "out").glob("m*.table.cms")))


def test_killed(fleet):
    """When some are done; the same command ends with all there is."""
    first, _, _ = blocks()
    count = 12
    (fleet / "machines").write_text(
        "".join(f"m{number}\n" for number in range(count)))
    run(first.splitlines()[0] + "\nmkdir out", fleet)
    found = []
    for done, number in ((1, signal.SIGKILL), (4, signal.SIGTERM),
                         (8, signal.SIGKILL)):
        with subprocess.Popen(["./tables", "machines", "out", "owner.pem"],
                              cwd=fleet, env=environment(fleet),
                              stdout=subprocess.DEVNULL,
                              start_new_session=True) as process:
            while tables(fleet) < done and process.poll() is None:
                time.sleep(0.01)
            os.killpg(process.pid, number)
        found.append(tables(fleet))
    said = run("./tables machines out owner.pem", fleet)
    assert f"{found[-1]} were there, 0 failed" in said
    assert_whole(fleet, [f"m{number}" for number in range(count)])
    assert 0 < found[0] < found[1] < found[2] < count
    assert len(list((fleet / "out").iterdir())) == 2 * count
    print(f"tables there after each kill: {found}")


def test_no_key_is_seen(fleet):
    """In no argument, no environment, and no file but encrypted: keys are
    known from the certificate's key, and looked for in the trace of all
    programs and of all that was written outside of the ramfs."""
    first, _, _ = blocks()
    lines = first.splitlines()
    run("\n".join(lines[:-1]), fleet)
    run("strace -f -qq -v -s 100000 -xx -y -o trace -e "
        f"trace=execve,mount,write,pwrite64,copy_file_range,sendfile "
        f"{lines[-1]}",
        fleet)
    trace = (fleet / "trace").read_text()
    seen, mounted = [], []
    for line in trace.splitlines():
        if " mount(" in line and line.endswith(" = 0"):
            words = [bytes(word, "ascii").decode("unicode_escape")
                     for word in re.findall(r'"([^"]*)"', line)]
            mounted += [words[1]] if "ramfs" in words else []
    for key in assert_whole(fleet, ["web1", "web2", "db1"]):
        code = "".join(f"\\x{byte:02x}" for byte in key)
        lines = [line for line in trace.splitlines() if code in line]
        assert not any("execve(" in line for line in lines)
        for line in lines:
            path = re.search(r"write\(\d+<([^>]*)>", line)[1]
            path = bytes(path, "ascii").decode("unicode_escape")
            assert os.path.dirname(path) in mounted, path
            seen.append(path)
        assert not any(key in path.read_bytes() for path in
                       fleet.rglob("*") if path.is_file())
    assert seen  # the trace shows what it would have to show
    print("written in the clear to:", ", ".join(sorted(set(
        re.sub(r".*/tmp\.\w+", "…", path) for path in seen))), "(a ramfs)")


def test_clear(fleet):
    """Only where it is asked for, and for nobody else to read."""
    (fleet / "out").mkdir()
    run("./tables --clear machines out", fleet)
    made = list((fleet / "out").iterdir())
    assert len(made) == 6
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert known.DISK in run("cocosecret table show out/web1.table", fleet)
    done = subprocess.run(["./tables", "machines", "out", "machines"],
                          cwd=fleet, env=environment(fleet), text=True,
                          capture_output=True, check=False)
    assert done.returncode == 2 and "is no certificate" in done.stderr
