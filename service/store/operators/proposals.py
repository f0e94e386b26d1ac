"""Acts that people propose at the console: frozen lists of items, with a token of each order that they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


class Who(NamedTuple):
    """A person: the subject at the identity provider, and the name."""

    subject: str
    name: str

    def __str__(self) -> str:
        """Return how actions name this person."""
        return self.name if self.name == self.subject else f"{self.name} ({self.subject})"


class NewItem(NamedTuple):
    """One thing that an act is done to, and the orders that it moves."""

    subject: str
    order_ids: Sequence[str] = ()


class RepairRow(NamedTuple):
    """The bytes to replay in place of a quarantined record; None keeps the part."""

    value: bytes | None
    key: bytes | None
    without_headers: bool


class NewProposal(NamedTuple):
    """An act as it is proposed. `given` and `preview` are JSON."""

    id: UUID
    key: str
    act: str
    requested: Who
    why: str
    ticket: str | None
    given: str
    preview: str
    needs_approval: bool
    lasts: timedelta
    items: Sequence[NewItem]
    tokens: Mapping[str, str]
    """By order."""
    repair: RepairRow | None = None


class Proposal(NamedTuple):
    """An act that somebody proposed."""

    id: UUID
    act: str
    requested: Who
    requested_at: datetime
    why: str
    ticket: str | None
    given: str
    preview: str
    needs_approval: bool
    ends_at: datetime
    confirmed: Who | None
    confirmed_at: datetime | None
    items: int


async def add_proposal(connection: Connection, new: NewProposal) -> UUID:
    """Store a proposal; return its id, or the id of the one that the same form made before. Raises StoreError."""
    async with translated(), connection.transaction():
        await connection.execute(_FORGET_REPAIRS)
        made = await connection.fetchval(
            _ADD,
            new.id,
            new.key,
            new.act,
            *new.requested,
            new.why,
            new.ticket,
            new.given,
            new.preview,
            new.needs_approval,
            new.lasts,
        )
        if made is None:
            before: UUID = await connection.fetchval(_BEFORE, new.requested.subject, new.key)
            return before
        await connection.executemany(
            "insert into console_items (proposal_id, nth, subject, order_ids) values ($1, $2, $3, $4)",
            [(new.id, nth, one.subject, list(one.order_ids)) for nth, one in enumerate(new.items, 1)],
        )
        await connection.executemany(
            "insert into console_proposal_orders (proposal_id, order_id, token) values ($1, $2, $3)",
            [(new.id, order_id, token) for order_id, token in new.tokens.items()],
        )
        if new.repair is not None:
            await connection.execute("insert into console_repairs values ($1, $2, $3, $4)", new.id, *new.repair)
    return new.id


async def made_before(connection: Connection, subject: str, key: str) -> UUID | None:
    """Return the proposal that this person's form made before. Raises StoreError."""
    async with translated():
        found: UUID | None = await connection.fetchval(_BEFORE, subject, key)
    return found


async def proposal(connection: Connection, proposal_id: UUID) -> Proposal | None:
    """Return a proposal; None: there is none of this id. Raises StoreError."""
    async with translated():
        row = await connection.fetchrow(f"{_SELECT} where p.id = $1", proposal_id)
    return None if row is None else _proposal(row)


async def lock_proposal(connection: Connection, proposal_id: UUID) -> None:
    """Make others who confirm it wait until this transaction has ended. Raises StoreError."""
    async with translated():
        await connection.execute("select from console_proposals where id = $1 for update", proposal_id)


async def open_proposals(connection: Connection, limit: int) -> list[Proposal]:
    """Return proposals that may still be confirmed, the latest first. Raises StoreError."""
    query = f"""{_SELECT} where p.confirmed_at is null and p.ends_at > clock_timestamp()
        order by p.requested_at desc limit $1"""
    async with translated():
        return [_proposal(row) for row in await connection.fetch(query, limit)]


async def repair_of(connection: Connection, proposal_id: UUID) -> RepairRow | None:
    """Return the bytes to replay. Raises StoreError."""
    query = "select value, key, without_headers from console_repairs where proposal_id = $1"
    async with translated():
        row = await connection.fetchrow(query, proposal_id)
    return None if row is None else RepairRow(*row)


async def order_tokens(connection: Connection, order_ids: Collection[str]) -> dict[str, str]:
    """Return a token for each order, which is another one once anything about the order changes that an act may depend
    on. An order that is not known has one as well. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_TOKENS, list(order_ids))
    return {row[0]: row[1] for row in rows}


async def changed_orders(connection: Connection, proposal_id: UUID, order_ids: Collection[str] | None) -> list[str]:
    """Return which of these orders (None: all of the proposal's) have changed since. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_FROZEN, proposal_id, None if order_ids is None else list(order_ids))
        frozen = {row[0]: row[1] for row in rows}
        now = await order_tokens(connection, frozen)
    return sorted(order_id for order_id, token in frozen.items() if now.get(order_id) != token)


async def renew_tokens(connection: Connection, proposal_id: UUID, order_ids: Collection[str]) -> None:
    """Take these orders as they are now: the operation itself has just changed them. Raises StoreError."""
    now = await order_tokens(connection, order_ids)
    async with translated():
        await connection.executemany(
            "update console_proposal_orders set token = $3 where proposal_id = $1 and order_id = $2",
            [(proposal_id, order_id, token) for order_id, token in now.items()],
        )


def _proposal(row: asyncpg.Record) -> Proposal:
    confirmed = None if row["confirmed_by"] is None else Who(row["confirmed_by"], row["confirmed_name"])
    return Proposal(
        row["id"],
        row["act"],
        Who(row["requested_by"], row["requested_name"]),
        row["requested_at"],
        row["why"],
        row["ticket"],
        row["given"],
        row["preview"],
        row["needs_approval"],
        row["ends_at"],
        confirmed,
        row["confirmed_at"],
        row["items"],
    )


_ADD = """
insert into console_proposals (id, key, act, requested_by, requested_name, why, ticket, given, preview, needs_approval,
    ends_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11::interval)
on conflict (requested_by, key) do nothing returning id
"""
_BEFORE = "select id from console_proposals where requested_by = $1 and key = $2"
_SELECT = """
select p.*, (select count(*) from console_items i where i.proposal_id = p.id) as items from console_proposals p
"""
_FORGET_REPAIRS = """
delete from console_repairs r using console_proposals p
where p.id = r.proposal_id and p.confirmed_at is null and p.ends_at < clock_timestamp()
"""
_FROZEN = """
select order_id, token from console_proposal_orders
where proposal_id = $1 and ($2::text[] is null or order_id = any($2::text[]))
"""
# The version is new whenever a journal of the order grows; the rest changes without it.
_TOKENS = """
select n.order_id, md5(concat_ws('|', o.version, o.held_at, o.stuck, (
    select string_agg(distinct concat_ws('/', q.topic, q.partition, q."offset", encode(q.digest, 'hex'), q.reason), ',')
    from quarantined_orders q where q.order_hash = purchasing_order_hash(n.order_id))))
from unnest($1::text[]) as n (order_id) left join orders o using (order_id)
"""
