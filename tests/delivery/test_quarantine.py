"""Commands about quarantined records and orders beside a running service: their effect lasts, also when the topics
are read again."""

import asyncio
import json

from tests.cli.commands import command, tables_with
from tests.delivery.outside import QUARANTINE, case_events, order_id, topic_for
from tests.delivery.test_redelivery import read_to_the_end

MARKER = "marker-5c21"


async def test_resolved_and_erased_records_stay_so_when_the_topics_are_read_again(own_site):
    order, dropped = order_id(), order_id()
    placed, accepted, captured = case_events("01", order)
    placed["data"]["domestic_address"] = f"Warehouse 3, {MARKER}"
    topic = topic_for(captured)
    async with own_site.outside() as outside:
        async with own_site.worker():
            await outside.send_and_settle(placed)
            await outside.send_and_settle(accepted)
            broken = json.dumps(captured | {"time": "yesterday", "note": MARKER}).encode()
            where, offset = await outside.send_raw(topic, order.encode(), broken)
            await outside.until(order, lambda seen: any(one.topic == QUARANTINE for one in seen))
            other, at = await outside.send_raw(topic, dropped.encode(), b"{")
            await outside.until(dropped, bool)
            name, dropped_name = f"{topic}/{where.partition}/{offset}", f"{topic}/{other.partition}/{at}"
            repaired = await asyncio.to_thread(
                command,
                own_site.database,
                "quarantine",
                "replay",
                name,
                "--value",
                "-",
                given=json.dumps(captured).encode(),
            )
            drop = await asyncio.to_thread(
                command, own_site.database, "quarantine", "drop", dropped_name, "--why", "a test"
            )
            assert (repaired.code, drop.code) == (0, 0), repaired.err + drop.err
            seen = await outside.settled(order)
            assert await tables_with(own_site.database, MARKER) == {"private_members", "quarantine"}
            erased = await asyncio.to_thread(command, own_site.database, "erase", order, "--why", "the buyer asked")
            assert erased.code == 0, erased.err
        async with own_site.worker("purchasing-again") as again:
            await again.has_logged("partitions_assigned")
            await read_to_the_end(own_site, "purchasing-again")
        await outside.to_the_end()

    assert [one.event["data"]["outcome"] for one in seen] == ["effective"]
    assert [len(outside.by_key[key]) for key in (order, dropped)] == [2, 1]
    rows = await own_site.rows("select resolution from quarantine order by resolution")
    assert [row[0] for row in rows] == ["drop", "replay"]
    assert await tables_with(own_site.database, MARKER) == set()


async def test_a_held_order_and_a_paused_outbox_beside_a_running_service(own_site):
    order = order_id()
    placed, accepted, captured = case_events("01", order)
    environment = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": own_site.bootstrap}

    async def run(*arguments):
        return await asyncio.to_thread(command, own_site.database, *arguments, **environment)

    async with own_site.outside() as outside, own_site.worker():
        await outside.send_and_settle(placed)
        assert (await run("order", "hold", order, "--why", "a claim is examined")).code == 0
        for event in (accepted, captured):
            where, offset = await outside.send_raw(topic_for(event), order.encode(), json.dumps(event).encode())
            await outside.handled(where, offset)
        held = await own_site.rows("select count(*) from outbox where order_id = $1", order)
        assert (await run("outbox", "pause", "--why", "a claim is examined")).code == 0
        assert (await run("order", "release", order)).code == 0
        decided = await own_site.rows("select count(*) from outbox where order_id = $1", order)
        await outside.to_the_end()
        paused = list(outside.by_key[order])
        assert (await run("outbox", "resume")).code == 0
        seen = await outside.settled(order)
        verified = await run("outbox", "verify")

    assert (held[0][0], decided[0][0], paused) == (0, 1, [])
    assert [one.event["data"]["outcome"] for one in seen] == ["effective"]
    assert verified.code == 0, verified.out + verified.err.encode()
    assert "1 records match the journal" in verified.err
