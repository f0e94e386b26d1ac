"""CloudEvents' own SDKs write to the service: in binary mode, in structured mode, and with the data in base 64."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.delivery.outside import case_events, order_id, topic_for
from tests.toolchains import JAVASCRIPT, go_sender, java_sender, node
from tests.waiting import HANG_SECONDS

MODES = ("binary", "structured", "base64")
Record = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


@dataclass(frozen=True)
class Sdk:
    """An SDK. `records` makes for each event a record in each of the modes; None, with a warning, without its tools."""

    name: str
    records: Callable[[list[dict[str, Any]]], list[Record] | None]


def by_program(command: list[str] | None, events: list[dict[str, Any]]) -> list[Record] | None:
    if command is None:
        return None
    given = "".join(f"{json.dumps(event)}\n" for event in events)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    made = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        (
            one["key"].encode(),
            one["payload"].encode(),
            [(name, text.encode()) for name, text in zip(one["headers"][::2], one["headers"][1::2], strict=True)],
        )
        for one in made
    ]


def javascript(events: list[dict[str, Any]]) -> list[Record] | None:
    program = node()
    return by_program(None if program is None else [program, str(JAVASCRIPT / "cloudevents.mjs")], events)


def go(events: list[dict[str, Any]]) -> list[Record] | None:
    program = go_sender()
    return by_program(None if program is None else [program], events)


def java(events: list[dict[str, Any]]) -> list[Record] | None:
    return by_program(java_sender(), events)


def python(events: list[dict[str, Any]]) -> list[Record]:
    form = JSONFormat()
    made = []
    for given in events:
        event = form.read(None, json.dumps(given).encode())
        encoded = CloudEvent(event.get_attributes(), json.dumps(given["data"]).encode())
        made += [to_binary(event, form, subject_of), to_structured(event, form, subject_of)]
        made.append(to_structured(encoded, form, subject_of))
    return [plain(message) for message in made]


def subject_of(event: Any) -> str:
    return str(event.get_subject())


def plain(message: KafkaMessage) -> Record:
    assert isinstance(message.key, str)
    return message.key.encode(), message.value, list(message.headers.items())


SDKS = [Sdk(function.__name__, function) for function in (python, javascript, go, java)]


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
async def test_an_sdk_writes_events_in_each_of_its_modes(sdk: Sdk, outside) -> None:
    orders = {mode: order_id() for mode in MODES}
    meant = [(mode, event) for mode, order in orders.items() for event in case_events("11", order)]
    records = await asyncio.to_thread(sdk.records, [event for _, event in meant])
    if records is None:
        return
    assert len(records) == len(MODES) * len(meant)
    for number, (mode, event) in enumerate(meant):
        key, value, headers = records[len(MODES) * number + MODES.index(mode)]
        assert (b"data_base64" in value) is (mode == "base64")
        assert ("ce_id" in dict(headers)) is (mode == "binary")
        await outside.send_raw(topic_for(event), key, value, headers)

    for order in orders.values():
        seen = await outside.until(order, lambda seen: any("refund" in one.topic for one in seen))
        assert [one.event["data"]["line"] for one in seen if "refund" in one.topic] == ["purchase"]
