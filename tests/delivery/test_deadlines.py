"""A payment demand's days on a real broker and database: the deposit is asked once, and never for a payment that came
in time, wherever it lies.

Beside an order that is paid there is another in the same state that is not: its deposit is taken, so the deadline has
passed and was looked at, and whatever did not happen to the first did not happen for a reason.
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from datetime import timedelta, timezone
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from service.store.migrate import migrate
from tests.cli.commands import command
from tests.databases import on_server
from tests.delivery.conftest import Site, a_group
from tests.delivery.days import Calendar
from tests.delivery.outside import case_events, order_id, topic_for
from tests.delivery.service import eventually

PAYMENTS = "purchasing.events.payment.v1"
BEIJING = timezone(timedelta(hours=8))
MANY = 520  # More than one worker takes at once.
A_WEEK = 7  # Three days by the Civil Code end after six at the latest: a night more, and a weekend in between.
DEDUCTIONS = """
select order_id from outbox where topic = 'purchasing.commands.deduction.v1' and order_id = any($1) order by 1
"""
DUE = "select order_id, due_at from orders where order_id = any($1) and due_at is not null"
DEMANDED = """
select count(*) from outbox left join publications using (lane, position)
where outbox.timed and outbox.order_id = any($1) and (publications.lane is not null or not $2)
"""


@pytest.fixture(scope="module")
def site(shared_broker, postgres, worker_logs):
    """This module's own, with a calendar; its tests bring their workers and their orders."""
    name = f"deadlines_{uuid.uuid4().hex[:12]}"
    asyncio.run(set_up(shared_broker, postgres, name))
    return Site(shared_broker.kafka.bootstrap_servers, postgres.dsn_of(name), worker_logs, a_group())


async def set_up(broker, postgres, name):
    # One lane, so that a test can hold the whole relay.
    await broker.empty(lanes=1)
    await on_server(postgres.dsn, f"create database {name}")
    await migrate(postgres.dsn_of(name), lanes=1)
    await Calendar(postgres.dsn_of(name)).begin()


@pytest.fixture
def calendar(site):
    return Calendar(site.database)


@pytest.fixture
async def sender(site):
    async with site.sender() as sender:
        yield sender


@pytest.fixture
async def admin(site):
    admin = AIOKafkaAdminClient(bootstrap_servers=site.bootstrap)
    await admin.start()
    yield admin
    await admin.close()


