"""The result of a batch, on either store."""

import asyncio
import json
import random
from base64 import b64encode

import pytest

from service.orders import unit_of_work
from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.outbox.publish import headers_of
from service.outbox.reader import Row
from service.rules import decide as rules_entry
from service.rules.decide import decide
from service.rules.order_view import OrderView
from tests.orders.conftest import engine_on
from tests.orders.published import event_of, notices, outcomes_of, repetitions
from tests.orders.stories import Story, again, paid_order, record
from tests.rules.happenings import amounts


async def test_an_order_paid_in_full_is_effective_and_publishes_it_once(engine: Engine) -> None:
    handled = await engine.handle(paid_order().inbound_records)

    assert (handled.facts, handled.assessed) == (3, 1)
    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]


async def test_one_event_at_a_time_and_all_at_once_end_alike(engine: Engine) -> None:
    def story(order_id: str) -> Story:
        return paid_order(order_id).bought(goods=90_000)

    together = await engine.handle(story("ord-a").inbound_records)
    singly = [await engine.handle([inbound_record]) for inbound_record in story("ord-b")]

    assert [one[1:] for one in outcomes_of(together)] == [one[1:] for one in outcomes_of(*singly)]
    assert [one[1] for one in outcomes_of(*singly)] == [1, 2]


async def test_earlier_facts_are_known_without_the_cache(engine: Engine) -> None:
    await engine.handle(paid_order().inbound_records)
    engine.cache.clear()
    bought = await engine.handle([paid_order().bought(goods=90_000).last])

    assert outcomes_of(bought) == [("ord-1", 2, "purchase", 10_010)]


async def test_a_whole_batch_that_comes_again_is_known_and_publishes_nothing(engine: Engine) -> None:
    story = paid_order().bought(goods=90_000)
    first = await engine.handle(story.inbound_records)
    second = await engine.handle(story.inbound_records)

    assert first.outputs
    assert repetitions(second) == 4


async def test_a_message_twice_in_one_batch_is_one_fact(engine: Engine) -> None:
    story = paid_order()
    handled = await engine.handle([*story, again(story.last)])

    assert (handled.facts, handled.known) == (3, {"purchasing.payment.captured.v1": 1})


async def test_the_same_message_in_another_notation_is_known(engine: Engine) -> None:
    story = paid_order()
    await engine.handle(story.inbound_records)
    event = json.loads(story.last.value)
    event["time"] = event["time"].replace("Z", "+00:00")
    event["data"]["of_no_meaning"] = {"to": "anyone"}
    encoded = {**event, "data": None, "data_base64": b64encode(json.dumps(event["data"]).encode()).decode()}
    others = [json.dumps(event, indent=2).encode(), json.dumps(encoded).encode()]
    handled = await engine.handle([record(other, key=b"ord-1", topic=story.last.topic) for other in others])

    assert repetitions(handled) == 2


async def test_the_longest_identity_fits_the_index_of_facts(engine: Engine) -> None:
    """Of characters that PostgreSQL can't compress, four bytes each but in the source, which is ASCII."""
    letters = random.Random(1)
    order, message = ("".join(chr(letters.randrange(0x10000, 0x10FFFE)) for _ in range(128)) for _ in range(2))
    source = "".join(chr(letters.randrange(0x21, 0x7F)) for _ in range(512))
    event = {**json.loads(paid_order().last.value), "subject": order, "source": source, "id": message}
    topic = "purchasing.events.payment.v1"

    handled = await engine.handle([record(json.dumps(event).encode(), key=order.encode(), topic=topic)])

    assert (handled.facts, list(handled.quarantined)) == (1, [])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"time": "2026-03-02T11:00:01Z"}, "/time"),
        ({"data": {"payment_id": "pay-2"}}, "/data"),
        ({"type": "purchasing.order.receipt_confirmed.v1", "data": {}}, "/type"),
        ({"subject": "ord-2"}, "/subject"),
    ],
    ids=["another instant", "another member", "another type", "another order"],
)
async def test_a_known_identity_with_other_content_is_a_conflict(engine: Engine, change: dict, place: str) -> None:
    story = paid_order()
    await engine.handle(story.inbound_records)
    event = json.loads(story.last.value)
    other = {**event, **change, "data": {**event["data"], **change.get("data", {})}}
    topic = "purchasing.events.payment.v1" if "type" not in change else "purchasing.events.order.v1"
    inbound_record = record(json.dumps(other).encode(), key=other["subject"].encode(), topic=topic)
    handled = await engine.handle([inbound_record])

    assert handled.facts == 0
    assert [("conflict", place, other["subject"])] == [
        (n["reason"], n["place"], n["order_id"]) for n in notices(handled)
    ]
    assert repetitions(await engine.handle([inbound_record])) == 1


