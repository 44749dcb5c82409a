# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges of evidence whom we did not write: Google's verifiers, which Debian 13 has,
and the crate by which Trustee reads a report, which unstable has. Each is a program
of a few lines in tests/tsm/judges, built and run in a system of its release."""

import functools
import json
import os

from . import chroot, evidence, place

SOURCES = place.TOP / "tests/tsm/judges"
LIBRARIES = "usr/share/gocode/src/github.com/google"
GO = ("golang-go", "golang-github-google-go-sev-guest-dev",
      "golang-github-google-go-tdx-guest-dev")
RUST = ("cargo", "librust-sev-dev", "librust-serde-json-dev")
# Debian's libraries only, nothing from elsewhere.
BUILD_GO = """\
cd /judge
export GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS=-trimpath GOCACHE=/tmp/go
for name in snp tdx; do
    go build -o $name ./$name.go
done
"""
BUILD_RUST = """\
cd /judge
mkdir -p .cargo
cat >.cargo/config.toml <<END
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "/usr/share/cargo/registry"
END
HOME=/tmp cargo build --offline
mv target/debug/judge json
rm -r target
"""


class Refused(Exception):
    """What a judge said against evidence."""


def built(suite, name, packages, files, script):
    """The layers of a system with a judge in /judge; files: {path: content}."""
    layers = chroot.equipped(suite, name, *packages)

    def build(path):
        with chroot.above(*layers) as system:
            for file, content in files.items():
                system.put(file, content)
            system.run(script)
            system.changes.rename(path)

    key = place.digest(layers[0].name, script, repr(files))
    return [place.artefact(f"judge-{name}", key, build), *layers]


def sources(*names):
    """A judge's, {path: content}."""
    return {f"judge/{name}": (SOURCES / name).read_text() for name in names}


@functools.cache
def go():
    """Google's verifiers. Debian's packages lack the vendors' roots, which are
    compiled in; ours stand in, and are named once more where a judge is called."""
    amd, intel = roots("ask", "ark").decode(), roots("root").decode()
    embedded = {f"{LIBRARIES}/go-sev-guest/verify/trust/ask_ark_{line}.pem": amd
                for line in ("milan", "milan_vlek", "genoa", "genoa_vlek",
                             "turin_vcek", "turin_vlek")}
    embedded[f"{LIBRARIES}/go-tdx-guest/verify/trusted_root.pem"] = intel
    return built("trixie", "go", GO, sources("snp.go", "tdx.go") | embedded,
                 BUILD_GO)


@functools.cache
def rust():
    """The crate sev."""
    return built("sid", "sev", RUST, sources("Cargo.toml", "src/main.rs"),
                 BUILD_RUST)


def judge(layers, command, files):
    """What a judge says of files, {name: bytes}; Refused, if it is against them."""
    with chroot.above(*layers) as system:
        folder = system.changes / "evidence"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        said = system.run(f"cd /evidence; {command} 2>&1 || echo refused: $?",
                          60)
    if "refused: " in said:
        raise Refused(said)
    return said


def roots(*names):
    """Certificates of our vendors, which a judge is to trust."""
    return b"".join((evidence.vendors() / f"{name}.pem").read_bytes()
                    for name in names)


def judge_snp(report, table):
    """A report's signature, its chip's certificate in the auxblob's table, and that
    one's chain up to our vendor's."""
    return judge(go(), "/judge/snp report table chain",
                 {"report": report, "table": table,
                  "chain": roots("ask", "ark")})


def judge_tdx(quote):
    """A quote's signature and its chain up to our vendor's."""
    return judge(go(), "/judge/tdx quote root",
                 {"quote": quote, "root": roots("root")})


def judge_json(text, report):
    """A broker's evidence of a report says no more and no less than its bytes."""
    if not isinstance(text, (bytes, str)):
        text = json.dumps(text)
    return judge(rust(), "/judge/json evidence >again && cmp report again",
                 {"evidence": os.fsencode(text), "report": report})
