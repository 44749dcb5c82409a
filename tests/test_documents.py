# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documents show beside commands. The README's commands are run by
tests/vm/test_readme.py, those of cocosecret's pages by test_cocosecret.py.
"""

import errno
import os
import re
import shlex
import socket
import subprocess
import time

import pytest

from attacks.catalogue import TOP, call
from harness import documents, unlocker

DOT, SVG = TOP / "doc/flow.dot", TOP / "doc/flow.svg"


def test_picture():
    """It is what its text says, and the README shows it."""
    drawn = call("dot", "-Tsvg", DOT)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout == SVG.read_text(), "run make picture"
    assert "](doc/flow.svg)" in documents.README.read_text()


def cocotabs():
    """Those that are shown."""
    shown = [*documents.blocks(documents.text()),
             *documents.displays("cocotab.5")]
    return [text for text in shown if text.startswith("# name  device")]


@pytest.mark.parametrize("tab", range(2))
def test_cocotab(tab):
    """It is taken: what is wrong is that no secret is there."""
    text = cocotabs()[tab]
    assert len(cocotabs()) == 2
    status, _, said = unlocker.run(
        f"printf %s {shlex.quote(text)} >/run/cocotab; unlock")
    assert status == 3, said


def cmdlines():
    """Kernel parameters that are shown."""
    shown = [*documents.blocks(documents.text()),
             *(text for page in documents.with_examples()
               for text in documents.examples(page.name))]
    return [text.strip() for text in shown if text.startswith("rd.")]


@pytest.mark.parametrize("line", range(5))
def test_cmdline(line):
    """So is this."""
    text = cmdlines()[line]
    assert len(cmdlines()) == 5
    status, _, said = unlocker.run(
        f"printf ' %s' {shlex.quote(text)} >>/run/cmdline; "
        ": >/run/cocotab; unlock")
    # Here is no agent, which is said when all of it was understood.
    without = "cocosecret-agent in this image" in said
    assert without == ("rd.cocosecret.kbs=" in text)
    assert status == (2 if without else 3), said


def test_make_targets():
    """Each that the pages name is there."""
    named = set(re.findall(r"(?:^    |`)make (?:-C \S+ )?([a-z-]+)",
                           documents.text(), re.M))
    assert {"demo", "boot", "check", "deb"} <= named
    for target in sorted(named):
        done = call("make", "-n", "-C", TOP, target)
        assert done.returncode == 0, done.stderr
    print(", ".join(sorted(named)))


def test_secrets_stay_out():
    """What the pages have made in a checkout is in no commit by accident."""
    text = documents.text()
    made = set(re.findall(r"^    cocosecret .*?-o (\S+)", text, re.M))
    assert {"owner.key", "disk.key", "new.key", "table.bin", "sign.key"} <= made
    for name in sorted({*made, "sign.key.pub", "disk.img"}):
        done = call("git", "-C", TOP, "check-ignore", "--no-index", "-q", name)
        assert done.returncode == 0, name
    assert not call("git", "-C", TOP, "ls-files", "-ci",
                    "--exclude-standard").stdout


def anchors(text):
    """What GitHub makes of its headings."""
    return {re.sub("[^a-z0-9 -]", "", head.lower()).replace(" ", "-")
            for head in re.findall("^#+ (.*)$", text, re.M)}


def broken(page):
    """Its links that lead nowhere."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
                anchor and anchor not in anchors(target.read_text())):
            yield link


@pytest.mark.parametrize("page", [
    page.relative_to(TOP) for pattern in ("*.md", "doc/*.md",
                                          "examples/*/*.md")
    for page in sorted(TOP.glob(pattern))], ids=str)
def test_links(page):
    """Each leads to a file and a heading that are there."""
    assert not list(broken(TOP / page))


def test_pages():
    """None of doc/ is left out where commands are run, and the first page is short."""
    assert set((TOP / "doc").glob("*.md")) <= set(documents.PAGES)
    assert len(documents.README.read_text().splitlines()) < 200


