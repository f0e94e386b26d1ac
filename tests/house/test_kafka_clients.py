"""Whoever builds Kafka's connection does so once, after aiokafka was patched: no client connects over another way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTS = [*sorted((ROOT / "service" / "cli").glob("*.py")), ROOT / "service" / "worker" / "bootstrap.py"]
CONNECT = [one for one in STARTS if "connection_of(" in one.read_text("utf-8")]


def test_commands_that_connect_are_found() -> None:
    assert {"bootstrap", "lag", "lanes", "outbox", "topics"} <= {one.stem for one in CONNECT}


@pytest.mark.parametrize("module", CONNECT, ids=lambda path: path.stem)
def test_connection_is_built_once_after_aiokafka_was_patched(module: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.Call)]
    built = [node.lineno for node in calls if ast.unparse(node.func) == "connection_of"]
    patched = [node.lineno for node in calls if ast.unparse(node.func) == "compat.install"]
    assert len(built) == 1, f"{module.name} builds the connection at lines {built}: build it once and hand it on"
    assert patched, f"{module.name} connects over clients that were not patched: call compat.install() before"
