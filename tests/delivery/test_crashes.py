"""A worker that is killed where it hurts most, and one that leaves while it has work."""

import asyncio
import json

from tests.delivery.outside import case_events, order_id, renamed, topic_for
from tests.delivery.service import eventually
from tests.golden import cases, differences, told

(CASE,) = [case for case in cases() if case.name.startswith("13")]


async def test_killed_between_commit_and_acknowledgement_everything_is_published_once(own_site):
    order = order_id()
    events = case_events("13", order)
    async with own_site.outside() as outside:
        async with own_site.worker(PURCHASING_FAILPOINTS="inbox.after_commit_before_ack=kill") as doomed:
            await doomed.has_said("Partitions assigned.")
            where, offset = await outside.send_raw(topic_for(events[0]), order.encode(), json.dumps(events[0]).encode())
            assert await doomed.ended() == -9
        assert [row["id"] for row in await own_site.rows("select id from facts")] == [events[0]["id"]]
        assert (await outside.acknowledged.committed(where) or 0) <= offset

        async with own_site.worker() as worker:
            await worker.has_said("Partitions assigned.")
            for event in events[1:]:
                await outside.send_and_settle(event)
            await outside.handled(where, offset)
            seen = await outside.settled(order)
            await outside.to_the_end()
    assert_as_expected(order, seen)
    assert len(outside.by_key[order]) == len(seen)


async def test_killed_in_front_of_the_commit_nothing_is_lost(own_site):
    order = order_id()
    events = case_events("13", order)
    async with own_site.outside() as outside:
        async with own_site.worker(PURCHASING_FAILPOINTS="batch.before_commit=kill") as doomed:
            await doomed.has_said("Partitions assigned.")
            await outside.send(events[0])
            assert await doomed.ended() == -9
        assert await own_site.rows("select id from facts") == []
        async with own_site.worker() as worker:
            await worker.has_said("Partitions assigned.")
            for event in events[1:]:
                await outside.send_and_settle(event)
            seen = await outside.settled(order)
    assert_as_expected(order, seen)


async def test_two_workers_share_partitions_and_lanes_and_one_leaves(own_site):
    orders = [order_id() for _ in range(120)]
    async with own_site.outside() as outside, own_site.worker() as stays:
        async with own_site.worker() as leaves:
            await eventually(lambda: shared(stays, leaves), "partitions and lanes shared")
            sending = [asyncio.create_task(play(outside, orders[n::4])) for n in range(4)]
            # It leaves with work in hand: after its first outputs, long before the last.
            await outside.until(orders[0], bool)
            leaves.stop()
            assert await leaves.ended() == 0
        await asyncio.gather(*sending)
        for order in orders:
            await outside.until(order, lambda seen: any("refund" in one.topic for one in seen))
        await outside.to_the_end()
        for order in orders:
            seen = await outside.settled(order)
            assert [one.version for one in seen] == list(range(1, len(seen) + 1))
            assert_in_order(seen)
            # Events of one batch are decided together, so of the decisions only what stands at the end is certain.
            commands, _ = told(renamed([one.event for one in seen], "ord-1001", order))
            assert differences(CASE.commands, commands) == []
        ids = [one.event["id"] for seen in outside.by_key.values() for one in seen]
        assert len(ids) == len(set(ids))
    assert await own_site.rows("select count(*) from facts") == [(len(orders) * len(CASE.events),)]


async def play(outside, orders):
    for nth in range(len(CASE.events)):
        for order in orders:
            await outside.send(case_events("13", order)[nth])


def shared(*workers):
    """Whether each of these workers has, by its last word on it, some of the partitions and some of the lanes."""
    for worker in workers:
        partitions = [line for line in worker.said() if line["event"] == "Partitions assigned."]
        lanes = [line for line in worker.said() if line["event"].startswith("outbox: lanes of this process:")]
        if not partitions or not lanes:
            return False
        owned = sum(len(numbers) for topic, numbers in partitions[-1].items() if topic.startswith("purchasing."))
        if not 0 < owned < 30 or not 0 < lanes[-1]["event"].count(",") + 1 < 4:
            return False
    return True


def assert_in_order(seen):
    """In each partition, an order's outputs lie by version."""
    for place in {(one.topic, one.partition) for one in seen}:
        offsets = [one.offset for one in seen if (one.topic, one.partition) == place]
        assert offsets == sorted(offsets)


def assert_as_expected(order, seen):
    assert [one.version for one in seen] == list(range(1, len(seen) + 1))
    assert_in_order(seen)
    commands, decisions = told(renamed([one.event for one in seen], "ord-1001", order))
    assert differences(CASE.commands, commands) + differences(CASE.decisions, decisions) == []
