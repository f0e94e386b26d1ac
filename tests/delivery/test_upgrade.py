"""A new version beside an old one, and then in its place, while events come: all is published once, and right."""

import asyncio
import json
from contextlib import AsyncExitStack

from aiokafka.admin import AIOKafkaAdminClient

from tests.delivery.outside import case_events, order_id, renamed, topic_for
from tests.delivery.service import eventually
from tests.delivery.versions import VOUCHER, VOUCHERS, Newer, Older
from tests.forkserver import run_text
from tests.golden import cases, differences, summaries
from tests.waiting import HANG_SECONDS

(CASE,) = [case for case in cases() if case.name.startswith("13")]


PLAYERS = 2


def by_hand(worker, *arguments):
    """Run a command of that worker's version."""
    return run_text(worker.program, arguments, worker.environment, HANG_SECONDS)


async def play(outside, rolled):
    """Send the events of one order after the other until that is set; return the orders. An event is sent once the one
    before it was stored: they come on several topics, and in another order other commands lead to the same money."""
    orders = []
    while not rolled.is_set():
        orders.append(order_id())
        for event in case_events("13", orders[-1]):
            where, offset = await send(outside, event)
            await outside.handled(where, offset)
    return orders


async def send(outside, event, partition=None):
    value = json.dumps(event).encode()
    return await outside.send_raw(topic_for(event), event["subject"].encode(), value, partition=partition)


def partitions(worker):
    """By topic, the partitions that a worker has by its last word on it."""
    found = [line for line in worker.log_lines() if line.get("event") == "partitions_assigned"]
    return {name: numbers for name, numbers in found[-1].items() if name.startswith("purchasing.")} if found else {}


def shared(*workers):
    """Whether each of these workers has, by its last word on it, some of the partitions and some of the lanes."""
    for worker in workers:
        lanes = [line["lanes"] for line in worker.log_lines() if line.get("event") == "lanes_assigned"]
        if not lanes or not 0 < sum(map(len, partitions(worker).values())) < 30:
            return False
        if not 0 < len(lanes[-1]) < 4:
            return False
    return True


async def tell(outside, worker, events):
    """Send events of an order to partitions that this worker has, and wait until they are handled."""
    owned = partitions(worker)
    for event in events:
        where, offset = await send(outside, event, owned[topic_for(event)][0])
        await outside.handled(where, offset)


async def stuck(site):
    return {row[0] for row in await site.rows("select order_id from orders where stuck is not null")}


async def members(site, group):
    """The number of members of a group, as the broker reports it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=site.bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        return len(answer.groups[0][5])
    finally:
        await admin.close()


async def test_a_new_version_takes_over_from_an_old_one_while_events_come(own_site):
    told_again, retried = (VOUCHERS + order_id() for _ in range(2))
    ((outbox_id,),) = await own_site.rows("select outbox_id::text from installation")
    groups = (own_site.group, f"{outbox_id}.relay")
    rolled = asyncio.Event()
    new = own_site.worker(kind=Newer)
    async with own_site.outside() as outside, AsyncExitStack() as to_the_end:
        async with own_site.worker(kind=Older) as old:
            await old.has_logged("service_running")
            playing = [asyncio.create_task(play(outside, rolled)) for _ in range(PLAYERS)]
            migrated = await asyncio.to_thread(by_hand, new, "migrate")
            assert migrated.returncode == 0, migrated.stderr
            await to_the_end.enter_async_context(new)
            await eventually(lambda: shared(old, new), "partitions and lanes shared")

            for order in (told_again, retried):
                await tell(outside, new, case_events("13", order)[:3])
                await outside.until(order, lambda seen: VOUCHER in [one.event["type"] for one in seen])
            await tell(outside, old, case_events("13", told_again)[3:4])
            await tell(outside, old, case_events("13", retried)[3:])
            assert await stuck(own_site) == {told_again, retried}
            assert [await members(own_site, group) for group in groups] == [2, 2]
            old.stop()
            assert await old.ended() == 0
        assert [await members(own_site, group) for group in groups] == [1, 1]
        for event in case_events("13", told_again)[4:]:
            await outside.send_and_settle(event)
        assert await stuck(own_site) == {retried}
        assert (await asyncio.to_thread(by_hand, new, "order", "retry", "--all")).returncode == 0
        rolled.set()
        ordinary = [order for orders in await asyncio.gather(*playing) for order in orders]
        for order in (*ordinary, told_again, retried):
            await outside.until(order, lambda seen: any("refund" in one.topic for one in seen))
        await outside.to_the_end()
        await assert_right(outside, ordinary, vouchers=0)
        await assert_right(outside, (told_again, retried), vouchers=1)
    assert await own_site.rows("select count(*) from facts") == [((len(ordinary) + 2) * len(CASE.events),)]
    assert await stuck(own_site) == set()


async def assert_right(outside, orders, vouchers):
    for order in orders:
        seen = await outside.settled(order)
        assert [one.version for one in seen] == list(range(1, len(seen) + 1))
        assert len({one.event["id"] for one in outside.by_key[order]}) == len(outside.by_key[order])
        assert_in_order(seen)
        ours = [one.event for one in seen if one.event["type"] != VOUCHER]
        assert len(seen) - len(ours) == vouchers
        # Events of one batch are decided together, so of the decisions only what stands at the end is certain.
        commands, _ = summaries(renamed(ours, "ord-1001", order))
        assert differences(CASE.commands, commands) == []


def assert_in_order(seen):
    """In each partition, an order's outputs lie by version."""
    for place in {(one.topic, one.partition) for one in seen}:
        offsets = [one.offset for one in seen if (one.topic, one.partition) == place]
        assert offsets == sorted(offsets)
