"""The invalid examples: for every kind of refusal a message that gets it, with reason, place and words.

An example holds the `records` in the order in which they come, as `kcat -J` prints them (for the short forms see
`documents.written_out`); the last is the one that is refused.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from purchasing_contracts.checking import FACTS_PER_TYPE_MAX, Checker
from purchasing_contracts.documents import written_out
from purchasing_contracts.generate.samples import EVENTS, PUBLISHED, Json, euro, yuan
from purchasing_contracts.generate.valid import minimal_event, record, valid_examples
from purchasing_contracts.money import MONEY_MAX
from purchasing_contracts.records import from_notation
from purchasing_contracts.topics import TOPICS

SECOND_TIME = "2026-03-02T09:00:01Z"
CENTURIES_AHEAD = "2199-12-31T00:00:00Z"
NOW = datetime(2026, 3, 3, tzinfo=UTC)
"""The clock by which examples are refused. Any would do that is between the two."""

PLACED = "purchasing.order.placed.v1"
MORE = "purchasing.payment.tip_paid.v1"
"""The type that shows on many examples, `{reason}-{in what way}`, how people go wrong with any message."""


def invalid_examples(type_: str) -> dict[str, Json]:
    """The invalid examples of a type by name: the reason; more of them for one type, to learn from, and for members
    that have rules of their own.
    """
    if type_ in PUBLISHED:
        made = dict(_of_publication(type_))
    else:
        made = dict(_of_event(type_)) | dict(_of_members(type_))
        made |= dict(_further(minimal_event(type_))) if type_ == MORE else {}
    return {name: _with_verdict(example) for name, example in made.items()}


def _with_verdict(example: Json) -> Json:
    """The example with what its last record is refused for. Fails where that is taken, or an earlier one isn't."""
    checker = Checker(clock=lambda: NOW)
    *before, last = [checker.check(from_notation(noted)).refusal for noted in written_out(example)]
    assert not any(before), before
    assert last is not None, example
    refused = {"reason": last.reason, "place": last.place, "because": last.because}
    return {"about": example["about"], "refused": refused, **example}


def _one(about: str, value: Any, type_: str, **more: Any) -> Json:
    return {"about": about, "records": [record(type_, value)], **more}


def _of_event(type_: str) -> Iterator[tuple[str, Json]]:
    good = minimal_event(type_)
    text = to_json(good).decode()
    yield "too_large", _one("The record has more than 1,000,000 bytes.", good, type_, append_spaces=1_000_000)
    yield "not_json", _one("The JSON text ends too early.", text[:-1], type_)
    yield "not_cloudevent", _one("The value is the data alone, and no header says binary mode.", good["data"], type_)
    unknown = {**good, "type": type_.replace(".v1", ".v99")}
    yield "unknown_type", _one("There is no version 99 of it.", unknown, type_)
    own = record(type_, "")["topic"]
    elsewhere = next(topic.name for topic in TOPICS if topic.direction == "in" and topic.name != own)
    yield (
        "wrong_topic",
        {"about": "It came on another topic.", "records": [{**record(type_, good), "topic": elsewhere}]},
    )
    about, broken = _violation(good)
    yield "schema", _one(about, broken, type_)
    mixed = _mixed(EVENTS[type_])
    if mixed is not None:
        yield "mixed_currencies", _one("Its money is in two currencies.", {**good, "data": mixed}, type_)
    other = record(type_, good, "ord-1002")
    yield "key_mismatch", {"about": "The key is another order's than the subject.", "records": [other]}
    again = record(type_, {**good, "time": SECOND_TIME})
    about = "The same source and id came before with another time; the first message received counts."
    yield "conflict", {"about": about, "records": [record(type_, good), again]}
    about = "It is dated more than an hour ahead of the service's clock; nothing has happened before its time."
    yield "in_the_future", _one(about, {**good, "time": CENTURIES_AHEAD}, type_)
    about = f"The order has {FACTS_PER_TYPE_MAX} events of this type; no other one is taken."
    numbered = record(type_, {**good, "id": "evt-{n}"})
    yield "too_many_facts", {"about": about, "times": FACTS_PER_TYPE_MAX + 1, "records": [numbered]}


def _violation(good: Json) -> tuple[str, Json]:
    """Return the most common violation: money in yuan, else a missing member, else an event without an order."""
    data = good["data"]
    place = _money_in(data)
    if place is not None:
        broken = {**good, "data": _with(data, [*place, "value"], 1299.5)}
        return "Money is a whole number of minor units, not a fraction of major ones.", broken
    for name in data:
        return f"The required member `{name}` is missing.", {**good, "data": _without(data, name)}
    return "The event doesn't say which order it is about.", _without(good, "subject")


def _of_members(type_: str) -> Iterator[tuple[str, Json]]:
    """Refused values of members with rules of their own: lists of items, plans, grounds, stages."""
    good = minimal_event(type_)
    members = {**EVENTS[type_][0], **EVENTS[type_][1]}

    def refused(about: str, **changed: Any) -> Json:
        return _one(about, {**good, "data": {**good["data"], **changed}}, type_)

    if type_ == PLACED:
        items = [{"quantity": 1}, {"item_id": "1", "quantity": 2}]
        about = "The second item has the id that the first has by its place."
        yield "schema-item-ids-not-distinct", refused(about, items=items)
        parts = [{"part": "balance", "amount": yuan(101_301)}]
        yield "schema-plan-without-deposit", refused("The plan has no deposit.", payment_plan=parts)
        parts = [{"part": "deposit", "amount": euro(4_000)}, {"part": "balance", "amount": euro(9_500)}]
        about = "The plan is in another currency than the order."
        yield "mixed_currencies-plan", refused(about, payment_plan=parts)
    elif "items" in members:
        twice = [{"item_id": "1", "quantity": 40}, {"item_id": "1", "quantity": 2}]
        yield "schema-item-twice", refused("The list names an item twice.", items=twice)
        yield "schema-no-item", refused("The list names no item; leave it out to name all.", items=[])
        yield "schema-no-unit", refused("It names no unit.", items=[{"item_id": "1", "quantity": 0}])
    if "grounds" in members:
        yield "schema-no-ground", refused("It discloses nothing.", grounds=[])
    if "stage" in members:
        yield "schema-unknown-stage", refused("There is no such stage.", stage="retrieval")
    if "settled" in members:
        about = "What was settled is money too, with the order's currency."
        yield "schema-settled-without-currency", refused(about, settled=5_000)


