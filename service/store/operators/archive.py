"""The archive: closed orders leave the journals, whole, and stay in the database as one compressed row each.

Their private members stay where they are, and the identity of their facts is kept for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

GROWING = (
    "outbox",
    "facts",
    "orders",
    "private_members",
    "publications",
    "quarantine",
    "quarantine_candidates",
    "archived_orders",
    "archived_facts",
    "console_audit",
)
"""Tables that grow with orders, records or looks. The others are bounded, or grow with what few people do."""


WHOLE_ARCHIVE_SECONDS = 600


class TableSize(NamedTuple):
    """A table's bytes with its indexes, and about how many rows it has."""

    table: str
    bytes: int
    rows: int


class Closed(NamedTuple):
    """A page of orders: the last one looked at, None at the end, how many were, and which of them can be archived."""

    last: str | None
    looked_at: int
    order_ids: list[str]


class Journal(NamedTuple):
    """An order's journals as one JSON text, and its SHA-256."""

    order_id: str
    journal: str
    sha256: bytes


class ArchiveFile(NamedTuple):
    """A file that orders were exported to. `archived`: how many of its orders are in the archive by it."""

    nth: int
    name: str
    sha256: bytes
    bytes: int
    orders: int
    archived: int
    made_at: datetime
    done_by: str
    why: str


class ArchivedOrder(NamedTuple):
    """An archived order: the checksum noted for its journal, and the one that its journal has."""

    order_id: str
    noted: bytes
    found: bytes


async def table_sizes(connection: Connection) -> list[TableSize]:
    """Return the sizes of the growing tables, the largest first. Raises StoreUnavailableError."""
    async with translated():
        return [TableSize(*row) for row in await connection.fetch(SIZES, list(GROWING))]


async def prepare(connection: Connection) -> None:
    """Keep plans on indexes however old the statistics are. Raises StoreUnavailableError."""
    async with translated():
        await connection.execute(
            "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set timezone = 'UTC'"
        )


async def closed(connection: Connection, after: str, until: datetime, limit: int) -> Closed:
    """Look at `limit` orders after this id: those that are over, and of which nothing came or went since `until`.

    Raises StoreUnavailableError.
    """
    async with translated():
        row = await connection.fetchrow(_CLOSED, after, until, limit)
    assert row is not None
    return Closed(row[0], row[1], row[2])


async def orders(connection: Connection) -> int:
    """Return an estimate of the number of orders. Raises StoreUnavailableError."""
    async with translated():
        return int(await connection.fetchval(_ORDERS))


async def journals(connection: Connection, order_ids: Sequence[str]) -> list[Journal]:
    """Return the journals of orders that are not archived. Raises StoreUnavailableError."""
    async with translated():
        return [Journal(*row) for row in await connection.fetch(_JOURNALS, order_ids)]


async def add_file(connection: Connection, name: str, sha256: bytes, size: int, number: int, by: str, why: str) -> int:
    """Note a file that is complete, and return its number. Raises StoreUnavailableError."""
    async with translated():
        return int(await connection.fetchval(_ADD_FILE, name, sha256, size, number, by, why))


async def move(connection: Connection, file: int, exported: Sequence[Journal]) -> list[str]:
    """Move these orders to the archive in one transaction; return those that were moved.

    Left alone are orders that are locked, changed since, or archived already. Raises StoreUnavailableError.
    """
    async with translated():
        rows = await connection.fetch(_MOVE, file, [one.order_id for one in exported], [one.sha256 for one in exported])
    return [row[0] for row in rows]


async def note_run(connection: Connection, by: str, name: str, moved: int, of: int, why: str) -> None:
    """Record in `operator_actions` who archived. Raises StoreUnavailableError."""
    async with translated():
        await connection.execute(_NOTE, by, "archive run", name, f"{moved} of {of} orders moved", why)


async def archive_files(connection: Connection) -> list[ArchiveFile]:
    """Return the files, the oldest first. Raises StoreUnavailableError."""
    async with translated():
        return [ArchiveFile(*row) for row in await connection.fetch(_FILES)]


