"""The generated files: path from `contracts/`, and text."""

import json
from functools import cache
from typing import Any

from purchasing_contracts.generate.asyncapi import asyncapi
from purchasing_contracts.generate.invalid import invalid_examples
from purchasing_contracts.generate.page import page
from purchasing_contracts.generate.valid import valid_examples
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS


@cache
def _files() -> dict[str, str]:
    """Cached, because it takes a second and never changes."""
    made: dict[str, str] = {}
    for message in (message for topic in TOPICS for message in topic.messages):
        type_ = message.TYPE
        made[f"schemas/{type_}.schema.json"] = _pretty(schema_of(message))
        for kind, examples in (("valid", valid_examples(type_)), ("invalid", invalid_examples(type_))):
            for name, example in examples.items():
                made[f"examples/{type_}/{kind}/{name}.json"] = _pretty(example)
    document = asyncapi()
    return made | {"asyncapi.json": _pretty(document), "asyncapi.html": page(document)}


def files() -> dict[str, str]:
    """Return all files except those of releases."""
    return dict(_files())


def release(version: str) -> dict[str, str]:
    """The schemas and the valid examples as those of a release, each in one file by type: what later ones are held
    against.
    """
    messages = [message for topic in TOPICS for message in topic.messages]
    return {
        f"released/{version}.json": _by_type({message.TYPE: schema_of(message) for message in messages}),
        f"released/examples/{version}.json": _by_type({one.TYPE: valid_examples(one.TYPE) for one in messages}),
    }


def _by_type(values: dict[str, Any]) -> str:
    """Return a JSON object with one member per line, so that differences between releases show."""
    lines = [f"{json.dumps(type_)}: {json.dumps(value, ensure_ascii=False)}" for type_, value in values.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
