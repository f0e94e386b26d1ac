"""`erase`: what clause 23 protects is gone, the money is not touched, and nothing brings it back."""

import json

import pytest

from tests.cli.commands import command, outputs, tables_with
from tests.orders.conftest import engine_on
from tests.orders.published import repetitions
from tests.orders.stories import Story, record

MARKER = "marker-5c21"
ADDRESS = f"Warehouse 3, {MARKER}"


def story(order_id: str = "ord-1") -> Story:
    return Story(order_id).placed(address=ADDRESS).accepted().paid().bought(goods=90_000)


def bad_records():
    """Records of the order that break the contract, with what is private in value, headers and key."""
    event = json.loads(story().inbound_records[0].value)
    schema = record(json.dumps(event | {"time": "yesterday"}).encode(), key=b"ord-1")
    key = record(json.dumps(event | {"id": "other"}).encode(), key=f"ord-1 {MARKER}".encode())
    return [schema, key._replace(headers=(("note", MARKER.encode()),))]


async def test_private_members_are_erased_everywhere_and_the_erasure_is_recorded(database, engine, store) -> None:
    await engine.handle([*story(), *bad_records()])
    before = await tables_with(database, MARKER)
    done = command(database, "erase", "ord-1", "--by", "ann", "--why", "the buyer asked")
    rows = await store.fetch(
        "select done_by, order_id, private_members, quarantine_records, why from erasures order by nth"
    )

    assert before == {"private_members", "quarantine"}
    assert (done.code, done.out) == (0, b""), done.err
    assert await tables_with(database, MARKER) == set()
    assert [tuple(row) for row in rows] == [("ann", "ord-1", 1, 2, "the buyer asked")]
    assert MARKER not in done.err


async def test_reading_the_topics_again_brings_nothing_back(database, engine, store) -> None:
    told = [*story(), *bad_records()]
    await engine.handle(told)
    command(database, "erase", "ord-1")
    again = [await engine.handle(told), await engine_on(store).handle(told), await engine_on(store).handle(told[::-1])]

    assert [repetitions(one) for one in again] == 3 * [6]
    assert await tables_with(database, MARKER) == set()


async def test_records_that_only_might_be_the_orders_are_named_and_left_to_a_person(database, engine) -> None:
    await engine.handle(story().inbound_records)
    event = json.loads(story().last.value)
    key = record(json.dumps(event | {"subject": "orders/ord-1", "note": MARKER}).encode(), key=b"ord-1")
    neither = record(json.dumps(event | {"subject": "orders/ord-1", "note": MARKER}).encode(), key=b"orders/ord-1 ")
    await engine.handle([key, neither])
    done = command(database, "erase", "ord-1")
    name = f"{neither.topic}/{neither.partition}/{neither.offset}"

    assert "the bytes of 1 quarantined records" in done.err
    assert f"`erase --record`: {name}" in done.err
    assert command(database, "erase", "--record", name).code == 0
    assert "erase --record" not in command(database, "erase", "ord-1").err
    assert await tables_with(database, MARKER) == set()


async def test_the_money_goes_on_as_if_nothing_had_been_erased(database, engine, store) -> None:
    untouched = Story("ord-2").placed(address=ADDRESS).accepted().paid().bought(goods=90_000)
    await engine.handle([*story().inbound_records[:2], *untouched.inbound_records[:2]])
    command(database, "erase", "ord-1")
    await engine_on(store).handle([*story().inbound_records[2:], *untouched.inbound_records[2:]])

    assert await outputs(store) == await outputs(store, "ord-2") == ["agreement effective", "purchase 10010"]


async def test_what_if_and_explain_work_after_it(database, engine) -> None:
    await engine.handle(story().inbound_records)
    command(database, "erase", "ord-1")
    explained = command(database, "explain", "ord-1", "--json")
    what_if = command(database, "what-if", "--order", "ord-1")

    assert (explained.code, what_if.code) == (0, 0), explained.err + what_if.err
    assert explained.lines[0]["order_id"] == "ord-1"


async def test_an_erased_record_is_only_replayed_with_a_value_and_can_be_dropped(database, engine, store) -> None:
    told = story().inbound_records
    bad, _ = bad_records()
    await engine.handle([*told[1:], bad])
    command(database, "erase", "ord-1")
    name = f"{bad.topic}/{bad.partition}/{bad.offset}"
    shown = command(database, "quarantine", "show", name, "--content")
    as_it_lies = command(database, "quarantine", "replay", name)
    repaired = command(database, "quarantine", "replay", name, "--value", "-", given=told[0].value)

    assert (shown.code, shown.out) == (1, b"")
    assert "was erased" in shown.err
    assert (as_it_lies.code, repaired.code) == (3, 0), repaired.err
    assert await outputs(store) == ["agreement effective", "purchase 10010"]


async def test_a_record_whose_order_can_t_be_read_is_erased_by_its_name(database, engine) -> None:
    bad = record(f'{{"domestic_address": "{ADDRESS}'.encode(), key=None)
    await engine.handle([bad])
    name = f"{bad.topic}/{bad.partition}/{bad.offset}"
    done = command(database, "erase", "--record", name, "--by", "ann")
    (about,) = command(database, "quarantine", "show", name, "--json").lines

    assert done.code == 0, done.err
    assert await tables_with(database, MARKER) == set()
    assert about["erased_at"] is not None
    assert [(one["by"], one["what"], one["outcome"]) for one in about["actions"]] == [("ann", "erase", "erased")]
    assert repetitions(await engine.handle([bad])) == 1


@pytest.mark.parametrize("arguments", [("ord-nowhere",), ("--record", "purchasing.events.order.v1/0/99")])
def test_an_unknown_order_to_erase_is_exit_code_1(database, arguments) -> None:
    done = command(database, "erase", *arguments)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, b"", 1)