def last_instant(published):
    """24:00 Beijing time of the third day after, or of the Monday where that is on a weekend (R14)."""
    day = (published.astimezone(BEIJING) + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day + timedelta(days=1)


async def events_sent(sender, orders, first, last):
    """Send these of the events of the example with an unjust chargeback that is paid in time, the seventh."""
    sent = []
    for order in orders:
        for event in case_events("30", order)[first:last]:
            value, key = json.dumps(event).encode(), order.encode()
            sent.append(await sender.producer.send(topic_for(event), value, key))
    return [await one for one in sent]


async def demanded(site, orders, *, published=True):
    """Wait until the money is demanded for all of these orders."""

    async def all_are():
        return await site.rows(DEMANDED, orders, published) == [(len(orders),)]

    await eventually(all_are, "all demanded" + (" and published" if published else ""))


async def in_state_of_demand(site, sender, number=2):
    """So many new orders whose buyers have three days to pay from now on. A worker has to run."""
    orders = [order_id() for _ in range(number)]
    await events_sent(sender, orders, 0, 6)
    await demanded(site, orders)
    return orders


async def taken(site, orders):
    """Of which of these orders the deposit was asked, each as often as it was."""
    return [row["order_id"] for row in await site.rows(DEDUCTIONS, orders)]


async def taken_of(site, orders, among=None):
    async def is_taken():
        return await taken(site, among or orders) == sorted(orders)

    await eventually(is_taken, f"the deposit of {len(orders)} orders taken")


async def nothing_waits(site, orders):
    async def none():
        return await site.rows(DUE, orders) == []

    await eventually(none, "no deadline left")


async def test_a_payment_unread_while_the_service_was_down_counts(site, calendar, sender):
    async with site.worker():
        paid, unpaid = await in_state_of_demand(site, sender)
    await calendar.days_pass(2)
    await events_sent(sender, [paid], 6, 7)
    await calendar.days_pass(A_WEEK)
    async with site.worker(), site.outside(past=True) as outside:
        await taken_of(site, [unpaid], among=[paid, unpaid])
        await nothing_waits(site, [paid, unpaid])
        # Each output once in the topics, too.
        kinds = Counter(seen.event["type"] for seen in await outside.settled(unpaid))
        assert kinds["purchasing.deduction.execute.v1"] == 1
        assert not any("deduction" in seen.topic for seen in await outside.settled(paid))
    assert await taken(site, [paid, unpaid]) == [unpaid]


async def test_a_garbled_payment_holds_the_deposit_back_until_it_is_dealt_with(site, calendar, sender):
    run = partial(asyncio.to_thread, command, site.database)
    async with site.worker(), site.outside(past=True) as outside:
        repaired, dropped, unpaid = orders = await in_state_of_demand(site, sender, number=3)
        places, right = [], json.dumps(case_events("30", repaired)[6]).encode()
        for order in (repaired, dropped):
            payment = json.dumps(case_events("30", order)[6] | {"subject": f"orders/{order}"}).encode()
            where, offset = await outside.send_raw(PAYMENTS, order.encode(), payment)
            await outside.handled(where, offset)
            places.append(f"{PAYMENTS}/{where.partition}/{offset}")
        await calendar.days_pass(A_WEEK)
        await taken_of(site, [unpaid], among=orders)
        held = {
            row["order_id"] for row in (await run("order", "waiting", "--what", "record_in_quarantine", "--json")).lines
        }
        mended = await run("quarantine", "replay", places[0], "--value", "-", given=right)
        gone = await run("quarantine", "drop", places[1], "--why", "a test")
        await taken_of(site, sorted([dropped, unpaid]), among=orders)
        settled = [seen.event["data"] for seen in await outside.settled(repaired)]
    assert (held.intersection(orders), mended.code, gone.code) == ({repaired, dropped}, 0, 0), mended.err + gone.err
    assert ("payment_demand", "settled") in {(one.get("kind"), one.get("outcome")) for one in settled}


async def test_no_deadline_fires_while_an_open_transaction_hides_a_payment(site, calendar, sender, admin):
    await admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, PAYMENTS, {"message.timestamp.type": "CreateTime"})]
    )
    behind = AIOKafkaProducer(bootstrap_servers=site.bootstrap, transactional_id=order_id())
    async with site.worker() as worker, behind:
        paid, unpaid = await in_state_of_demand(site, sender)
        where = (await events_sent(sender, [paid], 2, 3))[0].partition
        # As far ahead as a broker lets a producer be.
        ahead = int(time.time() * 1000) + 55 * 60_000
        await sender.producer.send_and_wait(PAYMENTS, b"no JSON", b"ahead", where, timestamp_ms=ahead)
        await behind.begin_transaction()
        await behind.send_and_wait(PAYMENTS, b"never committed", partition=where)
        await events_sent(sender, [paid], 6, 7)
        await calendar.days_pass(A_WEEK)

        async def only_it_is_behind():
            return await calendar.behind() == {(PAYMENTS, where)}

        await eventually(only_it_is_behind, "all other partitions read", lambda: worker.log.read_text()[-3000:])
        held = await calendar.watermarks()
        assert [row["due_at"] > held for row in await site.rows(DUE, [paid, unpaid])] == [True, True]
        assert await taken(site, [paid, unpaid]) == []
        await behind.abort_transaction()
        await taken_of(site, [unpaid], among=[paid, unpaid])
        await nothing_waits(site, [paid, unpaid])
    assert await taken(site, [paid, unpaid]) == [unpaid]


