"""Imports only go down. A copy of the tree with a fault in it shows that the check would notice."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs the contracts of `directory`'s own pyproject.toml on `directory`'s own packages."""
    packages = os.pathsep.join([str(directory), str(directory / "contracts")])
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, to be broken."""
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=caches)
    packages = "contracts/purchasing_contracts"
    shutil.copytree(ROOT / packages, tmp_path / packages, ignore=caches)
    return tmp_path


def test_imports_only_go_down() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def rooms_of(tree: ast.Module) -> set[str]:
    """The rooms that a module imports, also where only types need them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported = [node.module] if node.module != "service" else [f"service.{one.name}" for one in node.names]
        else:
            imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in imported if name.startswith("service.")}
    return found


def test_the_page_on_architecture_has_every_arrow_between_rooms(sources: dict[str, ast.Module]) -> None:
    arrows: dict[str, set[str]] = {}
    for name, tree in sources.items():
        if name.startswith("service/") and name.count("/") > 1:
            room = name.split("/")[1]
            arrows.setdefault(room, set()).update(rooms_of(tree) - {room})
    page = (ROOT / "service" / "ARCHITECTURE.md").read_text().partition("This is who imports whom")[2]
    drawn: dict[str, set[str]] = {"cli": arrows.keys() - {"cli"}}
    for rooms, targets in re.findall(r"^([a-z, ]+?)(?: +─▶ |: )(.+)$", page.split("```")[1], re.MULTILINE):
        for room in set(rooms.split(", ")) - {"cli"}:
            drawn[room] = set(targets.split(", ")) - {"no other room"}
    assert drawn == arrows, "write these arrows into service/ARCHITECTURE.md, under the map"


def test_a_new_package_must_choose_its_layer(copy: Path) -> None:
    (copy / "service" / "stray.py").write_text("")
    result = lint(copy)
    assert result.returncode != 0
    assert "stray" in result.stdout


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("service/rules/upwards.py", "service.store"),
        ("service/rules/upwards.py", "service.orders"),
        ("service/store/upwards.py", "service.orders"),
        ("service/orders/upwards.py", "service.inbox"),
        ("service/outbox/upwards.py", "service.worker"),
        ("service/outbox/upwards.py", "service.inbox"),
        ("service/store/upwards.py", "service.kafka"),
        ("service/kafka/upwards.py", "service.store"),
        ("service/observability/upwards.py", "service.operations"),
        ("service/runtime/upwards.py", "service.kafka"),
        ("service/kafka/compat/upwards.py", "service.kafka.topics"),
        ("service/embedded/upwards.py", "purchasing_contracts"),
        ("contracts/purchasing_contracts/upwards.py", "service.runtime.settings"),
    ],
)
def test_an_import_that_goes_up_is_refused(low: str, high: str, copy: Path) -> None:
    (copy / low).write_text(f"import {high}\n")
    result = lint(copy)
    assert result.returncode != 0
    assert Path(low).stem in result.stdout


def test_a_circle_of_modules_in_one_room_is_refused_also_where_only_types_need_it(copy: Path) -> None:
    first, second = copy / "service" / "store" / "circle_a.py", copy / "service" / "store" / "circle_b.py"
    first.write_text("from service.store import circle_b\n")
    second.write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from service.store import circle_a  # noqa: F401\n"
    )
    result = lint(copy)
    assert result.returncode != 0
    assert "circle_a" in result.stdout
