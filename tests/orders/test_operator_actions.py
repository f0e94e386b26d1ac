"""Actions on quarantined records and held orders, on either store: in the end as if nothing had been wrong."""

import json
from datetime import timedelta

import pytest

from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.memory import MemoryStore
from service.terms.source import FixedTerms
from tests.orders.conftest import LANES, engine_on
from tests.orders.hands import DELIVERED, Hands
from tests.orders.published import money, notices, outcomes_of, repetitions
from tests.orders.stories import ANN, Story, again, dissolved, paid_order, quarantine_ref, record, replayed
from tests.rules.happenings import when

pytestmark = pytest.mark.usefixtures("hands")


def broken(inbound_record: InboundRecord) -> InboundRecord:
    """The same message with a time that is none: it breaks the contract."""
    event = json.loads(inbound_record.value) | {"time": "yesterday"}
    return record(json.dumps(event).encode(), key=inbound_record.key, topic=inbound_record.topic)


@pytest.mark.parametrize("nth", range(len(dissolved().inbound_records)))
async def test_a_message_repaired_weeks_later_ends_as_if_it_had_been_right_at_once(
    engine: Engine, hands: Hands, nth: int
) -> None:
    right_at_once = money(await engine_on(MemoryStore(lanes=LANES)).handle(dissolved().inbound_records))
    inbound = dissolved().inbound_records
    bad = broken(inbound[nth])
    at_first = await engine.handle([*inbound[:nth], bad, *inbound[nth + 1 :]])
    hands.now += timedelta(days=40)
    mended = await engine.handle([replayed(bad, inbound[nth])], ANN)

    assert len(at_first.quarantined) == 1
    assert (mended.facts, mended.resolved) == (1, {quarantine_ref(bad).record})
    assert money(at_first, mended) == right_at_once


async def test_a_replay_done_twice_does_nothing_twice(engine: Engine) -> None:
    inbound = paid_order().inbound_records
    bad = broken(inbound[2])
    await engine.handle([*inbound[:2], bad])
    first = await engine.handle([replayed(bad, inbound[2])], ANN)
    second = await engine.handle([replayed(bad, inbound[2])], ANN)

    assert outcomes_of(first) == [("ord-1", 1, "agreement", "effective")]
    assert repetitions(second) == 1


async def test_a_record_refused_again_gets_its_new_reason_and_no_second_notice(engine: Engine) -> None:
    inbound = paid_order()
    await engine.handle(inbound.inbound_records)
    other = paid_order().paid().last
    bad = record(other.value, key=b"ord-9", topic=other.topic)
    quarantined = await engine.handle([bad])
    clash = Story().placed().accepted().cost(100, at=2).inbound_records[2]
    # By now the id is another message's: mended, it contradicts what was received first.
    refused = await engine.handle([replayed(bad, record(renamed(clash.value, "ord-1-e2"), key=b"ord-1"))], ANN)
    unchanged = await engine.handle([replayed(bad)], ANN)

    assert [one["reason"] for one in notices(quarantined)] == ["key_mismatch"]
    assert [one.refusal.reason for one in refused.rejected_again] == ["wrong_topic"]
    assert [one.refusal.reason for one in unchanged.rejected_again] == ["key_mismatch"]
    assert (refused.outputs, refused.resolved, unchanged.outputs, unchanged.resolved) == (
        (),
        frozenset(),
        (),
        frozenset(),
    )


def renamed(value: bytes, message: str) -> bytes:
    return json.dumps(json.loads(value) | {"id": message}).encode()


@pytest.mark.parametrize("how", ["replayed", "dropped"])
async def test_a_redelivery_of_a_resolved_record_adds_and_publishes_nothing(engine: Engine, how: str) -> None:
    inbound = paid_order().inbound_records
    bad = broken(inbound[2])
    await engine.handle([*inbound[:2], bad])
    if how == "replayed":
        await engine.handle([replayed(bad, inbound[2])], ANN)
    else:
        await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))

    assert repetitions(await engine.handle([bad])) == 1
    assert repetitions(await engine_on(engine._store).handle([bad])) == 1


@pytest.mark.parametrize("how", ["replayed", "dropped"])
async def test_a_deposit_is_barred_until_the_order_s_record_is_dealt_with_and_taken_then(
    engine: Engine, hands: Hands, how: str
) -> None:
    engine = Engine(engine._store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)
    story = paid_order().bought().received().charged_back(101_301, at=DELIVERED)
    late = again(Story().add(story.inbound_records[2].decoded.data, message="other", at=5).last)
    bad = broken(late)
    await engine.handle([*story, bad])
    hands.now = hands.watermark = when(DELIVERED) + timedelta(days=7)
    barred = await engine.fire_due()
    if how == "replayed":
        lifted = await engine.handle([replayed(bad, late)], ANN)
    else:
        lifted = await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))

    assert money(barred) == {}
    assert money(lifted)["chargeback:cb-1"] == 101_301
    assert await engine.fire_due() == BatchResult()


async def test_a_record_left_in_quarantine_goes_on_barring_the_deposit(engine: Engine, hands: Hands) -> None:
    engine = Engine(engine._store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)
    story = paid_order().bought().received().charged_back(101_301, at=DELIVERED)
    one, other = (record(value, key=b"ord-1", topic="purchasing.events.payment.v1") for value in (b"{", b"["))
    await engine.handle([*story, one, other])
    hands.now = hands.watermark = when(DELIVERED) + timedelta(days=7)
    half = await engine.intervene(ANN._replace(drop=(quarantine_ref(one),)))
    whole = await engine.intervene(ANN._replace(drop=(quarantine_ref(other),)))

    assert money(half) == {}
    assert money(whole)["chargeback:cb-1"] == 101_301


async def test_a_record_dropped_twice_is_resolved_once(engine: Engine) -> None:
    bad = record(b"{", key=b"ord-1")
    await engine.handle([bad])
    drop = ANN._replace(drop=(quarantine_ref(bad),))

    assert (await engine.intervene(drop)).resolved == {quarantine_ref(bad).record}
    assert BatchResult() == await engine.intervene(drop)


async def test_a_held_order_decides_once_released_what_it_would_have_decided_at_once(
    engine: Engine, store, where: str | None
) -> None:
    right_at_once = money(await engine_on(MemoryStore(lanes=LANES)).handle(dissolved().inbound_records))
    inbound = dissolved().inbound_records
    before = await engine.handle(inbound[:3])
    await hold(store, where)
    held = await engine.handle(inbound[3:])
    released = await engine.intervene(ANN._replace(release=("ord-1",)))
    no_longer_held = await engine.intervene(ANN._replace(release=("ord-1",)))

    assert held == BatchResult(facts=len(inbound) - 3)
    assert released.released == {"ord-1"}
    assert money(before, released) == right_at_once
    assert BatchResult() == no_longer_held


async def hold(store, where: str | None) -> None:
    if where is None:
        store.orders["ord-1"] = store.orders["ord-1"]._replace(held=True)
        return
    await store.fetch("update orders set held_at = now() where order_id = 'ord-1'")
