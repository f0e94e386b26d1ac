"""Queries of quarantined records for operators. A record's content is read only by `contents`."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    import asyncpg

    from service.store.rows import QuarantineAction, RecordIdentity

DIGEST_SHOWN = 8


class RecordLocation(NamedTuple):
    """A record's place in Kafka. `digest`: the beginning of its digest (hexadecimal; empty: any), because a recreated
    topic may have put several records into one place."""

    topic: str
    partition: int
    offset: int
    digest: str = ""


class QuarantineFilter(NamedTuple):
    """Selection of records; None: any. Times are when they were quarantined, `until` exclusive.

    `order_id`: records that may concern the order. With `exactly`, only records whose subject or key is this id, for
    actions that can't be undone.
    """

    places: tuple[RecordLocation, ...] = ()
    reason: str | None = None
    topic: str | None = None
    type: str | None = None
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    resolved: bool | None = False
    exactly: bool = False


class QuarantinedRecord(NamedTuple):
    """A quarantined record without its content."""

    topic: str
    partition: int
    offset: int
    digest: bytes
    sha256: bytes
    reason: str
    place: str
    size: int
    order_id: str | None
    type: str | None
    at: datetime
    resolved_at: datetime | None
    resolution: str | None
    erased_at: datetime | None
    source: str | None = None
    """The sender, by the CloudEvents attribute, where it could be read."""
    holds_up: tuple[str, ...] = ()
    """The existing orders that wait until it is resolved."""

    @property
    def identity(self) -> RecordIdentity:
        """The values that identify the record in each delivery."""
        return (self.topic, self.partition, self.offset, self.digest)

    @property
    def name(self) -> str:
        """The record's name for people: topic/partition/offset#digest."""
        return f"{self.topic}/{self.partition}/{self.offset}#{self.digest.hex()[:DIGEST_SHOWN]}"


class Content(NamedTuple):
    """A record's bytes; all empty if they were erased."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class PastAction(NamedTuple):
    """A past action on a record."""

    at: datetime
    by: str
    what: str
    outcome: str
    why: str | None


class OpenRecord(NamedTuple):
    """An open record that holds an order up."""

    topic: str
    partition: int
    offset: int
    digest: bytes
    since: datetime

    @property
    def identity(self) -> RecordIdentity:
        """The values that identify the record in each delivery."""
        return (self.topic, self.partition, self.offset, self.digest)


_COLUMNS = """q.topic, q.partition, q."offset", q.digest, q.sha256, q.reason, q.place, q.size, q.order_id, q.type, q.at,
    q.resolved_at, q.resolution, q.erased_at, q.source,
    array(select distinct o.order_id from quarantined_orders h
        join orders o on purchasing_order_hash(o.order_id) = h.order_hash and o.version is not null
        where (h.topic, h.partition, h."offset", h.digest) = (q.topic, q.partition, q."offset", q.digest)
        order by o.order_id) as holds_up"""
_AT_PLACES = """
join unnest($1::text[], $2::integer[], $3::bigint[], $4::text[]) as n (topic, partition, "offset", digest)
    on (q.topic, q.partition, q."offset") = (n.topic, n.partition, n."offset")
    and starts_with(encode(q.digest, 'hex'), n.digest)
"""
_ANYWHERE = "cross join (select $1::text[], $2::integer[], $3::bigint[], $4::text[]) as n"
_WHERE = """
where ($5::text is null or q.reason = $5) and ($6::text is null or q.topic = $6)
    and ($7::text is null or q.type = $7) and ($8::text is null or {of_order})
    and ($9::timestamptz is null or q.at >= $9) and ($10::timestamptz is null or q.at < $10)
    and ($11::boolean is null or (q.resolved_at is not null) = $11)
"""
_OF_ORDER = """(q.order_id = $8 or exists (select from quarantine_candidates c
    where (c.topic, c.partition, c."offset", c.digest) = (q.topic, q.partition, q."offset", q.digest)
        and c.order_hash = purchasing_order_hash($8)))"""
# The key is content, so only those may use this who may see content.
_OF_ORDER_EXACTLY = "(q.order_id = $8 or q.key = convert_to($8, 'UTF8'))"
_ONE_ROW = """
join unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[]) as n (topic, partition, "offset", digest)
    using (topic, partition, "offset", digest)
