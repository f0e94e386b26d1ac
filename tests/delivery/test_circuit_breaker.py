"""The circuit breaker of a topic, live: the topic stands still, in every worker and over restarts, until it is
reset."""

import json
import os

from aiokafka import TopicPartition

from tests.delivery.outside import ORDERS, case_events, order_id, topic_for
from tests.delivery.service import eventually
from tests.forkserver import run_text
from tests.waiting import HANG_SECONDS

PAYMENTS = "purchasing.events.payment.v1"
SMALL = {"PURCHASING_BREAKER_RECORDS": "20", "PURCHASING_BREAKER_AT_LEAST": "10"}
BAD = 15
"""Enough for the breaker to open, which takes ten records; too little for what is left to open it again."""


def breaker(site, *arguments):
    environment = {**os.environ, "PURCHASING_DATABASE_URL": site.database}
    return run_text("service", ["breaker", *arguments], environment, HANG_SECONDS)


async def test_a_topic_of_bad_records_stops_until_reset_while_others_are_read(own_site):
    order, other = order_id(), order_id()
    placed, accepted, captured = case_events("01", order)
    async with own_site.outside() as outside:
        async with own_site.worker(**SMALL) as worker:
            await worker.has_logged("partitions_assigned")
            # All in the partition of the payment that comes behind them.
            partition = (await outside.send(captured | {"id": "first"})).partition
            for _ in range(BAD):
                _, last = await outside.send_raw(PAYMENTS, b"x", b"{", partition=partition)
            await worker.has_logged("breaker_opened")
            await outside.handled(TopicPartition(PAYMENTS, partition), last - BAD + 9)
            behind, offset = await outside.send_raw(
                PAYMENTS, order.encode(), json.dumps(captured).encode(), partition=partition
            )
            await outside.send(placed)
            await outside.send(accepted)
            for event in case_events("01", other)[:2]:
                where, at = await outside.send_raw(topic_for(event), other.encode(), json.dumps(event).encode())
                await outside.handled(where, at)
            listed = breaker(own_site, "list", "--json")
            watermarks = await watermark(own_site, partition)
        async with own_site.worker(**SMALL) as worker, own_site.worker(**SMALL) as second:
            await worker.has_logged("partitions_assigned")
            await second.has_logged("partitions_assigned")
            # Another topic goes on, in whichever of the two; this one stands where it stood.
            (placed_again, *_) = case_events("02", order_id())
            where, at = await outside.send_raw(
                ORDERS, placed_again["subject"].encode(), json.dumps(placed_again).encode()
            )
            await outside.handled(where, at)
            stood = await outside.offsets.committed(behind)
            still = await watermark(own_site, partition)
            reset = breaker(own_site, "reset", PAYMENTS, "--by", "ann", "--why", "the sender was mended")
            await outside.handled(behind, offset)
            seen = await outside.settled(order)
            await eventually(lambda: later(own_site, partition, still), "the input is read on")

    assert json.loads(listed.stdout)["topic"] == PAYMENTS
    assert listed.returncode == 3
    assert stood <= offset
    assert watermarks == still
    assert reset.returncode == 0, reset.stderr
    assert [one.event["data"]["outcome"] for one in seen] == ["effective"]
    assert breaker(own_site, "list").returncode == 0
    (noted,) = await own_site.rows("select done_by, what, subject, why from operator_actions")
    assert tuple(noted) == ("ann", "breaker reset", PAYMENTS, "the sender was mended")


async def watermark(site, partition):
    query = "select watermark from input_progress where topic = $1 and partition = $2"
    (row,) = await site.rows(query, PAYMENTS, partition)
    return row[0]


async def later(site, partition, than):
    now = await watermark(site, partition)
    return now is not None and (than is None or now > than)
