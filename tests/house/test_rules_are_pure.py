"""`service.rules` does no IO, reads no clock, draws no random number, and counts in whole units.

Its modules, and what they import of this repository, may import only what is listed here, and may not use a name
that reaches the world without an import.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"service": ROOT, "purchasing_contracts": ROOT / "contracts"}

# Of the standard library, what computes and nothing else. `datetime` is here for its types; its clocks are below.
# `importlib` and `pkgutil` find the clauses' modules, once, when the package is imported.
# `pathlib` is here for its pure paths.
PURE = {
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "importlib", "itertools", "json", "math", "numbers", "operator", "pkgutil", "re",
    "pathlib", "string", "types", "typing", "uuid",
}  # fmt: skip
OF_CONTRACTS = PURE | {"pydantic", "pydantic_core", "base64", "binascii"}

NAMES = {"Path", "open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "globals"}
CLOCKS = {"now", "today", "utcnow", "time", "time_ns", "monotonic", "perf_counter"}
RANDOM = {"uuid1", "uuid4", "getnode"}


def path_of(module: str) -> Path | None:
    """The source of a module of this repository; None for others and for names that are no module."""
    top = module.partition(".")[0]
    if top not in PACKAGES:
        return None
    base = PACKAGES[top].joinpath(*module.split("."))
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.exists()), None)


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of the modules (and, where one is imported from a module, of its members)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def closure() -> dict[str, Path]:
    """The modules of the rules and all modules of this repository that they import, directly or not."""
    found: dict[str, Path] = {}
    waiting = [
        "service.rules",
        *(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "service/rules").rglob("*.py")),
    ]
    while waiting:
        module = waiting.pop()
        path = path_of(module)
        if path is not None and module not in found:
            found[module] = path
            waiting.extend(imported(ast.parse(path.read_text("utf-8"))))
    return found


def impurities(module: str, tree: ast.Module) -> Iterator[str]:
    """The lines of a module that a pure module must not have."""
    allowed = PURE if module.startswith("service.") else OF_CONTRACTS
    for name in imported(tree):
        top = name.partition(".")[0]
        if top not in allowed and top not in PACKAGES:
            yield f"{module} imports {name}"
        if top == "service" and not name.startswith("service.rules"):
            yield f"{module} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in NAMES:
            yield f"{module}:{node.lineno} uses {node.id}"
        if isinstance(node, ast.Attribute) and node.attr in RANDOM:
            yield f"{module}:{node.lineno} draws a random number by {node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f"{module}:{node.lineno} reads a clock by {node.func.attr}()"


def floats(tree: ast.Module) -> Iterator[int]:
    """Lines where a number that isn't whole, or can't be counted on to be, comes in."""
    for node in ast.walk(tree):
        constant = isinstance(node, ast.Constant) and isinstance(node.value, float)
        division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        conversion = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        if constant or division or conversion:
            yield node.lineno


def test_the_rules_and_all_they_import_are_pure() -> None:
    modules = closure()
    assert "service.rules.decide" in modules
    assert any(module.startswith("purchasing_contracts.") for module in modules)
    found = [
        impurity
        for module, path in sorted(modules.items())
        for impurity in impurities(module, ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


def test_the_rules_count_in_whole_units() -> None:
    found = [
        f"{path.name}:{line}"
        for path in sorted((ROOT / "service/rules").rglob("*.py"))
        for line in floats(ast.parse(path.read_text("utf-8")))
    ]
    assert found == [], "no floats, and every division names its rounding"


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import random",
        "from asyncio import sleep",
        "import asyncpg",
        "from service.store import protocol",
        "from datetime import datetime\nat = datetime.now()",
        "import datetime\nday = datetime.date.today()",
        "from uuid import UUID\nimport uuid\nid = uuid.uuid4()",
        "text = open('a file').read()",
        "print('a line')",
    ],
)
def test_an_impure_line_is_recognised(code: str) -> None:
    assert list(impurities("service.rules.example", ast.parse(code)))


@pytest.mark.parametrize("code", ["fee = 0.1", "half = whole / 2", "share = float(part)"])
def test_a_float_is_recognised(code: str) -> None:
    assert list(floats(ast.parse(code)))
