# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages as files; installing them is in tests/vm/test_packages.py."""

import gzip
import hashlib
import os
import re
import subprocess
import tempfile

import pytest

from harness import debs, documents, packages, place

DOC = ["usr/share/doc/@/changelog.gz", "usr/share/doc/@/copyright"]
UNITS = [f"usr/lib/systemd/system/cocosecret-{name}"
         for name in ("(ciphers|shell).service",
                      "(agent|unlock|verify-mounts|verify-root).service",
                      "(agent|unlock|verify-mounts|verify-root).service.d/"
                      "zz-fail.conf",
                      "unlock.service.requires/cocosecret-agent.service")] + [
    r"usr/lib/systemd/system/(initrd-[a-z-]+\.(target|service)|sysroot.mount)"
    r"\.(requires/cocosecret-[a-z-]+\.service|d/50-cocosecret.conf)",
    "usr/lib/systemd/system-generators/cocosecret-generator"]
CLOSED = r"/closed/[^/]+\.service(.d/zz-fail.conf)?"
PROGRAMS = ["usr/bin/cocosecret", "usr/bin/cocosecret-unlock"]
PAGES = ["usr/share/man/man1/cocosecret.1",
         "usr/share/man/man1/cocosecret-(audit|enroll|initrd|keygen|list|remove|"
         "rotate|seal|show|status|table|uki|verify).1",
         "usr/share/man/man7/cocosecret(-agents|-initramfs)?.7",
         "usr/share/man/man4/efi_secret.4",
         "usr/share/man/man5/cocosecret-seal.5",
         "usr/share/man/man5/cocotab.5",
         "usr/share/man/man8/cocosecret-(agent|init|unlock).8"]
PLUGIN = "cryptsetup/libcryptsetup-token-cocosecret.so"
PLUGIN_PAGE = "usr/share/man/man7/libcryptsetup-token-cocosecret.7"
COMPLETIONS = ["usr/share/bash-completion/completions/cocosecret(-unlock)?",
               "usr/share/zsh/(vendor-completions|site-functions)/_cocosecret"]
DRACUT = ["usr/lib/dracut/modules.d/50cocosecret/.*",
          "usr/lib/dracut/modules.d/99zz-cocosecret/.*",
          "usr/lib/dracut/dracut.conf.d/50-cocosecret.conf"]
DKMS = rf"usr/src/efi_secret-{debs.VERSION}/(dkms.conf|Kbuild|[a-z]+\.[ch])"
# Every file of a package matches one of these, and each of these a file.
DEBS = {
    "cocosecret": [*PROGRAMS, "init",
                   "usr/lib/cocosecret/cocosecret-absent.so",
                   "usr/lib/cocosecret/cocosecret-agent(-tls)?",
                   "usr/lib/cocosecret/cocosecret-generator",
                   "usr/lib/cocosecret/cocosecret-image",
                   "usr/lib/cocosecret/cocosecret-init",
                   "usr/lib/cocosecret" + CLOSED,
                   *UNITS, *COMPLETIONS, *(page + ".gz" for page in PAGES),
                   "usr/share/lintian/overrides/@",
                   "usr/share/doc/@/(README|CHANGELOG).md.gz",
                   "usr/share/doc/@/doc/(flow.(dot|svg)|(bench|growth).svg|[a-z-]+.md)(.gz)?",
                   "usr/share/doc/@/examples/.*"],
    "cocosecret-dracut": DRACUT,
    "libcryptsetup-token-cocosecret": [
        "usr/lib/x86_64-linux-gnu/" + PLUGIN, PLUGIN_PAGE + ".gz"],
    "cocosecret-initramfs": [
        "usr/share/initramfs-tools/hooks/cocosecret",
        "usr/share/initramfs-tools/scripts/([a-z]+-[a-z]+/)?cocosecret"],
    "cocosecret-initrd": [
        "usr/lib/cocosecret/make-initrd",
        "usr/lib/kernel/install.d/(58|89)-cocosecret.install",
        "etc/kernel/post(inst|rm).d/zz-cocosecret-initrd"],
    "cocosecret-stub": ["usr/lib/cocosecret/efi/cocosecret-stub.efi"],
    "efi-secret-dkms": [DKMS],
}
LICENSE = f"usr/share/licenses/@-{debs.VERSION}/COPYING"
RPMS = {
    "cocosecret": [*PROGRAMS, "init",
                   "usr/libexec/cocosecret/cocosecret-absent.so",
                   "usr/libexec/cocosecret/cocosecret-agent(-tls)?",
                   "usr/libexec/cocosecret/cocosecret-generator",
                   "usr/libexec/cocosecret/cocosecret-image",
                   "usr/libexec/cocosecret/cocosecret-init",
                   "usr/libexec/cocosecret" + CLOSED,
                   *UNITS, *COMPLETIONS,
                   *(page + "(.gz)?" for page in PAGES), LICENSE,
                   f"usr/share/doc/@-{debs.VERSION}/(README|CHANGELOG).md",
                   f"usr/share/doc/@-{debs.VERSION}/(doc|examples)/.*",
                   "usr/lib/.build-id/.*"],
    "cocosecret-dracut": [*DRACUT, LICENSE],
    "cocosecret-initrd": [
        "usr/libexec/cocosecret/make-initrd",
        "usr/lib/kernel/install.d/(58|89)-cocosecret.install", LICENSE],
    "cocosecret-stub": [
        "usr/libexec/cocosecret/efi/cocosecret-stub.efi", LICENSE],
    "cocosecret-token": [
        "usr/lib(64)?/" + PLUGIN, PLUGIN_PAGE + "(.gz)?", LICENSE,
        "usr/lib/.build-id/.*"],
    "efi-secret-dkms": [DKMS, LICENSE],
}


