"""Kafka's connection is built once, after aiokafka was patched; only `kafka/compat/` knows its insides."""

import ast
from collections.abc import Iterator
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


DOCUMENTED = {
    "aiokafka",
    "aiokafka.abc",
    "aiokafka.admin",
    "aiokafka.admin.config_resource",
    "aiokafka.coordinator.assignors.sticky.sticky_assignor",
    "aiokafka.errors",
    "aiokafka.partitioner",
    "aiokafka.structs",
    "faststream",
    "faststream.kafka",
    "faststream.kafka.prometheus",
    "faststream.message",
    "faststream.security",
}
KNOWN = {"_replace", "_asdict", "_make", "_exit", "_PARTITION_EOF", "_ALL_BROKERS_DOWN"}
"""Documented in spite of their underscore: of named tuples, of `os`, of confluent-kafka's errors."""


def test_only_compat_depends_on_the_insides_of_the_clients(sources: dict[str, ast.Module]) -> None:
    ours = {n: tree for n, tree in sources.items() if n.startswith(("service/", "contracts/purchasing_contracts/"))}
    assert "service/kafka/compat/tokens.py" in ours
    inside = {name: found for name, tree in ours.items() if (found := set(insides(tree)))}
    assert {name for name in inside if not name.startswith("service/kafka/compat/")} == set(), inside
    assert len(inside) > 10


def insides(tree: ast.Module) -> Iterator[str]:
    """Modules of aiokafka and FastStream that are not documented, and private members of others' objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if str(node.module).split(".")[0] in ("aiokafka", "faststream") and node.module not in DOCUMENTED:
                yield str(node.module)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not own and node.attr not in KNOWN:
                yield node.attr
