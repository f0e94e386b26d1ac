"""The schemas, examples and the AsyncAPI document as files: in an installed wheel inside the package, in a checkout
beside it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def root() -> Path:
    """Return the directory with `schemas/`, `examples/` and `asyncapi.json`."""
    return _HERE if (_HERE / "schemas").is_dir() else _HERE.parent


def schema_file(type_: str) -> Path:
    """Return the path of a type's JSON Schema."""
    return root() / "schemas" / f"{type_}.schema.json"


def examples(type_: str, kind: str = "valid") -> dict[str, Path]:
    """Return the examples of a type by name, `valid` or `invalid` ones, sorted; empty for an unknown type."""
    return {path.stem: path for path in sorted((root() / "examples" / type_ / kind).glob("*.json"))}


def example(type_: str, name: str = "whole") -> Any:
    """Return a valid example as JSON. Raises `KeyError` for an unknown name."""
    return json.loads(examples(type_)[name].read_text("utf-8"))


def types() -> Iterator[str]:
    """Return all types with a schema, sorted."""
    for path in sorted((root() / "schemas").glob("*.schema.json")):
        yield path.name.removesuffix(".schema.json")