def run(*command, **options):
    """Standard output of a command that must succeed."""
    return subprocess.run([str(word) for word in command], check=True,
                          stdout=subprocess.PIPE, timeout=60,
                          **options).stdout.decode()


def assert_files(name, files, patterns):
    """These and no others. "@" is the package's name."""
    patterns = [pattern.replace("@", name) for pattern in patterns]
    strange = [file for file in files
               if not any(re.fullmatch(pattern, file) for pattern in patterns)]
    assert strange == []
    missing = [pattern for pattern in patterns
               if not any(re.fullmatch(pattern, file) for file in files)]
    assert missing == []


@pytest.mark.parametrize("name", DEBS)
def test_deb_files(name):
    """A package holds what it should, owned by root, writable by root only."""
    deb = debs.deb(name)
    files = []
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        assert owner == "root/root", line
        if mode[0] != "l":
            assert mode[5] == mode[8] == "-" and "s" not in mode, line
        if mode[0] != "d":
            files.append(path.removeprefix("./").split(" -> ")[0])
    assert_files(name, files, DEBS[name] + DOC)
    size = run("dpkg-deb", "-f", deb, "Installed-Size").strip()
    print(f"{deb.name}: {len(files)} files, {size} KiB installed, "
          f"{deb.stat().st_size} bytes")


def test_lintian():
    """Nothing that lintian calls an error or a warning, but for /init and what
    stands in for libraries."""
    said = debs.make("lint-deb", f"DEB_DIR={debs.folder()}")
    tags = [line for line in said.splitlines() if re.match(r"[A-Z]: ", line)]
    assert [tag for tag in tags if tag[0] in "EW"] == []
    assert [tag for tag in tags if tag[0] == "O" and "[init]" not in tag] == []
    tags = [tag for tag in tags if tag[0] in "IP"]
    assert tags  # else it did not look
    print("\n".join(tags))


def sums(folder):
    """Of what a build leaves to others: packages, and their sources."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
             for pattern in ("*.deb", "*.dsc", "*.tar.*", "RPMS/**/*.rpm",
                             "SOURCES/*.tar.*")
             for path in folder.glob(pattern)}
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize("what, first, setting", [
    ("deb", debs.folder, "DEB_DIR"), ("rpm", debs.rpms, "RPM_DIR")])
def test_reproducible(what, first, setting):
    """Built elsewhere, by somebody else, at another time of day and under
    another umask: the same bytes, of sources too. Of a source RPM only its
    tarball: rpm writes down who made it, and where."""
    expected = sums(first())
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o777)
        source = f"{scratch}/source"
        place.run("sh", "-euc", 'cd "$1"; mkdir "$2"; tar -c --exclude-vcs '
                  '--exclude=./build . | tar -x --no-same-permissions -C "$2"; '
                  'chown -R nobody "$2"; chmod -R g-w,o-rwx "$2"', "sh",
                  place.TOP, source)
        place.run("setpriv", "--reuid=nobody", "--clear-groups", "sh", "-c",
                  'umask 077; exec "$@"', "sh", "make", "-s", "-C", source, what,
                  f"{setting}={scratch}/elsewhere", *debs.WITHOUT_TESTS,
                  env=place.environment() | debs.QUICK
                  | {"TZ": "Pacific/Kiritimati", "HOME": scratch})
        found = sums(place.pathlib.Path(scratch) / "elsewhere")
    assert found == expected
    print(f"{len(found)} files, twice the same: {' '.join(sorted(found))}")


def test_dist():
    """The tree of the commit and nothing of this folder's."""
    place.make("dist")
    (found,) = place.BUILD.glob("cocosecret-*.tar.gz")
    with gzip.open(found) as file:
        made = file.read()
    found.unlink()
    assert made == subprocess.run(
        ["git", "archive", f"--prefix={found.name.removesuffix('.tar.gz')}/",
         "HEAD"], cwd=place.TOP, check=True, capture_output=True).stdout