async def archived_orders(connection: Connection, file: int, after: str, limit: int) -> list[ArchivedOrder]:
    """Return the orders that are archived by a file, after this id, sorted by id. Raises StoreUnavailableError."""
    async with translated():
        return [ArchivedOrder(*row) for row in await connection.fetch(_ARCHIVED, file, after, limit)]


async def bring_back(connection: Connection, order_ids: Collection[str], by: str, why: str) -> list[str]:
    """Move archived orders back to the journals, and record who did it; return those that were archived.

    Raises StoreUnavailableError.
    """
    async with translated(), connection.transaction():
        await connection.execute(_LOCK, list(order_ids))
        back = [row[0] for row in await connection.fetch(_BRING_BACK, list(order_ids))]
        await connection.execute(_NOTE_BACK, by, back, why)
    return back


async def archived_by(connection: Connection, file: str) -> list[str]:
    """Return the orders that are archived by a file of this name. Raises StoreUnavailableError."""
    async with translated():
        return [row[0] for row in await connection.fetch(_ARCHIVED_BY, file)]


async def archived_after(connection: Connection, lane: int, position: int) -> list[str]:
    """Return the archived orders with outputs of a lane after this position. It reads the whole archive.

    Raises StoreUnavailableError.
    """
    async with translated(), connection.transaction():
        await connection.execute(f"set local statement_timeout = '{WHOLE_ARCHIVE_SECONDS}s'")
        rows = await connection.fetch(_ARCHIVED_AFTER, lane, position, timeout=WHOLE_ARCHIVE_SECONDS)
    return [row[0] for row in rows]


SIZES = """
select relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint from pg_class
where oid in (select to_regclass(one) from unnest($1::text[]) as n (one)) order by 2 desc, 1
"""
_ORDERS = "select greatest(reltuples, 0) from pg_class where oid = 'orders'::regclass"
_CLOSED = """
with page as materialized (select order_id from orders where order_id > $1 order by order_id limit $3)
select max(p.order_id), count(*), coalesce(array_agg(p.order_id order by p.order_id) filter (where is_closed), '{}')
from page p cross join lateral (
    select exists (select from orders_that_are_over v where v.order_id = p.order_id)
        and not exists (select from facts f where f.order_id = p.order_id and f.received_at >= $2)
        and not exists (select from outbox b where b.order_id = p.order_id and b.decided_at >= $2)
        and not exists (select from publications b where b.order_id = p.order_id and b.published_at >= $2)
) as c (is_closed)
"""
_JOURNALS = """
select order_id, journal::text, sha256(convert_to(journal::text, 'UTF8')) from purchasing_journals($1::text[])
"""
_ADD_FILE = """
insert into archive_files (name, sha256, bytes, orders, done_by, why) values ($1, $2, $3, $4, $5, $6) returning nth
"""
_MOVE = "select purchasing_archive($1, $2::text[], $3::bytea[])"
_NOTE = "insert into operator_actions (done_by, what, subject, outcome, why) values ($1, $2, $3, $4, $5)"
_FILES = """
select f.nth, f.name, f.sha256, f.bytes, f.orders, (select count(*) from archived_orders a where a.file = f.nth),
    f.made_at, f.done_by, f.why
from archive_files f order by f.nth
"""
_ARCHIVED = """
select order_id, sha256, sha256(convert_to(journal::text, 'UTF8')) from archived_orders
where file = $1 and order_id > $2 order by order_id limit $3
"""
_ARCHIVED_BY = """
select a.order_id from archived_orders a join archive_files f on f.nth = a.file where f.name = $1 order by a.order_id
"""
_ARCHIVED_AFTER = """
select distinct order_id from archived_output_rows where lane = $1 and position > $2 order by order_id
"""
_LOCK = "select from orders where order_id = any($1::text[]) order by order_id for update"
_BRING_BACK = "select purchasing_bring_back($1::text[])"
_NOTE_BACK = """
insert into operator_actions (done_by, what, subject, outcome, why)
select $1, 'archive restore', order_id, 'done', $3 from unnest($2::text[]) as n (order_id)
"""
