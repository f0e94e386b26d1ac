"""The AsyncAPI document: taken by AsyncAPI's own parser, true to the registry, and a page that needs nothing else."""

import json
import re
import subprocess
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from purchasing_contracts.generate.asyncapi import asyncapi
from purchasing_contracts.shipped import root, schema_file
from purchasing_contracts.topics import TOPICS, class_of

from tests.toolchains import JAVASCRIPT, node
from tests.waiting import HANG_SECONDS

DOCUMENT = json.loads((root() / "asyncapi.json").read_text())
PAGE = (root() / "asyncapi.html").read_text()
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SHARED = [topic for topic in TOPICS if topic.messages]


@cache
def parsed() -> Any:
    """Findings of AsyncAPI's parser; None without Node, with a warning."""
    program = node()
    if program is None:
        return None
    done = subprocess.run(
        [program, JAVASCRIPT / "asyncapi.mjs", root() / "asyncapi.json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_SECONDS,
    )
    return json.loads(done.stdout)


def test_asyncapis_own_parser_takes_the_document_without_errors_and_warnings() -> None:
    said = parsed()
    if said is None:
        return

    # 0 is an error, 1 a warning; what is left is the hint that 3.1 exists, which many tools can't read.
    assert [one for one in said["diagnostics"] if one["severity"] <= 1] == []
    assert [one["code"] for one in said["diagnostics"]] == ["asyncapi-latest-version"]
    assert said["document"]["version"] == "3.0.0"


def test_asyncapis_own_parser_finds_every_topic_with_its_messages_and_its_direction() -> None:
    said = parsed()
    if said is None:
        return

    found = said["document"]["channels"]
    assert {name: set(channel["messages"]) for name, channel in found.items()} == {
        topic.name: {
            f"{message.TYPE}{mode}"
            for message in topic.messages
            for mode in (("", ".binary") if topic.direction == "in" else ("",))
        }
        for topic in SHARED
    }
    assert {name: channel["actions"] for name, channel in found.items()} == {
        topic.name: ["receive" if topic.direction == "in" else "send"] for topic in SHARED
    }
    assert len(said["document"]["examples"]) == sum(len(message["examples"]) for message in MESSAGES.values())


def test_a_document_with_a_fault_is_not_taken_by_the_parser() -> None:
    program = node()
    if program is None:
        return
    broken = json.dumps(
        {**DOCUMENT, "operations": {"x": {"action": "recieve", "channel": {"$ref": "#/channels/none"}}}}
    )

    done = subprocess.run(
        [program, JAVASCRIPT / "asyncapi.mjs", "/dev/stdin"],
        input=broken,
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_SECONDS,
    )

    assert any(one["severity"] == 0 for one in json.loads(done.stdout)["diagnostics"])


@pytest.mark.parametrize("topic", SHARED, ids=lambda topic: topic.name)
def test_a_channel_has_its_topics_settings_and_promises(topic: Any) -> None:
    channel = DOCUMENT["channels"][topic.name]
    kafka = channel["bindings"]["kafka"]

    assert channel["address"] == kafka["topic"] == topic.name
    assert kafka["partitions"] == topic.partitions
    assert {name: str(value) for name, value in kafka["topicConfiguration"].items() if name != "cleanup.policy"} == {
        name: value for name, value in topic.settings.items() if name != "cleanup.policy"
    }
    assert channel["x-partitioner"] == "murmur2_random"
    for promise in ("key", "ordering", "delivery", "retention"):
        assert channel[f"x-{promise}"] in channel["description"]
    assert "30 days" in channel["x-retention"]


def with_components(schema: Any) -> Any:
    return {"allOf": [schema], "components": {"schemas": DOCUMENT["components"]["schemas"]}}


EXAMPLES = [(name, example) for name, message in MESSAGES.items() for example in message["examples"]]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{one['name']}" for name, one in EXAMPLES])
def test_an_example_fits_the_payload_and_the_headers_of_its_message(name: str, example: Any) -> None:
    message = MESSAGES[name]

    Draft7Validator(with_components(message["payload"])).validate(example["payload"])
    Draft7Validator(message["headers"]).validate(example["headers"])
    assert set(example["headers"]) <= set(message["headers"]["properties"])


@pytest.mark.parametrize("type_", [name for name in MESSAGES if not name.endswith(".binary")])
def test_a_payload_refuses_what_the_messages_own_schema_refuses(type_: str) -> None:
    ours = Draft202012Validator(json.loads(schema_file(type_).read_text()))
    theirs = Draft7Validator(with_components(MESSAGES[type_]["payload"]))
    whole = MESSAGES[type_]["examples"][1]["payload"]
    spoilt = [{**whole, "data": {**whole["data"], name: [None]}} for name in whole["data"]]
    spoilt += [{**whole, name: 17} for name in whole]

    for event in spoilt:
        assert theirs.is_valid(event) is ours.is_valid(event)
    assert not any(theirs.is_valid(event) for event in spoilt if event["data"] != whole["data"])


def test_private_members_are_marked_here_too() -> None:
    placed = DOCUMENT["components"]["schemas"]["OrderPlaced"]["properties"]

    assert {name for name, member in placed.items() if member.get("x-private")} == {"domestic_address", "contact"}


class Seen(HTMLParser):
    """The links of a page, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = dict(attrs)
        self.links += [str(members[name]) for name in ("href", "src") if name in members]
        self.ids += [str(members["id"])] if "id" in members else []
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_message_and_needs_nothing_but_itself() -> None:
    seen = Seen()
    seen.feed(PAGE)

    assert seen.open == []
    assert all(link.startswith("#") and link[1:] in seen.ids for link in seen.links)
    assert {name for name in MESSAGES if not name.endswith(".binary")} <= set(seen.ids)
    assert set(DOCUMENT["channels"]) <= set(seen.ids)
    assert not re.search(r"<script|@import|url\(", PAGE)


def test_the_page_names_every_member_of_every_message() -> None:
    for name in (name for name in MESSAGES if not name.endswith(".binary")):
        cls = class_of(name)
        assert cls is not None
        section = PAGE.partition(f'<h3 id="{name}">')[2].partition("<h3")[0]
        members = DOCUMENT["components"]["schemas"][cls.__name__]["properties"]
        assert [member for member in members if f"<td><code>{member}</code></td>" not in section] == []


def test_the_document_is_of_the_version_of_the_package() -> None:
    assert asyncapi()["info"]["version"] == DOCUMENT["info"]["version"]
