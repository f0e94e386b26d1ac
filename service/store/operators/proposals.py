"""Acts that people propose at the console: frozen lists of items, with a token of each order that they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.console_sessions import LINK
from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

ALONE_HOURS = 24
"""The time for which an act that somebody confirmed alone counts against the limits of one person."""
_LOCK = 4_851_622_302
"""The advisory lock for confirming: any number, but never change it."""


class Who(NamedTuple):
    """A person: the subject at the identity provider, the name, and the way of signing in (None: an older console noted
    none)."""

    subject: str
    name: str
    way: str | None

    def __str__(self) -> str:
        """Return how actions name this person."""
        return self.name if self.name == self.subject else f"{self.name} ({self.subject})"

    def is_certainly_not(self, other: Who) -> bool:
        """Whether these are two people: two subjects of one way of signing in, which says who it is."""
        ways = {self.way, other.way}
        return self.subject != other.subject and LINK not in ways and len(ways - {None}) == 1


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
        await connection.executemany(_ADD_ORDER, [(new.id, order_id, token) for order_id, token in new.tokens.items()])
        if new.repair is not None:
            await connection.execute("insert into console_repairs values ($1, $2, $3, $4)", new.id, *new.repair)
    return new.id


class Alone(NamedTuple):
    """Acts that a person confirmed within ALONE_HOURS without a second one: records, and minor units by currency."""

    records: int
    amounts: Mapping[str, int]


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


async def confirmed_alone(connection: Connection, who: Who) -> Alone:
    """Return what this person, or who may be the same, confirmed without a second person. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_ALONE, who.subject, who.way, ALONE_HOURS)
    amounts = {row[0]: int(row[1]) for row in rows if row[0] is not None}
    return Alone(next(int(row[1]) for row in rows if row[0] is None), amounts)


async def lock_confirmations(connection: Connection) -> None:
    """Let nobody else confirm anything until this transaction has ended: two at once could each stay below a limit that
    both together exceed. Raises StoreError."""
    async with translated():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def repairs_ended_since(connection: Connection, since: datetime | None) -> datetime | None:
    """Return when the last proposal of a repair ended after `since`; None: none did. Raises StoreError."""
    query = """select max(ends_at) from console_proposals
        where act = 'repair' and ends_at < clock_timestamp() and ($1::timestamptz is null or ends_at > $1)"""
    async with translated():
        found: datetime | None = await connection.fetchval(query, since)
    return found


async def forget_repairs(connection: Connection) -> None:
    """Delete the bytes of repairs that nobody may confirm any more. Raises StoreError."""
    async with translated():
        await connection.execute(_FORGET_REPAIRS)


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


async def commands_since(
    connection: Connection, proposal_id: UUID, order_ids: Collection[str]
) -> list[tuple[str, str, bytes]]:
    """Return the commands of these orders since the proposal's preview: order, topic, value. Raises StoreError."""
    async with translated():
        return [tuple(row) for row in await connection.fetch(_SINCE, proposal_id, list(order_ids))]


async def renew_tokens(connection: Connection, proposal_id: UUID, order_ids: Collection[str]) -> None:
    """Take these orders as they are now: the operation itself has just changed them. Raises StoreError."""
    now = await order_tokens(connection, order_ids)
    async with translated():
        await connection.executemany(
            "update console_proposal_orders set token = $3 where proposal_id = $1 and order_id = $2",
            [(proposal_id, order_id, token) for order_id, token in now.items()],
        )


def _proposal(row: asyncpg.Record) -> Proposal:
    confirmed = None
    if row["confirmed_by"] is not None:
        confirmed = Who(row["confirmed_by"], row["confirmed_name"], row["confirmed_way"])
    return Proposal(
        row["id"],
        row["act"],
        Who(row["requested_by"], row["requested_name"], row["requested_way"]),
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
insert into console_proposals (id, key, act, requested_by, requested_name, requested_way, why, ticket, given, preview,
    needs_approval, ends_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp() + $12::interval)
on conflict (requested_by, key) do nothing returning id
"""
_ADD_ORDER = """
insert into console_proposal_orders (proposal_id, order_id, token, outputs)
values ($1, $2, $3, (select coalesce(max(order_version), 0) from (
    select order_version from outbox where order_id = $2
    union all select order_version from archived_output_rows where order_id = $2) as o))
"""
_BEFORE = "select id from console_proposals where requested_by = $1 and key = $2"
_SELECT = """
select p.*, (select count(*) from console_items i where i.proposal_id = p.id) as items from console_proposals p
"""
# A confirmed one that nobody stopped runs, or will: its bytes go with its outcome.
_FORGET_REPAIRS = """
delete from console_repairs r using console_proposals p left join console_operations o on o.id = p.id
where p.id = r.proposal_id and p.ends_at < clock_timestamp() and (o.id is null or o.stopped is not null)
"""
# The same person, possibly: the same subject, or somebody who signed in another way.
_ALONE = """
with alone as materialized (
    select id, act, preview from console_proposals
    where confirmed_at > clock_timestamp() - make_interval(hours => $3)
        and act in ('replay', 'repair', 'drop', 'resume')
        and (confirmed_by = requested_by or confirmed_way <> requested_way or confirmed_way = 'link')
        and (requested_by = $1 or confirmed_by = $1 or requested_way <> $2 or confirmed_way <> $2)
)
select null as currency, count(*)::numeric from alone a join console_items i on i.proposal_id = a.id
where a.act <> 'resume'
union all
select coalesce(m ->> 'currency', ''), sum(coalesce((m ->> 'amount')::numeric, 0))
from alone, json_array_elements(preview -> 'moves') as m group by 1
"""
_SINCE = """
select o.order_id, o.topic, o.value
from console_proposal_orders p join outbox o on o.order_id = p.order_id and o.order_version > p.outputs
where p.proposal_id = $1 and p.order_id = any($2::text[]) and o.topic like 'purchasing.commands.%'
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
