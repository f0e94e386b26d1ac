"""Notes of people about orders and quarantined records, and who was shown private members."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from service.store.operators.proposals import Who
    from service.store.operators.quarantine import RecordLocation

    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]


class Note(NamedTuple):
    """Text and ticket that a person noted."""

    at: datetime
    name: str
    ticket: str | None
    text: str


class Disclosure(NamedTuple):
    """That a person was shown the private members of an order."""

    at: datetime
    name: str
    why: str
    ticket: str


class PrivateMembers(NamedTuple):
    """The private members of one message; JSON."""

    source: str
    id: str
    data: str


async def add_note(
    connection: Connection, about: str | RecordLocation, by: Who, key: str, ticket: str | None, text: str
) -> None:
    """Store a note about an order or a record; the same form twice is one note. Raises StoreError."""
    place = (about, None, None, None) if isinstance(about, str) else (None, *about[:3])
    async with translated():
        await connection.execute(_ADD, by.subject, by.name, key, *place, ticket, text)


async def notes_of_order(connection: Connection, order_id: str) -> list[Note]:
    """Return the notes about an order, the oldest first. Raises StoreError."""
    async with translated():
        return [Note(*row) for row in await connection.fetch(f"{_NOTES} where order_id = $1 order by nth", order_id)]


async def notes_of_record(connection: Connection, place: RecordLocation) -> list[Note]:
    """Return the notes about the records of a place, the oldest first. Raises StoreError."""
    query = f'{_NOTES} where (topic, partition, "offset") = ($1, $2, $3) order by nth'
    async with translated():
        return [Note(*row) for row in await connection.fetch(query, *place[:3])]


async def disclosures_of(connection: Connection, order_id: str) -> list[Disclosure]:
    """Return who was shown the private members of an order, the latest first. Raises StoreError."""
    query = "select at, name, why, ticket from console_disclosures where order_id = $1 order by nth desc limit 100"
    async with translated():
        return [Disclosure(*row) for row in await connection.fetch(query, order_id)]


async def disclose(
    connection: Connection, order_id: str, by: Who, key: str, why: str, ticket: str, minutes: int
) -> tuple[datetime, list[PrivateMembers]] | None:
    """Record who sees the private members of an order, and return them with until when; None: the form was used before,
    too long ago. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_DISCLOSE, order_id, by.subject, by.name, key, why, ticket, minutes)
    if not rows:
        return None
    return rows[0][3], [PrivateMembers(*tuple(row)[:3]) for row in rows if row[0] is not None]


_ADD = """
insert into console_notes (subject, name, key, order_id, topic, partition, "offset", ticket, note)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
"""
_NOTES = "select at, name, ticket, note from console_notes"
_DISCLOSE = "select source, id, data, until from purchasing_disclose($1, $2, $3, $4, $5, $6, $7)"
