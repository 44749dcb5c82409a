# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples for image builders that cannot be had here: what of them runs
without the builder. Those that can be had: tests/vm/test_pipelines.py.
"""

import json
import os
import subprocess

import jsonschema
import pytest

from attacks import catalogue, disks
from attacks.catalogue import COCOSECRET, PATH, TOP, call
from harness import documents, known

OSBUILD = TOP / "examples/osbuild"
STAGE = "org.cocosecret.enroll"
# osbuild hands a stage its arguments through a module of its own.
API = """\
import json
import sys

def arguments():
    return json.load(sys.stdin)
"""
# What osbuild's own schema of a manifest says of a stage and its parts.
FORM = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["type"],
        "properties": {
            "type": {"type": "string"},
            "options": {"type": "object"},
            "mounts": {"type": "array"},
            "devices": {"additionalProperties": {
                "additionalProperties": False,
                "required": ["type"],
                "properties": {"type": {"type": "string"},
                               "parent": {"type": "string"},
                               "options": {"type": "object"}}}},
            "inputs": {"additionalProperties": {
                "additionalProperties": False,
                "required": ["type", "origin", "references"],
                "properties": {
                    "type": {"type": "string"},
                    "origin": {"enum": ["org.osbuild.source",
                                        "org.osbuild.pipeline"]},
                    "references": {"type": ["array", "object"]},
                    "options": {"type": "object"}}}},
        },
    },
}


@pytest.fixture(name="stage")
def stage_schema():
    """Of our stage."""
    text = (OSBUILD / f"{STAGE}.meta.json").read_text()
    return json.loads(text)["schema_2"]


def test_manifest(stage):
    """The stages are some, and ours is what its schema says."""
    stages = json.loads((OSBUILD / "stages.json").read_text())
    jsonschema.validate(stages, FORM)
    (ours,) = [item for item in stages if item["type"] == STAGE]
    for part, schema in stage.items():
        jsonschema.Draft4Validator.check_schema(schema)
        jsonschema.validate(ours[part], schema)
    del ours["options"]["passphrase"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(ours["options"], stage["options"])


def run_stage(folder, volume, **options):
    """The stage, as osbuild would run it."""
    (folder / "osbuild").mkdir(exist_ok=True)
    (folder / "osbuild/api.py").write_text(API)
    given = {"devices": {"device": {"path": str(volume.path)}},
             "inputs": {"key": {
                 "path": str(volume.key.parent),
                 "data": {"files": {volume.key.name: {}}}}},
             "options": {"passphrase": "osbuild"} | options}
    return subprocess.run(
        [OSBUILD / STAGE], input=json.dumps(given), text=True, timeout=60,
        capture_output=True, check=False,
        env=os.environ | {"PATH": PATH, "PYTHONPATH": str(folder)})


@pytest.mark.parametrize("keep", [False, True])
def test_stage(tmp_path, stage, keep):
    """It enrols and verifies; the manifest's passphrase opens nothing any
    more, unless it is kept."""
    volume = catalogue.keys(tmp_path / "disk")
    volume.owner.write_text("osbuild")
    catalogue.luks_format(volume)
    options = {"name": "root", "keep_passphrase": keep,
               "secret": known.OTHER}
    jsonschema.validate({"passphrase": "x"} | options, stage["options"])
    done = run_stage(tmp_path, volume, **options)
    assert done.returncode == 0, done.stderr
    done = call(COCOSECRET, "verify", volume.path, "--key-file", volume.key,
                "--secret", known.OTHER, "--name", "root")
    assert done.returncode == 0, done.stderr
    opens = call("cryptsetup", "open", "--test-passphrase", "--key-file",
                 volume.owner, volume.path).returncode == 0
    assert opens == keep
    done = run_stage(tmp_path, volume, passphrase="wrong")
    assert done.returncode != 0


@pytest.mark.parametrize("builder", ["kiwi", "osbuild"])
def test_last_step(tmp_path, builder):
    """The commands for the image that a builder made, on one of its kind."""
    (script,) = [block for block in documents.blocks(
        (TOP / "examples" / builder / "README.md").read_text())
        if block.startswith("cocosecret keygen")]
    volume = catalogue.luks_format(catalogue.keys(tmp_path / "volume"))
    volume.owner.rename(tmp_path / "owner.key")
    disks.image(tmp_path, {disks.FIRST: volume}).rename(
        tmp_path / {"kiwi": "guest.raw", "osbuild": "disk.img"}[builder])
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True,
                   timeout=60, env=os.environ | {"PATH": PATH})