"""


async def count(connection: asyncpg.Connection[asyncpg.Record], which: QuarantineFilter) -> int:
    """Return the number of records. Raises StoreUnavailableError, SchemaError, like all functions below."""
    async with translated():
        query = f"select count(*) from quarantine q {_joined(which)} {_where(which)}"  # noqa: S608 - constants
        return int(await connection.fetchval(query, *_arguments(which)))


async def page(
    connection: asyncpg.Connection[asyncpg.Record], which: QuarantineFilter, after: RecordIdentity | None, limit: int
) -> list[QuarantinedRecord]:
    """Return at most `limit` records after `after`, sorted by topic, partition, offset and digest."""
    query = f"""
        select {_COLUMNS} from quarantine q {_joined(which)} {_where(which)}
            and (q.topic, q.partition, q."offset", q.digest) > ($12, $13, $14, $15)
        order by q.topic, q.partition, q."offset", q.digest limit $16
    """  # noqa: S608 - constants
    async with translated():
        rows = await connection.fetch(query, *_arguments(which), *(after or ("", -1, -1, b"")), limit)
    return [_record(row) for row in rows]


async def page_of_group(
    connection: asyncpg.Connection[asyncpg.Record],
    condition: str,
    group: tuple[object, ...],
    after: RecordIdentity | None,
    limit: int,
) -> list[QuarantinedRecord]:
    """Return at most `limit` records after `after` that meet a condition, whose $1 to $4 are `group`."""
    query = f"""
        select {_COLUMNS} from quarantine q where {condition}
            and (q.topic, q.partition, q."offset", q.digest) > ($5, $6, $7, $8)
        order by q.topic, q.partition, q."offset", q.digest limit $9
    """  # noqa: S608 - constants
    async with translated():
        rows = await connection.fetch(query, *group, *(after or ("", -1, -1, b"")), limit)
    return [_record(row) for row in rows]


async def contents(
    connection: asyncpg.Connection[asyncpg.Record], records: Collection[RecordIdentity]
) -> dict[RecordIdentity, Content]:
    """Return the content of these records, including private members. Only for people who may see it."""
    query = f"""
        select q.topic, q.partition, q."offset", q.digest, q.key, q.value, q.headers from quarantine q {_ONE_ROW}
    """  # noqa: S608 - constants
    async with translated():
        rows = await connection.fetch(query, *_columns(records))
    return {(row[0], row[1], row[2], row[3]): Content(row[4], row[5], _headers(row[6])) for row in rows}


async def holding_up(connection: asyncpg.Connection[asyncpg.Record], order_id: str) -> list[OpenRecord]:
    """Return the open records that hold an order up."""
    query = """
        select distinct topic, partition, "offset", digest, at from quarantined_orders
        where order_hash = purchasing_order_hash($1) order by at, topic, partition, "offset", digest
    """
    async with translated():
        return [OpenRecord(*row) for row in await connection.fetch(query, order_id)]


async def actions(connection: asyncpg.Connection[asyncpg.Record], record: RecordIdentity) -> list[PastAction]:
    """Return the actions on a record, the oldest first."""
    query = """
        select at, done_by, what, outcome, why from quarantine_actions
        where (topic, partition, "offset", digest) = ($1, $2, $3, $4) order by nth
    """
    async with translated():
        return [PastAction(*row) for row in await connection.fetch(query, *record)]


async def note(connection: asyncpg.Connection[asyncpg.Record], done: Sequence[QuarantineAction]) -> None:
    """Record actions on records."""
    query = """
        insert into quarantine_actions (topic, partition, "offset", digest, what, outcome, done_by, why)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
    """
    async with translated():
        await connection.executemany(query, [(*one, *rest) for one, *rest in done])


def _record(row: asyncpg.Record) -> QuarantinedRecord:
    return QuarantinedRecord(*row)._replace(holds_up=tuple(row["holds_up"]))


def _joined(which: QuarantineFilter) -> str:
    return _AT_PLACES if which.places else _ANYWHERE


def _where(which: QuarantineFilter) -> str:
    return _WHERE.format(of_order=_OF_ORDER_EXACTLY if which.exactly else _OF_ORDER)


def _arguments(which: QuarantineFilter) -> list[object]:
    places, *rest, _ = which
    return [*_columns(places or [RecordLocation("", -1, -1)]), *rest]


def _columns(rows: Collection[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def _headers(text: str) -> tuple[tuple[str, bytes | None], ...]:
    return tuple((name, None if value is None else b64decode(value)) for name, value in json.loads(text))