async def test_two_orders_claim_one_message_in_one_batch_and_the_first_received_stands(engine: Engine) -> None:
    first = Story("ord-1").accepted()
    second = Story("ord-2").add(first.last.decoded.data, message="ord-1-e0", at=0)
    handled = await engine.handle([*second, *first])

    assert handled.facts == 1
    assert [n["order_id"] for n in notices(handled)] == ["ord-1"]


async def test_the_first_received_stands_against_a_later_contradiction(engine: Engine) -> None:
    story = Story().placed().accepted().paid(amounts(goods=50_000))
    contradiction = paid_order().last
    first = await engine.handle([*story, contradiction])
    later = await engine.handle([story.cost(100).last])

    assert outcomes_of(first) == [("ord-1", 1, "agreement", "short_paid")]
    assert outcomes_of(later) == []


async def test_bad_records_are_quarantined_once_and_the_others_go_on(engine: Engine) -> None:
    bad = record(b"{", key=b"ord-9")
    batch = [*paid_order("ord-1"), bad, *paid_order("ord-2")]
    first = await engine.handle(batch)
    second = await engine.handle(batch)

    assert {"ord-1", "ord-2"} == {one[0] for one in outcomes_of(first)}
    assert [("not_json", bad.offset)] == [(n["reason"], n["offset"]) for n in notices(first)]
    assert [bad] == [one.record for one in first.quarantined]
    assert repetitions(second) == 7


async def test_a_notice_is_keyed_by_the_order_where_that_can_be_read_else_by_the_record(engine: Engine) -> None:
    readable = record(b'{"specversion":"1.0"}', key=b"ord-7")
    unreadable = record(None, key=None, partition=3)
    handled = await engine.handle([readable, unreadable])

    where = f"purchasing.events.order.v1/3/{unreadable.offset}"
    assert ["ord-7", where] == [output.key for _, output in handled.outputs]
    assert [output.order_id for _, output in handled.outputs] == [None, None]


async def test_an_order_takes_so_many_facts_of_a_type_and_no_more(store) -> None:
    engine = engine_on(store, facts_per_type=3)
    story = paid_order()
    for n in range(5):
        story.cost(100, cost=f"cost-{n}")
    others = len(story.inbound_records) - 5
    first = await engine.handle(story.inbound_records[:-3])
    then = await engine.handle(story.inbound_records[-3:])
    known = await engine.handle(story.inbound_records[: others + 3])

    assert (first.facts, then.facts) == (others + 2, 1)
    assert [n["reason"] for n in notices(then)] == ["too_many_facts"] * 2
    assert repetitions(known) == others + 3


async def test_outputs_carry_on_the_trace_of_the_message_that_caused_them(engine: Engine) -> None:
    story = paid_order()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = {**json.loads(story.last.value), "traceparent": trace}
    last = record(json.dumps(event).encode(), key=b"ord-1", topic=story.last.topic)
    handled = await engine.handle([*story.inbound_records[:2], last])

    assert [trace] == [event_of(output)["traceparent"] for _, output in handled.outputs]


async def test_a_trace_that_stands_in_a_header_only_is_carried_on_too(engine: Engine) -> None:
    story = paid_order()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    last = story.last._replace(headers=(("traceparent", b"rubbish"), ("traceparent", trace.encode())))
    handled = await engine.handle([*story.inbound_records[:2], last])

    assert [trace] == [event_of(output)["traceparent"] for _, output in handled.outputs]
    # And goes out in a header as well, where clients that know nothing of CloudEvents look.
    for _, output in handled.outputs:
        row = Row(7, output.topic, output.key, output.value, output.timed)
        assert dict(headers_of(row, b"3"))["traceparent"] == trace.encode()


async def test_an_output_without_a_trace_is_published_without_one(engine: Engine) -> None:
    order = 'ord-"traceparent":"x"'
    handled = await engine.handle(paid_order(order).inbound_records)
    for _, output in handled.outputs:
        assert b"traceparent" in output.value
        row = Row(7, output.topic, output.key, output.value, output.timed)
        assert [name for name, _ in headers_of(row, b"3")] == ["content-type", "lane", "position"]


