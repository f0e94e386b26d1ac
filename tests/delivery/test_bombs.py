"""Batches that a broker takes and no consumer should: quarantined whole, in little memory; records
behind them are read."""

import asyncio
import json
import re
from pathlib import Path

from service.kafka.compat.compressed_batches import EXPANDED_MAX, HEADER
from tests.batches import COMPRESS, LZ4, batch, bomb, record, send
from tests.cli.commands import command
from tests.delivery.outside import ORDERS, QUARANTINE, case_events, order_id, topic_for


def peak(pid: int) -> int:
    """Bytes of memory that a process had at most so far."""
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(kilobytes) * 1024


async def test_huge_and_broken_compressed_batches_stop_no_later_message(own_site):
    # On topics of its own: a client without this care could read no further in them either.
    async with own_site.outside() as outside, own_site.worker() as worker:
        await worker.has_logged("partitions_assigned")
        order = order_id()
        events = case_events("01", order)
        before = peak(worker.process.pid)
        gigabyte = bomb(1_100, 1_000_000)
        garbled = batch(COMPRESS[LZ4](record(0, b"{}")) + b"garbage", 1, LZ4)
        first = await send(outside.producer, ORDERS, 0, gigabyte)
        second = await send(outside.producer, ORDERS, 0, garbled)
        for event in events:
            where, offset = await outside.send_raw(
                topic_for(event), order.encode(), json.dumps(event).encode(), partition=0
            )
            await outside.handled(where, offset)
        (decision,) = await outside.settled(order)
        assert (decision.event["data"]["kind"], decision.event["data"]["outcome"]) == ("agreement", "effective")
        assert peak(worker.process.pid) - before < 3 * EXPANDED_MAX

        rows = await own_site.rows(
            'select "offset", reason, place, order_id, value from quarantine where "offset" = any($1) order by 1',
            [first, second],
        )
        assert [(row["offset"], row["reason"], row["place"], row["order_id"]) for row in rows] == [
            (first, "too_large", "", None),
            (second, "not_json", "", None),
        ]
        # In a batch's header the broker writes where and when.
        assert [row["value"][HEADER.size :] for row in rows] == [gigabyte[HEADER.size :], garbled[HEADER.size :]]
        for row in rows:
            (notice,) = await outside.until(f"{ORDERS}/0/{row['offset']}", bool)
            assert (notice.topic, notice.event["data"]["size"]) == (QUARANTINE, len(row["value"]))

    again = await asyncio.to_thread(command, own_site.database, "quarantine", "replay", f"{ORDERS}/0/{first}")
    assert again.code == 3, again.err
    assert b"whole compressed batch" in again.out