async def test_the_buyers_days_run_from_publication_when_the_relay_stood_while_they_passed(
    site, calendar, sender, tmp_path
):
    order = order_id()
    go_on = tmp_path / "go-on"
    async with site.worker(PURCHASING_FAILPOINTS=f"relay.before_init=wait:{go_on}"):
        await events_sent(sender, [order], 0, 6)
        await demanded(site, [order], published=False)
        ((_, first),) = await site.rows(DUE, [order])
        await calendar.days_pass(A_WEEK)

        async def looked_at_again():
            return (await site.rows(DUE, [order]))[0]["due_at"] > await calendar.now()

        await eventually(looked_at_again, "the deadline passed and put off")
        assert (await calendar.watermarks()) > first
        go_on.touch()
        await demanded(site, [order])
        ((published,),) = await site.rows("select published_at from publications where order_id = $1", order)
        await calendar.days_pass(2)

        async def read():
            return not await calendar.behind()

        await eventually(read, "everything read up to two days later")
        assert await taken(site, [order]) == []
        last = last_instant(published)
        await calendar.days_pass((last + timedelta(seconds=1) - await calendar.now()) / timedelta(days=1))
        await taken_of(site, [order])
        ((decided,),) = await site.rows(
            "select decided_at from outbox where order_id = $1 order by order_version desc limit 1", order
        )
    assert timedelta() < decided - last < timedelta(hours=1)


async def test_of_two_workers_with_due_orders_in_hand_at_once_each_fires_its_own(site, calendar, sender, tmp_path):
    holds = [tmp_path / name for name in ("one", "two")]
    one, two = (site.worker(PURCHASING_FAILPOINTS=f"deadlines.claimed=wait:{path}") for path in holds)
    async with one, two:
        await eventually(lambda: shared(one, two), "partitions shared")
        orders = await in_state_of_demand(site, sender, number=MANY)
        await calendar.days_pass(A_WEEK)
        reached = [path.with_name(f"{path.name}.reached") for path in holds]
        await eventually(lambda: all(path.exists() for path in reached), "both with orders in hand")
        for path in holds:
            path.touch()
        await taken_of(site, orders)
        await nothing_waits(site, orders)
        async with site.outside(past=True) as outside:
            await asyncio.gather(*(outside.settled(order) for order in orders))
            await outside.to_the_end()
            ids = [seen.event["id"] for order in orders for seen in outside.by_key[order]]
    assert await taken(site, orders) == sorted(orders)
    assert len(ids) == len(set(ids))
    fired = [
        [line["orders"] for line in worker.log_lines() if line.get("event") == "deadlines_passed"]
        for worker in (one, two)
    ]
    assert all(fired)
    assert sum(map(sum, fired)) == MANY


def shared(*workers):
    """Whether each of these workers has some of the partitions, by its last word on it."""
    owned = []
    for worker in workers:
        said = [line for line in worker.log_lines() if line.get("event") == "partitions_assigned"] or [{}]
        owned.append(sum(len(numbers) for topic, numbers in said[-1].items() if topic.startswith("purchasing.")))
    return all(owned) and sum(owned) == 30


async def test_a_partition_that_was_added_holds_deadlines_back_until_it_is_read(site, calendar, sender, admin):
    async with site.worker():
        paid, unpaid = await in_state_of_demand(site, sender)
        added = TopicPartition(PAYMENTS, len(await sender.producer.partitions_for(PAYMENTS)))
        await admin.create_partitions({PAYMENTS: NewPartitions(added.partition + 1)})
        payment = json.dumps(case_events("30", paid)[6]).encode()
        async with site.sender() as knows_it:
            await knows_it.send_raw(PAYMENTS, paid.encode(), payment, partition=added.partition)
        await calendar.days_pass(A_WEEK)

        async def only_it_is_behind():
            return await calendar.behind() == {tuple(added)}

        await eventually(only_it_is_behind, "all other partitions read")
        assert await calendar.watermarks() is None
        assert await taken(site, [paid, unpaid]) == []
    # A worker that begins now has the partition from the start.
    async with site.worker():
        await taken_of(site, [unpaid], among=[paid, unpaid])
        await nothing_waits(site, [paid, unpaid])
    assert await taken(site, [paid, unpaid]) == [unpaid]


async def test_a_worker_killed_with_due_orders_in_hand_leaves_them_to_the_next(site, calendar, sender):
    async with site.worker(PURCHASING_FAILPOINTS="deadlines.claimed=kill") as doomed:
        orders = await in_state_of_demand(site, sender, number=20)
        await calendar.days_pass(A_WEEK)
        assert await doomed.ended() == -9
    assert await taken(site, orders) == []
    # In another group, as its own still waits for the dead: that one reads everything again, and finds it known.
    async with site.worker("purchasing-again"):
        await taken_of(site, orders)
        await nothing_waits(site, orders)
    assert await taken(site, orders) == sorted(orders)
