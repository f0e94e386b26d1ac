"""Values for the parameters of routes, where there is an order ord-1 and a quarantined record at offset 77."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
from purchasing_contracts.base import text_of

from tests.orders.stories import record
from tests.rules.happenings import HOUR, when

if TYPE_CHECKING:
    from service.orders.engine import Engine
    from tests.orders.stories import Story

TOPIC = "purchasing.events.order.v1"
IN_PATHS = {
    "order_id": "ord-1",
    "instant": text_of(when(HOUR)),
    "number": "12",
    "message_type": "purchasing.order.placed.v1",
    "name": "console.css",
    "page": "index.html",
    "alert": "PurchasingMoneyLate",
    "section": "money-late",
    "topic": TOPIC,
    "partition": "0",
    "offset": "77",
    "act": "hold",
    "proposal_id": "7e57ab1e-0000-4000-8000-000000000001",
    "operation_id": "7e57ab1e-0000-4000-8000-000000000001",
}
QUERIES = {
    "/search": "?q=ord-1-e0",
    "/messages": "?order=ord-1",
    "/quarantine/group": f"?topic={TOPIC}&reason=not_json",
}
FORMS = {
    "/reconciliation": {"csv": "command_id\nnobody-knows"},
    "/what-if": {
        "terms": '{"terms": [{"version": "t", "provider_id": "prov-1", "effective_from": "2026-01-01T00:00:00Z"}]}'
    },
}
"""Forms for the addresses that answer 400 without one."""


async def add_all(engine: Engine, database: str, story: Story) -> None:
    """Store an order, a quarantined record and an operation with the ids that stand in the addresses."""
    for inbound_record in story:
        await engine.handle([inbound_record])
    await engine.handle([record(b"{", key=b"ord-1", topic=TOPIC)._replace(offset=77)])
    await add_operation(database)


async def add_operation(database: str) -> None:
    """Store an operation that has ended, with the id that stands in the addresses."""
    lists = ("moves", "effects", "refused", "notes", "changed_places")
    preview = json.dumps({"at": "2026-03-01T00:00:00Z"} | {name: [] for name in lists})
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "insert into console_proposals values ($1, 'k', 'hold', 'u-cho', 'Cho', now(), 'x', null, '{}', $2, false,"
            " now(), 'u-cho', 'Cho', now())",
            IN_PATHS["proposal_id"],
            preview,
        )
        await connection.execute(
            "insert into console_items values ($1, 1, 'ord-1', '{ord-1}', now(), 'done', null, now())",
            IN_PATHS["proposal_id"],
        )
        await connection.execute(
            "insert into console_operations values ($1, now(), 1, null, null, null, now())", IN_PATHS["operation_id"]
        )
    finally:
        await connection.close()
