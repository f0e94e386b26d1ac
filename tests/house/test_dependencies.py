"""What is installed is what was locked: every dependency is in the lock file, pinned, with hashes, from a registry."""

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
OURS = {"purchasing-service": ROOT / "pyproject.toml", "purchasing-contracts": ROOT / "contracts" / "pyproject.toml"}


def locked(name: str) -> dict[str, Any]:
    (found,) = [one for one in LOCK["package"] if one["name"] == name]
    return found


def test_every_dependency_is_a_version_of_a_registry_with_hashes() -> None:
    loose = []
    for one in LOCK["package"]:
        if one["name"] in OURS:
            continue
        files = [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
        hashed = files and all(file["hash"].startswith("sha256:") for file in files)
        if not (hashed and "version" in one and list(one["source"]) == ["registry"]):
            loose.append(one["name"])
    assert loose == []
    assert len(LOCK["package"]) > len(OURS)


@pytest.mark.parametrize("name", OURS)
def test_the_lock_file_was_made_of_what_pyproject_asks_for(name: str) -> None:
    project = tomllib.loads(OURS[name].read_text())
    asked = list(project["project"].get("dependencies", []))
    for texts in project["project"].get("optional-dependencies", {}).values():
        asked += texts
    metadata = locked(name).get("metadata", {})
    assert words(metadata.get("requires-dist", [])) == sorted(map(normal, asked))
    for group, texts in project.get("dependency-groups", {}).items():
        assert words(metadata["requires-dev"][group]) == sorted(map(normal, texts))


def normal(text: str) -> str:
    """`name[extras]>=1,<2` with the conditions sorted."""
    head = next((n for n, sign in enumerate(text) if sign in "<>=!~"), len(text))
    name, conditions = text[:head], sorted(filter(None, text[head:].replace(" ", "").split(",")))
    bare, _, extras = name.partition("[")
    return bare + f"[{','.join(sorted(extras.rstrip(']').split(',')))}]" * bool(extras) + ",".join(conditions)


def words(required: list[dict[str, Any]]) -> list[str]:
    return sorted(
        normal(
            one["name"] + f"[{','.join(one.get('extras', []))}]" * bool(one.get("extras")) + one.get("specifier", "")
        )
        for one in required
    )


UV_SAYS = {
    "nothing found": (0, "Found no known vulnerabilities", 0, "no known vulnerability"),
    "something found": (1, "pydantic 2.0 has 1 known vulnerability", 1, "pydantic 2.0 has 1 known vulnerability"),
    "no network": (2, "error: Request failed after 3 retries\n cause: error sending request for url", 0, "NOT DONE"),
    "another error": (2, "error: Unable to find lockfile", 1, "Unable to find lockfile"),
}


@pytest.mark.parametrize("story", UV_SAYS)
def test_the_audit_fails_for_vulnerabilities_and_reports_when_it_was_impossible(tmp_path: Path, story: str) -> None:
    status, said, expected, shown = UV_SAYS[story]
    (tmp_path / "said").write_text(said)
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\n[ "$1" = audit ] || exit 0\ncat {tmp_path}/said\nexit {status}\n')
    uv.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / ".ci" / "audit"], env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == expected
    assert shown in done.stdout + done.stderr
