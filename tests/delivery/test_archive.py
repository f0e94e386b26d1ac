"""An order archived beside a live service: a chargeback years later, through Kafka, leads to the same money."""

import asyncio

from tests.cli.commands import command
from tests.delivery.outside import case_events, order_id, renamed
from tests.golden import summaries
from tests.waiting import eventually

NOTED = """
select bool_and(l.position = coalesce(n.position, 0)) from lanes l left join relay_notes n using (lane)
"""
OLD = (
    "update facts set received_at = received_at - interval '800 days' where order_id = $1",
    "update outbox set decided_at = decided_at - interval '800 days' where order_id = $1",
)
CHARGEBACK = {
    "specversion": "1.0",
    "id": "late-1",
    "source": "/chargeback",
    "type": "purchasing.chargeback.opened.v1",
    "time": "2026-03-04T21:00:00Z",
    "data": {
        "chargeback_id": "cb-1",
        "payment_id": "pay-1",
        "amount": {"currency": "CNY", "value": 101_301},
        "reason": "account_stolen",
        "attributable_to_provider": False,
    },
}


async def ended(outside, order):
    """An order that was refused after payment and refunded."""
    for event in case_events("06", order):
        await outside.send_and_settle(event)
    (refund,) = [one.event for one in outside.outputs(order) if "refund" in one.topic]
    answer = {"id": f"{order}-answer", "subject": order, "source": "/payment", "time": "2026-03-02T13:00:00Z"}
    kind = {"specversion": "1.0", "type": "purchasing.payment.refund_succeeded.v1"}
    await outside.send_and_settle({**kind, **answer, "data": {"command_id": refund["id"]}})


async def test_a_chargeback_on_an_archived_order_leads_to_the_same_commands(site, outside, tmp_path) -> None:
    archived, kept, last = order_id(), order_id(), order_id()
    for order in (archived, kept):
        await ended(outside, order)
    for event in [one for n in range(20) for one in case_events("01", f"{last}-{n}")]:
        await outside.send(event)
    for n in range(20):
        await outside.until(f"{last}-{n}", lambda seen: len(seen) > 0)

    async def is_noted() -> bool:
        return bool((await site.rows(NOTED))[0][0])

    await eventually(is_noted, "publications noted")
    async with outside.pool.acquire() as connection:
        for statement in OLD:
            await connection.execute(statement, archived)
    arguments = ("archive", "run", "--to", str(tmp_path), "--why", "a test", "--yes", "--json")
    done = await asyncio.to_thread(command, site.database, *arguments)
    where = "select order_id from archived_orders"
    there = [row[0] for row in await site.rows(where)]
    for order in (archived, kept):
        await outside.send_and_settle({**CHARGEBACK, "subject": order, "id": f"{order}-late"})
    found = [
        summaries(renamed([one.event for one in outside.outputs(one)], "ord-1001", one)) for one in (archived, kept)
    ]

    assert (done.code, there) == (0, [archived]), done.err
    assert await site.rows(where) == []
    assert found[0] == found[1]
    assert "chargeback" in [one["what"] for one in found[0][1]]
    assert [one.version for one in outside.outputs(archived)] == list(range(1, len(outside.outputs(archived)) + 1))
