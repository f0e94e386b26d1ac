"""A worker that is killed where it hurts most."""

import json

from tests.delivery.outside import case_events, order_id, renamed, topic_for
from tests.golden import cases, differences, summaries

(CASE,) = [case for case in cases() if case.name.startswith("13")]


async def test_killed_between_commit_and_commit_everything_is_published_once(own_site):
    order = order_id()
    events = case_events("13", order)
    async with own_site.outside() as outside:
        async with own_site.worker(PURCHASING_FAILPOINTS="inbox.before_offset_commit=kill") as doomed:
            await doomed.has_logged("partitions_assigned")
            where, offset = await outside.send_raw(topic_for(events[0]), order.encode(), json.dumps(events[0]).encode())
            assert await doomed.ended() == -9
        assert [row["id"] for row in await own_site.rows("select id from facts")] == [events[0]["id"]]
        assert (await outside.offsets.committed(where) or 0) <= offset

        async with own_site.worker() as worker:
            await worker.has_logged("partitions_assigned")
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
            await doomed.has_logged("partitions_assigned")
            await outside.send(events[0])
            assert await doomed.ended() == -9
        assert await own_site.rows("select id from facts") == []
        async with own_site.worker() as worker:
            await worker.has_logged("partitions_assigned")
            for event in events[1:]:
                await outside.send_and_settle(event)
            seen = await outside.settled(order)
    assert_as_expected(order, seen)


def assert_in_order(seen):
    """In each partition, an order's outputs lie by version."""
    for place in {(one.topic, one.partition) for one in seen}:
        offsets = [one.offset for one in seen if (one.topic, one.partition) == place]
        assert offsets == sorted(offsets)


def assert_as_expected(order, seen):
    assert [one.version for one in seen] == list(range(1, len(seen) + 1))
    assert_in_order(seen)
    commands, decisions = summaries(renamed([one.event for one in seen], "ord-1001", order))
    assert differences(CASE.commands, commands) + differences(CASE.decisions, decisions) == []