@pytest.mark.parametrize("file", [*PROGRAMS,
                                  "usr/lib/cocosecret/cocosecret-agent",
                                  "usr/lib/cocosecret/cocosecret-agent-tls",
                                  "usr/lib/cocosecret/cocosecret-generator",
                                  "usr/lib/cocosecret/cocosecret-image",
                                  "usr/lib/cocosecret/cocosecret-init"])
def test_hardened(file):
    """Position-independent, bound at start, no writable code, checked."""
    with place.scratch() as folder:
        packages.unpack(debs.deb("cocosecret"), folder)
        elf = run("readelf", "-hldW", "--dyn-syms", f"{folder}/{file}")
    assert re.search(r"Type: +DYN", elf)
    assert re.search(r"FLAGS_1.* NOW PIE", elf)
    assert "GNU_RELRO" in elf
    assert re.search(r"GNU_STACK .* RW ", elf)
    assert not re.search(r"LOAD .* RWE ", elf)
    assert "__stack_chk_fail" in elf
    assert re.search(r"__[a-z]+_chk@", elf)


# Of what an initramfs may be asked for (tests/vm/test_packages.py: 175 KiB),
# the programs' share: module, units and scripts have the rest.
SMALL = 155_000


def test_small():
    """What goes into an initramfs."""
    with place.scratch() as folder:
        packages.unpack(debs.deb("cocosecret"), folder)
        sizes = {path.name: path.stat().st_size
                 for name in ("cocosecret-unlock", "cocosecret-generator")
                 for path in place.pathlib.Path(folder).rglob(name)
                 if not path.is_symlink()}
    print(sizes)
    assert len(sizes) == 2 and sum(sizes.values()) < SMALL


def test_one_version():
    """One file says it, the programs and packages have it from there, and the
    newest release of CHANGELOG.md is that."""
    word = re.compile(rf"(?<![\w.]){re.escape(debs.VERSION)}(?![\w.])")
    saying = {str(path.relative_to(place.TOP)) for path in debs.files()
              if word.search(path.read_text(errors="replace"))}
    assert saying == {"debian/changelog", "CHANGELOG.md"}
    said = run(place.BUILD / "cocosecret", "--version").split()
    assert said[1] == debs.VERSION


CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_changelog():
    """In the form of keepachangelog.com 1.1.0: releases, newest first, with their
    dates; in each the kinds of change, each once and in that order."""
    text = (place.TOP / "CHANGELOG.md").read_text()
    _, *releases = re.split("^## ", text, flags=re.M)
    heads = [release.splitlines()[0] for release in releases]
    assert heads[0] == "[Unreleased]"
    for head in heads[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head)
    assert heads[1].startswith(f"[{debs.VERSION}] ")
    for release in releases:
        kinds = re.findall("^### (.*)", release, re.M)
        assert kinds == [kind for kind in CHANGES if kind in kinds]
        for part in re.split("^### .*\n", release, flags=re.M)[1:]:
            assert re.match(r"\n- ", part)


@pytest.mark.parametrize("name", RPMS)
def test_rpm_files(name):
    """As test_deb_files."""
    (rpm,) = debs.rpms().glob(f"RPMS/*/{name}-{debs.VERSION}-*.rpm")
    files = []
    for line in run("rpm", "-qp", "--qf", "[%{FILEMODES:perms} "
                    "%{FILEUSERNAME} %{FILENAMES}\\n]", rpm).splitlines():
        mode, owner, path = line.split(maxsplit=2)
        assert owner == "root", line
        assert mode[0] == "l" or mode[5] == mode[8] == "-", line
        if mode[0] != "d":
            files.append(path.removeprefix("/"))
    assert_files(name, files, RPMS[name])
    print(f"{rpm.name}: {len(files)} files, {rpm.stat().st_size} bytes")


def test_rpmlint():
    """Nothing but what rpm/rpmlint.toml gives a reason for."""
    said = debs.make("lint-rpm", f"RPM_DIR={debs.rpms()}")
    assert "6 packages and 1 specfiles checked; 0 errors, 0 warnings" in said


def test_signed_module(tmp_path):
    """README's commands sign the module with a key of the owner's."""
    kernel = packages.Kernel()
    place.make("module", f"KVER={kernel.version}")
    module = tmp_path / "efi_secret.ko"
    module.write_bytes((place.BUILD / "module" / kernel.version
                        / "efi_secret.ko").read_bytes())
    commands = documents.shown("openssl req -new ").splitlines()
    assert commands.pop(1).startswith("mokutil --import mok.der")
    script = "\n".join(commands).replace("VERSION", kernel.version)
    run("sh", "-euc", script, cwd=tmp_path, stderr=subprocess.DEVNULL)
    fields = run("modinfo", module)
    assert re.search(r"^signer: +efi_secret signing key$", fields, re.M)
    assert re.search(r"^sig_hashalgo: +sha256$", fields, re.M)
    print(*re.findall(r"^(?:signer|sig_id|sig_hashalgo): .*", fields, re.M),
          sep="\n")
