"""The installed packages are the locked ones: every dependency is in the lock file, pinned, with hashes, from a
registry."""

import shutil
import subprocess
import tomllib
from datetime import UTC, datetime
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


def audited(checkout: Path, status: int, said: str) -> subprocess.CompletedProcess[str]:
    """The audit in another checkout, where uv says something."""
    (checkout / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "audit", checkout / ".ci")
    (checkout / "said").write_text(said)
    uv = checkout / ".ci" / "uv"
    uv.write_text(f"#!/bin/sh\ncat {checkout}/said\nexit {status}\n")
    uv.chmod(0o755)
    command = [checkout / ".ci" / "audit"]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)


@pytest.mark.parametrize("story", UV_SAYS)
def test_the_audit_fails_for_vulnerabilities_and_reports_when_it_was_impossible(tmp_path: Path, story: str) -> None:
    status, said, expected, shown = UV_SAYS[story]
    shutil.copy(ROOT / "uv.lock", tmp_path)
    done = audited(tmp_path, status, said)
    assert done.returncode == expected
    assert shown in done.stdout + done.stderr


def test_an_audit_is_kept_and_named_with_later_changes_where_it_is_impossible(tmp_path: Path) -> None:
    lock = (ROOT / "uv.lock").read_text()
    pydantic = locked("pydantic")["version"]
    (tmp_path / "uv.lock").write_text(
        lock.replace(f'name = "pydantic"\nversion = "{pydantic}"', 'name = "pydantic"\nversion = "9"')
    )
    no_network = UV_SAYS["no network"]
    assert "It was never done" in audited(tmp_path, *no_network[:2]).stderr

    assert audited(tmp_path, *UV_SAYS["nothing found"][:2]).returncode == 0
    (kept, *packages) = (tmp_path / ".ci" / "audited").read_text().splitlines()
    assert kept == f"{datetime.now(UTC):%Y-%m-%d} no known vulnerability"
    assert packages == sorted(
        f"{one['name']} {'9' if one['name'] == 'pydantic' else one['version']}" for one in LOCK["package"]
    )
    assert "the lock file is as then" in audited(tmp_path, *no_network[:2]).stderr

    (tmp_path / "uv.lock").write_text(lock)
    said = audited(tmp_path, *no_network[:2]).stderr
    assert f"Last done on {kept.partition(' ')[0]}: no known vulnerability" in said
    assert f"Nobody has asked about pydantic {pydantic}.\n" in said
