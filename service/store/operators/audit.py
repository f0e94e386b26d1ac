"""The audit of the console: views and acts with their persons, written with each answer, searched page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]


class AuditEntry(NamedTuple):
    """A look or an act; `allowed`: whether the person had the right."""

    subject: str
    name: str
    way: str
    what: str
    """`look` or `act`."""
    allowed: bool
    needed: str
    """The right that it needs."""
    path: str
    """Pattern of the address."""
    known_id: str | None
    about: UUID | None
    """The proposal, which is also the operation."""
    status: int


class AuditRow(NamedTuple):
    """An entry as it was stored."""

    nth: int
    at: datetime
    entry: AuditEntry


class AuditFilter(NamedTuple):
    """Selection of entries; None: any. `who` is a subject or a part of a name, `since` inclusive, `until` exclusive."""

    who: str | None = None
    what: str | None = None
    allowed: bool | None = None
    known_id: str | None = None
    about: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def add_entry(connection: Connection, entry: AuditEntry) -> None:
    """Store an entry. Raises StoreError."""
    async with translated():
        await connection.execute(_ADD, *entry)


async def entries(connection: Connection, which: AuditFilter, before: int | None, limit: int) -> list[AuditRow]:
    """Return at most `limit` entries before the `before`th, the latest first. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_ENTRIES, *which, before, limit)
    return [AuditRow(row[0], row[1], AuditEntry(*tuple(row)[2:])) for row in rows]


_ADD = """
insert into console_audit (subject, name, way, what, allowed, needed, path, known_id, about, status)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_ENTRIES = """
select nth, at, subject, name, way, what, allowed, needed, path, known_id, about, status from console_audit
where ($1::text is null or subject = $1 or position(lower($1) in lower(name)) > 0)
    and ($2::text is null or what = $2) and ($3::boolean is null or allowed = $3)
    and ($4::text is null or known_id = $4) and ($5::uuid is null or about = $5)
    and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
    and ($8::bigint is null or nth < $8)
order by nth desc limit $9
"""
