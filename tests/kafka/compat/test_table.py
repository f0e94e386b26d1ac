"""The table of `service.kafka.compat` names all that the package depends on, and aiokafka has all of it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import aiokafka
import pytest

from service.kafka import compat
from tests.conftest import PATCHES
from tests.patches import ABSENT

TESTS = Path(__file__).parents[2]
PACKAGE = Path(compat.__file__).parent
AIOKAFKA = Path(aiokafka.__file__).parent
DOCUMENTED = {"aiokafka", "aiokafka.abc", "aiokafka.admin", "aiokafka.errors"}
ADDED = {"_session_seconds", "_holds_back", "_renewal"}
"""Members that `reauthentication` adds to a connection."""
BROKERS = {"kafka", "fresh_kafka", "strict_broker", "broker", "admin", "log"}
"""Fixtures that are a real broker, or are connected to one."""


class Row(NamedTuple):
    members: list[str]
    module: str
    upstream: str
    guards: list[str]


def _rows() -> list[Row]:
    lines = [line for line in (compat.__doc__ or "").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    assert {len(each) for each in cells} == {6}
    return [
        Row(list(_members(each[0])), each[1].strip("`"), each[3], re.findall(r"`(\w+)`", each[4])) for each in cells
    ]


def _members(cell: str) -> Iterator[str]:
    owner = ""
    for name in re.findall(r"`([\w.]+)`", cell):
        owner = owner if name.startswith(".") else name.rpartition(".")[0]
        yield f"{owner}{name}" if name.startswith(".") else name


ROWS = _rows()
MODULES = sorted(path.stem for path in PACKAGE.glob("[!_]*.py"))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _classes() -> dict[str, ast.ClassDef]:
    trees = [_parsed(path) for path in AIOKAFKA.rglob("*.py")]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def _defines(body: ast.AST) -> set[str]:
    """Names that a class or module defines, a class also on its instances."""
    found = set()
    for node in ast.walk(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


def _exists(member: str) -> bool:
    owner, _, name = member.rpartition(".")
    if owner in _classes():
        return name in _defines(_classes()[owner])
    modules = [
        path for path in AIOKAFKA.rglob("*.py") if path.with_suffix("").as_posix().endswith(owner.replace(".", "/"))
    ]
    return any(name in _defines(_parsed(path)) for path in modules)


@pytest.mark.parametrize("member", sorted({member for row in ROWS for member in row.members}))
def test_the_installed_aiokafka_has_the_member(member: str) -> None:
    assert _exists(member)


def test_a_member_that_is_gone_is_noticed() -> None:
    assert not _exists("AIOKafkaProducer._gone")
    assert not _exists("conn.gone")


def test_each_patch_is_in_the_table() -> None:
    listed = {member for row in ROWS for member in row.members}
    assert {patch.member for patch in PATCHES if patch.own is not ABSENT} - listed == set()
    assert {patch.name for patch in PATCHES if patch.own is ABSENT} <= ADDED


def test_each_module_has_a_line_and_no_line_is_of_a_module_that_is_gone() -> None:
    assert sorted({row.module for row in ROWS}) == MODULES


def _foreign(module: str) -> set[str]:
    """Members with an underscore that a module uses and its classes and functions do not define."""
    tree = _parsed(PACKAGE / f"{module}.py")
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr)}
    ours = set()
    for node in tree.body:
        ours |= _defines(node) if isinstance(node, ast.ClassDef) else set()
        ours |= {node.name} if isinstance(node, ast.FunctionDef) else set()
    return used - ours - ADDED


def _listed(module: str) -> set[str]:
    return {member for row in ROWS if row.module == module for member in row.members}


@pytest.mark.parametrize("module", MODULES)
def test_all_that_a_module_uses_is_in_its_lines(module: str) -> None:
    listed = {member.rpartition(".")[2] for member in _listed(module)}
    listed |= {part for member in _listed(module) for part in member.split(".")}
    imported = {
        name.name
        for node in ast.walk(_parsed(PACKAGE / f"{module}.py"))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("aiokafka", "faststream")
        if node.module not in DOCUMENTED
        for name in node.names
    }
    assert _foreign(module) - listed == set()
    assert imported - listed == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.members[0])
def test_a_guard_of_each_line_uses_a_real_broker(row: Row) -> None:
    fixtures = set()
    for guard in row.guards:
        [path] = TESTS.rglob(f"{guard}.py")
        fixtures |= {argument.arg for node in ast.walk(_parsed(path)) for argument in _arguments(node)}
    assert fixtures & BROKERS


def _arguments(node: ast.AST) -> list[ast.arg]:
    is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    return node.args.args if is_test else []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.members[0])
def test_a_report_that_a_line_names_is_there(row: Row) -> None:
    for name in re.findall(r"reports/\w+\.md", row.upstream):
        assert (PACKAGE / name).is_file()