async def test_an_order_whose_rules_raise_is_stuck_and_the_others_go_on(engine: Engine, monkeypatch) -> None:
    def broken(order_id, *rest):
        if order_id == "ord-1":
            raise ZeroDivisionError("what a name and an address came to")
        return decide(order_id, *rest)

    monkeypatch.setattr(unit_of_work, "decide", broken)
    story = paid_order("ord-1")
    handled = await engine.handle([*story, *paid_order("ord-2")])

    assert handled.facts == 6
    assert {"ord-2"} == {one[0] for one in outcomes_of(handled)}
    assert [(one.order_id, one.error) for one in handled.stuck] == [("ord-1", "ZeroDivisionError")]
    assert "address" not in repr(handled.stuck)

    monkeypatch.setattr(unit_of_work, "decide", decide)
    bought = await engine.handle([story.bought(goods=90_000).last])

    assert [one[1:] for one in outcomes_of(bought)] == [(1, "agreement", "effective"), (2, "purchase", 10_010)]
    assert await engine._store.stuck(10) == []


async def test_a_stuck_order_ends_with_its_money_when_it_is_looked_at_again(engine: Engine, monkeypatch) -> None:
    story = paid_order().bought(goods=90_000)
    with monkeypatch.context() as patched:
        patched.setattr(unit_of_work, "decide", lambda *_: 1 / 0)
        await engine.handle(story.inbound_records)
        stuck = await engine._store.stuck(10)
        assert await engine._store.stuck(10, after="ord-1") == []
    after = await engine.look_again(stuck)

    assert stuck == ["ord-1"]
    assert ("ord-1", 2, "purchase", 10_010) in outcomes_of(after)
    assert await engine._store.stuck(10) == []


async def test_looking_again_at_orders_publishes_nothing_new(engine: Engine) -> None:
    await engine.handle([*paid_order("ord-1").bought(goods=90_000), *paid_order("ord-2")])
    cached = await engine.look_again(["ord-1", "ord-2"])
    engine.cache.clear()
    loaded = await engine.look_again(["ord-1", "ord-2"])

    assert BatchResult(assessed=2) == cached == loaded


async def test_a_cached_order_goes_on_and_an_evicted_one_is_read_anew(engine: Engine, monkeypatch) -> None:
    read_anew = []

    class Counted(OrderView):
        def __init__(self, order_id, facts, *rest):
            read_anew.append((order_id, len(facts)))
            super().__init__(order_id, facts, *rest)

    monkeypatch.setattr(rules_entry, "OrderView", Counted)
    bought, other = paid_order("ord-1").bought(goods=90_000), paid_order("ord-2")
    for inbound_record in (*bought.inbound_records[:3], *other):
        await engine.handle([inbound_record])
    cached = list(read_anew)
    engine.cache.clear()
    last = await engine.handle([bought.last])

    assert cached == [("ord-1", 1), ("ord-2", 1)]
    assert read_anew[2:] == [("ord-1", 4)]
    assert outcomes_of(last) == [("ord-1", 2, "purchase", 10_010)]


async def test_rules_get_the_topic_of_each_quarantined_record_of_their_order(engine: Engine, monkeypatch) -> None:
    barred = {}

    def watching(order_id, facts, ledger, terms, clock, bookmark):
        barred[order_id] = [one.topic for one in clock.quarantined]
        return decide(order_id, facts, ledger, terms, clock, bookmark)

    monkeypatch.setattr(unit_of_work, "decide", watching)
    await engine.handle([*paid_order("ord-1"), *paid_order("ord-2"), record(b'{"specversion":"1.0"}', key=b"ord-1")])
    same_batch = dict(barred)
    await engine.look_again(["ord-1", "ord-2"])

    assert {"ord-1": ["purchasing.events.order.v1"], "ord-2": []} == same_batch == barred


async def test_batches_side_by_side_in_one_process_don_t_mix(engine: Engine) -> None:
    stories = [paid_order(f"ord-{n}").bought(goods=90_000) for n in range(8)]
    handled = await asyncio.gather(*(engine.handle([inbound_record]) for story in stories for inbound_record in story))

    outputs = outcomes_of(*handled)
    assert [one[1] for one in sorted(outputs)] == 8 * [1, 2]
    assert sum(one[3] for one in outputs if one[2] == "purchase") == 8 * 10_010