def test_trips():
    """CONTRIBUTING.md sends nobody to a file that is not there."""
    text = (TOP / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`([a-z]+/[^` ]+)`", text))
    assert len(named) > 25
    assert [name for name in named if "NAME" not in name
            and not (TOP / name).exists()] == []


def test_agent():
    """The manual's unit is the example's."""
    units = [text for text in documents.examples("cocosecret-agents.7")
             if text.startswith("[Unit]")]
    assert units == [(TOP / "examples/agent/agent.service").read_text()]


# What a message has that no source does: whose it is, numbers, paths.
VARIES = r"tdx_guest|sev_guest|\d+|/\S+|: "


def said():
    """The texts of the programs, and the system's for its errors."""
    sources = "".join(path.read_text() for path in (TOP / "unlock").rglob("*.[ch]"))
    return re.sub(r'"\s*"', "", sources) + "\n".join(map(os.strerror, errno.errorcode))


def test_messages():
    """What examples/agent has for messages are some."""
    rows = documents.table((TOP / "examples/agent/README.md").read_text(), "it shows")
    messages = [message for row in rows for message in re.findall("`(.*?)`", row[0])]
    assert len(messages) >= 25
    text = said()
    for message in messages:
        for piece in re.split(VARIES, message):
            assert piece.strip() in text, message


def test_plugin():
    """The manual's command is the README's, which tests/vm/test_plugin.py
    runs in a guest."""
    assert documents.examples("libcryptsetup-token-cocosecret.7") == [
        documents.shown("cryptsetup open ")]


def agents_line():
    """The options of QEMU that cocosecret-agent(8) shows."""
    (text,) = [text for text in documents.examples("cocosecret-agent.8")
               if text.startswith("-device")]
    return text.split()


def test_port(tmp_path):
    """QEMU takes them, also before somebody listens."""
    words = [word.replace("/run/kbs.sock", str(tmp_path / "kbs"))
             for word in agents_line()]
    done = subprocess.run(
        ["qemu-system-x86_64", "-S", "-M", "q35", "-nodefaults", "-display",
         "none", "-monitor", "stdio", *words], input="info qtree\nquit\n",
        text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert 'name = "kbs"' in done.stdout and "virtserialport" in done.stdout


def test_relay(tmp_path):
    """What listens there for QEMU leads to the broker."""
    (text,) = [text for text in documents.examples("cocosecret-agent.8")
               if text.startswith("systemd-socket-activate")]
    path = tmp_path / "kbs"
    with socket.create_server(("127.0.0.1", 0)) as broker:
        address = "127.0.0.1:" + str(broker.getsockname()[1])
        words = shlex.split(text.replace("\\\n", "").replace(
            "/run/kbs.sock", str(path)).replace("192.0.2.7:8080", address))
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as relay, \
                socket.socket(socket.AF_UNIX) as guest:
            try:
                assert wait_for(path.exists)
                guest.connect(str(path))
                broker.settimeout(30)
                with broker.accept()[0] as answer:
                    guest.sendall(b"GET /kbs")
                    assert answer.recv(8) == b"GET /kbs"
            finally:
                relay.kill()


def wait_for(what):
    """Whether it holds soon."""
    end = time.monotonic() + 30
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


# Who runs what the pages show; test_cocosecret.py runs their commands.
RUN = {
    "# name  device": ["cocotab.5"],  # test_cocotab
    "echo | openssl": ["cocosecret-agent.8"],  # test_tls
    "rd.": ["cocosecret-agent.8", "cocosecret-init.8",
            "cocosecret-initramfs.7", "cocosecret-unlock.8"],  # test_cmdline
    "[Unit]": ["cocosecret-agents.7"],  # test_agent, tests/vm/test_source.py
    "-device ": ["cocosecret-agent.8"],  # test_port
    "openssl ": ["cocosecret-agent.8"],  # tests/test_tls.py
    "cryptsetup open ": ["libcryptsetup-token-cocosecret.7"],  # test_plugin
    "systemd-socket-activate ": ["cocosecret-agent.8"],  # test_relay
}
# What a guest has to show, or a machine's owner, is shown elsewhere.
NO_EXAMPLES = {"cocosecret.7", "efi_secret.4"}


def test_every_example_is_run():
    """Each page has some, and each of them is run by a test."""
    pages = {page.name for page in (TOP / "man").glob("*.[1-8]")}
    assert pages - {page.name for page in documents.with_examples()} == \
        NO_EXAMPLES
    for page in sorted(pages - NO_EXAMPLES):
        shown = documents.examples(page)
        assert shown, page
        for text in shown:
            known = [begin for begin in RUN if text.startswith(begin)
                     and page in RUN[begin]]
            lines = text.replace("\\\n", "").splitlines()
            assert known or all(line.startswith(documents.COMMANDS) for line in lines
                                if line), (page, text)


def table(name):
    """The words of a table that the parser is made of."""
    text = (TOP / "unlock/config" / name).read_text()
    return re.findall(r'^[A-Z]+\(\w+, "([^"]+)"', text, re.M)


def cocotab_page(begin, end):
    """A part of cocotab(5), as it is shown."""
    page = documents.plain((TOP / "man/cocotab.5").read_text())
    return page.split(begin)[1].split(end)[0]


def test_options():
    """The manual has each option that the parser knows, and no other."""
    heads = re.findall(r"^\.It Cm (.*)$",
                       cocotab_page(".Sh OPTIONS", ".Sh "), re.M)
    named = [word for head in heads for word in head.split(" , ")]
    named.remove("header= Ns Ar path")
    assert sorted(named) == sorted(table("options.def"))


def test_device_tags():
    """So it has each tag of a device, where it says what a device is."""
    said = cocotab_page(".It Ar device\n", "an absolute path.")
    assert re.findall(r"^\.Cm (\S+=) ,$", said, re.M) == \
        table("device_tags.def")
