"""Automatic stops: the process at an unexpected error, all publishing at far more refunds than usual."""

import asyncio
import json
import urllib.request

from service.runtime.exit_codes import ExitCode
from tests.cli.commands import command
from tests.delivery.outside import case_events, order_id, renamed, topic_for
from tests.delivery.service import Worker, eventually
from tests.golden import cases, differences, summaries
from tests.waiting import HANG_SECONDS

(CASE,) = [case for case in cases() if case.name.startswith("09")]


class Failing(Worker):
    program = "tests.delivery.failing"


async def send(outside, order, event):
    return await outside.send_raw(topic_for(event), order.encode(), json.dumps(event).encode())


async def test_an_unexpected_fault_ends_the_process_and_the_next_one_finishes_the_batch(own_site):
    order = order_id()
    events = case_events("09", order)
    async with own_site.outside() as outside:
        async with own_site.worker(kind=Failing) as failing:
            await failing.has_logged("partitions_assigned")
            where, offset = await send(outside, order, events[0])
            assert await failing.ended() == ExitCode.FAULT
        assert (await outside.offsets.committed(where) or 0) <= offset
        assert await own_site.rows("select id from facts") == []
        assert "nobody foresaw this" not in failing.log.read_text()

        async with own_site.worker():
            await outside.handled(where, offset)
            for event in events[1:]:
                await outside.send_and_settle(event)
            seen = await outside.settled(order)
    assert_as_expected(order, seen)


async def test_refunds_beyond_the_limit_pause_all_publishing_until_resumed(own_site):
    order = order_id()
    environment = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": own_site.bootstrap}
    async with own_site.outside() as outside, own_site.worker(PURCHASING_REFUND_LIMIT_PER_MINUTE="CNY=1") as worker:
        port = (await worker.has_logged("service_running"))["http_port"]
        for event in case_events("09", order):
            where, offset = await send(outside, order, event)
            await outside.handled(where, offset)
        said = await worker.has_logged("refund_limit_exceeded")

        async def shown() -> bool:
            return await asyncio.to_thread(pauses, port) == {"1.0"}

        await eventually(shown, "the pause in the metrics")
        await outside.to_the_end()
        before = [one.topic for one in outside.outputs(order)]
        resumed = await asyncio.to_thread(
            command, own_site.database, "outbox", "resume", "--by", "ann", "--why", "all is well", **environment
        )
        seen = await outside.settled(order)

    assert said["level"] == "error"
    assert not any("refund" in topic for topic in before)
    assert resumed.code == 0, resumed.err
    assert_as_expected(order, seen)


def pauses(port: int) -> set[str]:
    """The lanes that the refund limit has paused, by the metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=HANG_SECONDS) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("purchasing_outbox_paused{")]
    return {line.rpartition(" ")[2] for line in lines if 'by="limit"' in line}


def assert_as_expected(order, seen):
    commands, _ = summaries(renamed([one.event for one in seen], "ord-1001", order))
    assert differences(CASE.commands, commands) == []
    assert len({one.event["id"] for one in seen}) == len(seen)
