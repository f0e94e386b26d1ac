"""Confirmed proposals as they run: how far each is, who works on it, and what became of each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.operators.proposals import forget_repairs, renew_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from service.store.operators.proposals import Who

    Connection = asyncpg.Connection[asyncpg.Record]

ALLOWED_SECONDS = 3600
"""An operation that is taken up later than this after a person let it run waits for a person."""
LEASE_SECONDS = 30
"""So long a console process that ended keeps an operation from being taken up by another."""


class OperationRow(NamedTuple):
    """The progress of an operation. Its id is its proposal's."""

    id: UUID
    started_at: datetime
    allowed: int
    stopped: str | None
    """`refused`, `changed`, `failed`, `asked`."""
    ended_at: datetime | None
    items: int
    handled: int

    @property
    def state(self) -> str:
        """`ended`, `stopped`, `waiting` for a person to allow more, or `running`."""
        if self.ended_at is not None:
            return "ended"
        if self.stopped is not None:
            return "stopped"
        return "waiting" if self.handled >= self.allowed else "running"


class ItemRow(NamedTuple):
    """One item, and what became of it; `outcome` None: not handled yet."""

    nth: int
    subject: str
    order_ids: Sequence[str]
    outcome: str | None
    detail: str | None
    begun_at: datetime | None
    ended_at: datetime | None


async def begin_operation(connection: Connection, proposal_id: UUID, by: Who, allowed: int) -> bool:
    """Confirm a proposal and begin its operation; return whether this call did. Raises StoreError.

    Call it in the transaction that found the proposal's orders unchanged. The database refuses a second person who is
    the first one.
    """
    async with translated():
        confirmed = await connection.fetchval(_CONFIRM, proposal_id, *by)
        if confirmed is None:
            return False
        await connection.execute("insert into console_operations (id, allowed) values ($1, $2)", proposal_id, allowed)
    return True


async def operation(connection: Connection, operation_id: UUID) -> OperationRow | None:
    """Return an operation; None: there is none of this id. Raises StoreError."""
    async with translated():
        row = await connection.fetchrow(f"{_SELECT} where o.id = $1", operation_id)
    return None if row is None else OperationRow(*row)


async def latest_operations(connection: Connection, limit: int) -> list[OperationRow]:
    """Return the operations, the latest first. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(f"{_SELECT} order by o.started_at desc limit $1", limit)
    return [OperationRow(*row) for row in rows]


async def items(connection: Connection, proposal_id: UUID, after: int = 0, limit: int = 1_000_000) -> list[ItemRow]:
    """Return the items of a proposal after the `after`th. Raises StoreError."""
    query = """select nth, subject, order_ids, outcome, detail, begun_at, ended_at from console_items
        where proposal_id = $1 and nth > $2 order by nth limit $3"""
    async with translated():
        return [ItemRow(*row) for row in await connection.fetch(query, proposal_id, after, limit)]


async def unfinished(connection: Connection) -> list[UUID]:
    """Return the operations that have something to do and that no process works on. Raises StoreError."""
    async with translated():
        return [row[0] for row in await connection.fetch(_UNFINISHED)]


async def claim(connection: Connection, operation_id: UUID, runner: UUID) -> bool:
    """Take an operation on; return whether it is this process's to run now. Raises StoreError."""
    async with translated():
        return bool(await connection.fetchval(_CLAIM, operation_id, runner, LEASE_SECONDS))


async def let_wait(connection: Connection, operation_id: UUID) -> bool:
    """Have an operation wait for a person if one let it run too long ago; return whether it does. Raises StoreError."""
    async with translated():
        return bool(await connection.fetchval(_LET_WAIT, operation_id, ALLOWED_SECONDS))


async def renew(connection: Connection, operation_id: UUID, runner: UUID) -> bool:
    """Keep an operation while one of its items takes long; return whether it still was this process's.

    Raises StoreError.
    """
    async with translated():
        return bool(await connection.fetchval(_RENEW, operation_id, runner, LEASE_SECONDS))


async def give_up(connection: Connection, operation_id: UUID, runner: UUID) -> None:
    """Let any process work on an operation that this one leaves. Raises StoreError."""
    query = "update console_operations set lease_ends_at = null, runner = null where id = $1 and runner = $2"
    async with translated():
        await connection.execute(query, operation_id, runner)


async def next_item(connection: Connection, operation_id: UUID) -> ItemRow | None:
    """Return the next item that may be handled; None: there is none now. Raises StoreError."""
    async with translated():
        row = await connection.fetchrow(_NEXT, operation_id)
    return None if row is None else ItemRow(*row)


async def note_begun(connection: Connection, operation_id: UUID, runner: UUID, nth: int) -> bool:
    """Store that an item is being handled; return False, and store nothing, if the operation isn't this process's any
    more. Raises StoreError."""
    query = "update console_items set begun_at = clock_timestamp() where proposal_id = $1 and nth = $2"
    async with translated(), connection.transaction():
        if not await connection.fetchval(_IS_OURS, operation_id, runner):
            return False
        await connection.execute(query, operation_id, nth)
    return True


