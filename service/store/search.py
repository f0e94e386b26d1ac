"""Search for orders by an id: an order's, payment's, chargeback's, request's, command's, message's, account's or
provider's.

Each look-up is one index (0012_index_ids_for_search), and ends after ROWS_MAX rows. An archived order is found by all
of these but messages', decisions' and its provider's (0020_create_archive).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.rows import INSTALLATION, Installation

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

ROWS_MAX = 50
"""Rows per kind of id."""

ID_LENGTH_MAX = 160
"""Characters of the longest id that is stored (derived ids)."""

# The last branches are for archived orders, which the index on `archived_orders.ids` finds.
_SEARCH = """
with archived as materialized (
    select order_id from archived_orders where ids @> array[purchasing_order_hash($1)] order by last_at desc limit $2
)
(select 'order' as what, order_id, null::timestamptz as at, null::text as type from orders where order_id = $1)
union all
(select 'payment', order_id, received_at, type from facts
    where type in ('purchasing.payment.captured.v1', 'purchasing.payment.tip_paid.v1',
        'purchasing.payment.outstanding_paid.v1') and data ->> 'payment_id' = $1 limit $2)
union all
(select 'chargeback', order_id, received_at, type from facts
    where type = 'purchasing.chargeback.opened.v1' and data ->> 'chargeback_id' = $1 limit $2)
union all
(select 'request', order_id, received_at, type from facts
    where type in ('purchasing.order.cancellation_requested.v1', 'purchasing.order.dissolution_requested.v1')
    and data ->> 'request_id' = $1 limit $2)
union all
(select case when topic like 'purchasing.commands.%' then 'command' else 'decision' end, order_id, decided_at, topic
    from outbox where id = $1 and order_id is not null limit $2)
union all
(select 'message', order_id, received_at, type from facts where id = $1 limit $2)
union all
(select 'account', order_id, received_at, type from facts
    where type = 'purchasing.order.placed.v1' and data ->> 'account_id' = $1
    order by received_at desc limit $2)
union all
(select 'provider', order_id, received_at, type from facts
    where type = 'purchasing.order.placed.v1' and data ->> 'provider_id' = $1
    order by received_at desc limit $2)
union all
(select k.what, f.order_id, f.received_at, f.type from archived a join archived_fact_rows f on f.order_id = a.order_id
    cross join lateral (select case
        when f.type in ('purchasing.payment.captured.v1', 'purchasing.payment.tip_paid.v1',
            'purchasing.payment.outstanding_paid.v1') and f.data ->> 'payment_id' = $1 then 'payment'
        when f.type = 'purchasing.chargeback.opened.v1' and f.data ->> 'chargeback_id' = $1 then 'chargeback'
        when f.type in ('purchasing.order.cancellation_requested.v1', 'purchasing.order.dissolution_requested.v1')
            and f.data ->> 'request_id' = $1 then 'request'
        when f.type = 'purchasing.order.placed.v1' and f.data ->> 'account_id' = $1 then 'account' end as what) as k
    where k.what is not null limit $2)
union all
(select 'command', o.order_id, o.decided_at, o.topic
    from archived a join archived_output_rows o on o.order_id = a.order_id
    where o.id = $1 and o.topic like 'purchasing.commands.%' limit $2)
"""

_IN_QUARANTINE = """
select topic, partition, "offset", reason, at from quarantined_orders
where order_hash = purchasing_order_hash($1)
group by topic, partition, "offset", digest, reason, at -- the key and the subject of a record may name one order
order by at desc limit $2
"""


class Hit(NamedTuple):
    """One order that an id leads to. `at`: when the message was received or the output decided; None for the order."""

    what: str
    order_id: str
    at: datetime | None
    type: str | None
    """Type of the message, or topic of the output."""


class QuarantineHit(NamedTuple):
    """A record in quarantine that may concern an order of this id."""

    topic: str
    partition: int
    offset: int
    reason: str
    at: datetime


async def search(connection: asyncpg.Connection[asyncpg.Record], given: str) -> list[Hit]:
    """Return what an id leads to, at most ROWS_MAX of a kind, accounts' and providers' latest orders first.

    Raises StoreUnavailableError.
    """
    if not is_searchable(given):
        return []
    async with translated():
        return [Hit(*row) for row in await connection.fetch(_SEARCH, given, ROWS_MAX)]


async def quarantined(connection: asyncpg.Connection[asyncpg.Record], given: str) -> list[QuarantineHit]:
    """Return records in quarantine that may concern the order of this id. Raises StoreUnavailableError."""
    if not is_searchable(given):
        return []
    async with translated():
        return [QuarantineHit(*row) for row in await connection.fetch(_IN_QUARANTINE, given, ROWS_MAX)]


async def installation(connection: asyncpg.Connection[asyncpg.Record]) -> Installation:
    """Return which lanes, and so which orders, this database has. Raises StoreUnavailableError."""
    async with translated():
        (row,) = await connection.fetch(INSTALLATION)
    return Installation(*row)


async def has_archive(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    """Return whether orders are archived, to which not every id leads. Raises StoreUnavailableError."""
    async with translated():
        return bool(await connection.fetchval("select exists (select from archived_orders)"))


def is_searchable(given: str) -> bool:
    """Return whether there can be such an id at all."""
    return 0 < len(given) <= ID_LENGTH_MAX and is_storable(given)


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can hold a text: no NUL and no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
