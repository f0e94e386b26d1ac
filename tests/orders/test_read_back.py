"""Nothing but the journals is kept: what is folded from them is what was kept in the cache, to the last member."""

import json

import pytest
from purchasing_contracts.topics import class_of, topic_of

from service.orders.state import read_back
from service.store.memory import MemoryStore
from tests.golden import Case, cases
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order, record


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_an_order_read_back_is_the_order_that_was_kept(case: Case) -> None:
    store = MemoryStore()
    engine = engine_on(store)
    compared = 0
    for event in case.events:
        order_id, topic = event["subject"], topic_of(class_of(event["type"])).name
        await engine.handle([record(json.dumps(event).encode(), key=order_id.encode(), topic=topic)])
        version = store.orders[order_id].version
        kept = engine.cache.get(order_id, version)
        assert kept == read_back(version, store.facts[order_id], store.outputs_of[order_id])
        compared += 1

    assert compared == len(case.events) > 0


async def test_an_order_is_stuck_while_a_newer_version_s_fact_can_t_be_read() -> None:
    store = MemoryStore()
    await engine_on(store).handle(paid_order().inbound_records)
    fact = store.facts["ord-1"][0]
    store.facts["ord-1"][0] = fact._replace(type="purchasing.order.foreseen.v2")
    bought = paid_order().bought(goods=90_000).inbound_records[3:]
    first = await engine_on(store).handle(bought)
    store.facts["ord-1"][0] = fact
    second = await engine_on(store).look_again(await store.stuck(10))

    assert (first.facts, first.outputs, [one.error for one in first.stuck]) == (1, (), ["JournalError"])
    assert [json.loads(output.value)["type"] for _, output in second.outputs] == ["purchasing.refund.issue.v1"]


async def test_an_order_is_stuck_while_an_output_can_t_be_read() -> None:
    store = MemoryStore()
    await engine_on(store).handle(paid_order().inbound_records)
    output = store.outputs_of["ord-1"][0]
    store.outputs_of["ord-1"][0] = output._replace(value=output.value.replace(b"decision.made.v1", b"decision.made.v2"))
    handled = await engine_on(store).handle(paid_order().bought(goods=90_000).inbound_records[3:])

    assert (handled.facts, handled.outputs, [one.error for one in handled.stuck]) == (1, (), ["JournalError"])


async def test_an_output_that_nobody_could_publish_is_not_written(monkeypatch) -> None:
    monkeypatch.setattr("service.orders.state.OUTPUT_BYTES_MAX", 100)
    store = MemoryStore()
    handled = await engine_on(store).handle(paid_order().inbound_records)

    assert [one.error for one in handled.stuck] == ["JournalError"]
    assert store.outbox == {0: []}