async def note_outcome(
    connection: Connection,
    operation_id: UUID,
    runner: UUID,
    item: ItemRow,
    outcome: tuple[str, str | None],
    stop: str | None,
) -> bool:
    """Store what became of an item, with what there is to say of it, and take its orders as they
    are now: the operation itself has just changed them.

    `stop`: why the operation stops with it, if it does. Return False, and store nothing, if the operation isn't this
    process's any more: another one has taken the item up, and says what became of it. Raises StoreError.
    """
    async with translated(), connection.transaction():
        if not await connection.fetchval(_IS_OURS, operation_id, runner):
            return False
        if outcome[0] != "changed":
            await renew_tokens(connection, operation_id, item.order_ids)
        await connection.execute(_OUTCOME, operation_id, item.nth, *outcome)
        await connection.execute(_AFTER, operation_id, stop)
        await connection.execute(_FORGET_REPAIR, operation_id)
    return True


async def allow_more(connection: Connection, operation_id: UUID, handled: int, more: int) -> bool:
    """Let so many more items be handled; return whether this call did. `handled`: the number that were handled when a
    person allowed it, so that allowing it twice counts once. Raises StoreError."""
    async with translated():
        return bool(await connection.fetchval(_ALLOW, operation_id, handled, more))


async def stop_operation(connection: Connection, operation_id: UUID) -> bool:
    """Stop an operation after the item that is being handled; return whether it ran. Raises StoreError."""
    query = """update console_operations set stopped = 'asked'
        where id = $1 and ended_at is null and stopped is null returning true"""
    async with translated(), connection.transaction():
        stopped = bool(await connection.fetchval(query, operation_id))
        await forget_repairs(connection)
    return stopped


_HANDLED = "(select count(*) from console_items i where i.proposal_id = o.id and i.outcome is not null)"
_SELECT = f"""
select o.id, o.started_at, o.allowed, o.stopped, o.ended_at,
    (select count(*) from console_items i where i.proposal_id = o.id), {_HANDLED}
from console_operations o
"""  # noqa: S608 - constants
_CONFIRM = """
update console_proposals
set confirmed_by = $2, confirmed_name = $3, confirmed_way = $4, confirmed_at = clock_timestamp()
where id = $1 and confirmed_at is null and ends_at > clock_timestamp() returning id
"""
_UNFINISHED = f"""
select o.id from console_operations o
where o.ended_at is null and o.stopped is null and {_HANDLED} < o.allowed
    and (o.lease_ends_at is null or o.lease_ends_at < clock_timestamp())
order by o.started_at
"""  # noqa: S608 - constants
_CLAIM = """
update console_operations set runner = $2, lease_ends_at = clock_timestamp() + make_interval(secs => $3)
where id = $1 and ended_at is null
    and (runner = $2 or lease_ends_at is null or lease_ends_at < clock_timestamp())
returning true
"""
_RENEW = """
update console_operations set lease_ends_at = clock_timestamp() + make_interval(secs => $3)
where id = $1 and runner = $2 returning true
"""
# Locked, so that nobody takes the operation on before this transaction has ended.
_IS_OURS = "select true from console_operations where id = $1 and runner = $2 for update"
_NEXT = """
select i.nth, i.subject, i.order_ids, i.outcome, i.detail, i.begun_at, i.ended_at
from console_operations o join console_items i on i.proposal_id = o.id
where o.id = $1 and o.stopped is null and i.outcome is null and i.nth <= o.allowed order by i.nth limit 1
"""
_OUTCOME = """
update console_items set outcome = $3, detail = $4, ended_at = clock_timestamp()
where proposal_id = $1 and nth = $2 and outcome is null
"""
_AFTER = f"""
update console_operations o set
    stopped = case when {_HANDLED} < (select count(*) from console_items i where i.proposal_id = o.id)
        then coalesce($2, stopped) end,
    ended_at = case when {_HANDLED} = (select count(*) from console_items i where i.proposal_id = o.id)
        then clock_timestamp() end
where id = $1
"""  # noqa: S608 - constants
_LET_WAIT = f"""
update console_operations o set allowed = {_HANDLED}
where id = $1 and coalesce(allowed_at, started_at) < clock_timestamp() - make_interval(secs => $2) returning true
"""  # noqa: S608 - constants
_ALLOW = f"""
update console_operations o set stopped = null, allowed_at = clock_timestamp(),
    allowed = least({_HANDLED} + $3::integer, (select count(*) from console_items i where i.proposal_id = o.id))
where id = $1 and ended_at is null and {_HANDLED} = $2 and (stopped is not null or allowed <= $2)
returning true
"""  # noqa: S608 - constants
_FORGET_REPAIR = """
delete from console_repairs r using console_operations o where o.id = r.proposal_id and o.ended_at is not null
    and r.proposal_id = $1
"""