def _further(good: Json) -> Iterator[tuple[str, Json]]:
    """Return further common mistakes, shown on an event with money."""
    data = good["data"]
    text = to_json(good).decode()

    def schema(about: str, **members: Any) -> Json:
        return _one(about, {**good, "data": {**data, **members}}, MORE)

    yield "not_json-nan", _one("NaN is not JSON, wherever it stands.", text[:-1] + ',"note":NaN}', MORE)
    batch = _one("It is a batch of events; each event is sent in a record of its own.", [good], MORE)
    yield "not_cloudevent-batch", batch
    yield "not_cloudevent-encoded-twice", _one("The event is a text in JSON.", to_json(text).decode(), MORE)
    yield "not_cloudevent-http-headers", _with_http_headers(good)
    yield "not_cloudevent-no-id", _one("The event has no id.", _without(good, "id"), MORE)
    yield "key_mismatch-no-key", {"about": "The record has no key.", "records": [record(MORE, good, None)]}
    yield "schema-no-subject", _one("The event doesn't say whose it is.", _without(good, "subject"), MORE)
    naive = {**good, "time": "2026-03-02T09:00:00"}
    yield "schema-time-without-offset", _one("The time has no offset.", naive, MORE)
    encoded = {**_without(good, "data"), "data_base64": "bm8gSlNPTg=="}
    yield "schema-data-base64-of-no-json", _one("The text in base 64 is not JSON.", encoded, MORE)
    twice = {**good, "data": to_json(data).decode()}
    yield "schema-data-encoded-twice", _one("The data is a text in JSON.", twice, MORE)
    yield "schema-data-is-a-list", _one("The data is no object.", {**good, "data": []}, MORE)
    missing = {**good, "data": _without(data, "tip_id")}
    yield "schema-member-missing", _one("The required member `tip_id` is missing.", missing, MORE)
    yield "schema-member-null", schema("The required member `tip_id` is null.", tip_id=None)
    yield "schema-identifier-too-long", schema("`tip_id` has 129 characters.", tip_id="i" * 129)
    yield "schema-money-as-text", schema("Money is a number, not a text.", amount={**yuan(0), "value": "129900"})
    yield "schema-money-negative", schema("Money is never negative; the type says which way it goes.", amount=yuan(-1))
    yield "schema-money-too-much", schema("Money is at most 10^15 minor units.", amount=yuan(MONEY_MAX + 1))
    pointed = text.replace('"value":5000', '"value":5000.0')
    yield "schema-money-with-a-point", _one("Whole numbers are written without a point.", pointed, MORE)


def _with_http_headers(good: Json) -> Json:
    """Return the event in binary mode with the headers of CloudEvents' HTTP binding."""
    attributes = [part for name, value in good.items() if name != "data" for part in (f"ce-{name}", value)]
    sent = record(MORE, good["data"])
    about = "The attributes are in headers as over HTTP; Kafka's begin with ce_."
    return {"about": about, "records": [{**sent, "headers": [*attributes, "content-type", "application/json"]}]}


def _of_publication(type_: str) -> Iterator[tuple[str, Json]]:
    """Return faults that are never published, to test a consumer's own checks."""
    good = valid_examples(type_)["minimal"]
    for name in list(PUBLISHED[type_][0])[:1]:
        broken = {**good, "data": _without(good["data"], name)}
        about = f"The required member `{name}` is missing. We never publish this."
        yield "schema", {"about": about, "records": [record(type_, broken)]}
    sent = {**record(type_, good), "topic": "purchasing.events.order.v1"}
    yield "wrong_topic", {"about": "A message of ours, sent to us as if it were an event.", "records": [sent]}


def _money_in(value: Any) -> list[str | int] | None:
    """Return the path to the first money in the data; None if there is none."""
    if isinstance(value, dict):
        if set(value) == {"currency", "value"}:
            return []
        steps: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        return None
    for step, inner in steps:
        way = _money_in(inner)
        if way is not None:
            return [step, *way]
    return None


def _mixed(sample: tuple[Json, Json]) -> Json | None:
    """Return the data with its first money in another currency; None if there is no second money."""
    required, optional = sample
    # What was settled may be in another currency.
    data = _without({**required, **optional}, "settled")
    place = _money_in(data)
    if place is None or _money_in(_with(data, place, None)) is None:
        return None
    changed: Json = _with(data, [*place, "currency"], "USD")
    return changed


def _with(value: Any, way: list[str | int], new: Any) -> Any:
    if not way:
        return new
    step, *rest = way
    if isinstance(value, list):
        return [_with(item, rest, new) if index == step else item for index, item in enumerate(value)]
    changed: Json = {name: _with(item, rest, new) if name == step else item for name, item in value.items()}
    return changed


def _without(value: Json, name: str) -> Json:
    return {member: content for member, content in value.items() if member != name}
