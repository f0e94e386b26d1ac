"""The schemas, examples and the AsyncAPI document as files: in an installed wheel inside the package, in a checkout
beside it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def root() -> Path:
    """The directory that has `schemas/`, `examples/` and `asyncapi.json`."""
    return _HERE if (_HERE / "schemas").is_dir() else _HERE.parent


def schema_file(type_: str) -> Path:
    """Where the JSON Schema of a type is."""
    return root() / "schemas" / f"{type_}.schema.json"


def examples(type_: str, kind: str = "valid") -> dict[str, Path]:
    """The examples of a type by name, `valid` or `invalid` ones, sorted; without any where the type is unknown."""
    return {path.stem: path for path in sorted((root() / "examples" / type_ / kind).glob("*.json"))}


def example(type_: str, name: str = "whole") -> Any:
    """A valid example as JSON. Raises `KeyError` where there is none of that name."""
    return json.loads(examples(type_)[name].read_text("utf-8"))


def types() -> Iterator[str]:
    """All types that have a schema, sorted."""
    for path in sorted((root() / "schemas").glob("*.schema.json")):
        yield path.name.removesuffix(".schema.json")
