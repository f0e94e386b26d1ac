"""The tables that say which test shows what: they name every page, and only tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from service.console.routes import ROUTES

ROOT = Path(__file__).parents[2]
GUIDE, README = ROOT / "service/docs/console.md", ROOT / "tests/console/README.md"
ACCIDENTS = 14
TEST = re.compile(r"`((?:tests/)?[\w/]+\.py)::(\w+)`")
OF_THE_SAME_FILE = re.compile(r"`…::(\w+)`")


def in_repository(file: str) -> str:
    return file if file.startswith("tests/") else f"tests/console/{file}"


def named(text: str) -> set[tuple[str, str]]:
    """File and name of each test that a document names."""
    found = {
        (file if file.startswith("tests/") else f"tests/console/{file}", name) for file, name in TEST.findall(text)
    }
    for line in text.splitlines():
        files = TEST.findall(line)
        found |= {(in_repository(files[0][0]), name) for name in OF_THE_SAME_FILE.findall(line)}
    return found


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("document", [GUIDE, README], ids=lambda path: path.name)
def test_every_test_that_a_table_names_is_there(document) -> None:
    tests = named(document.read_text("utf-8"))
    assert len(tests) > 5
    assert {one for one in tests if one[1] not in names_in(one[0])} == set()


def test_every_feature_has_a_test_or_is_marked_as_missing() -> None:
    table = GUIDE.read_text("utf-8").partition("## What it has")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| for")]
    assert len(rows) > 30
    assert [row for row in rows if "not yet" not in row and not TEST.search(row)] == []


def test_every_accident_of_others_has_a_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)
    assert rows == [str(number) for number in range(1, ACCIDENTS + 1)]


def test_every_page_of_the_api_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    assert [route.path for route in ROUTES if route.model is not None and f"`{route.path}`" not in text] == []
