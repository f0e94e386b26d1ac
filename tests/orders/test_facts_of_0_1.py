"""Facts that version 0.1 stored, without the members that came with 0.2: read back, they are the same messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.topics import class_of, topic_of

from service.store.memory import MemoryStore
from tests.orders.conftest import engine_on
from tests.orders.published import notices
from tests.orders.stories import record

RELEASED = Path(__file__).parents[2] / "contracts" / "released"
SCHEMAS = json.loads((RELEASED / "0.1.0.json").read_text())
MESSAGES = [
    (type_, name, message)
    for type_, named in json.loads((RELEASED / "examples" / "0.1.0.json").read_text()).items()
    for name, message in named.items()
    if SCHEMAS[type_]["x-direction"] == "in" and not name.endswith(".record")
]


def known_to(schema: Any, value: Any, definitions: Any) -> Any:
    """The part of a value that a reader of the schema keeps, with the defaults of missing members."""
    for branch in schema.get("anyOf", []):
        if branch != {"type": "null"}:
            schema = branch
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, list):
        return [known_to(schema["items"], item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, member in schema["properties"].items():
        given = value.get(name)
        kept[name] = member.get("default") if given is None else known_to(member, given, definitions)
    return kept


@pytest.mark.parametrize(("type_", "name", "message"), MESSAGES, ids=[f"{row[0]}-{row[1]}" for row in MESSAGES])
async def test_a_message_that_0_1_stored_is_known_when_it_comes_again(type_: str, name: str, message: Any) -> None:
    store = MemoryStore()
    topic = topic_of(class_of(type_)).name
    first = record(json.dumps(message).encode(), key=message["subject"].encode(), topic=topic)
    assert (await engine_on(store).handle([first])).facts == 1, name
    (fact,) = store.facts[message["subject"]]
    schema = SCHEMAS[type_]
    stored = known_to(schema["properties"]["data"], json.loads(fact.data), schema["$defs"])
    store.facts[message["subject"]][0] = fact._replace(data=json.dumps(stored))

    again = await engine_on(store).handle([first])

    assert again.facts == 0
    assert notices(again) == []
