"""The pauses of the outbox, and the refunds of the last minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

ALL_LANES = -1
CHANNEL = "purchasing_outbox"
AUTOMATIC = "the refund limit"
_LOCK = 4_851_622_301
"""The advisory lock for admitting refunds: any number, but never change it."""


class Pause(NamedTuple):
    """A pause in force. `lane` is -1 for all lanes."""

    lane: int
    at: datetime
    by: str
    why: str

    def __str__(self) -> str:
        """Return by whom and why."""
        return f"by {self.by}: {self.why}"


class Refund(NamedTuple):
    """A refund about to be published: position in its lane, amount in minor units."""

    position: int
    currency: str
    amount: int


class Exceeded(NamedTuple):
    """The refunds that this minute would reach, and the limit, in minor units."""

    currency: str
    amount: int
    limit: int


class LaneRow(NamedTuple):
    """A lane: the last position taken, and the last one that the relay noted as published."""

    lane: int
    position: int
    noted: int


async def current_pauses(connection: Connection) -> list[Pause]:
    """Return the pauses in force, by lane."""
    rows = await connection.fetch("select lane, paused_at, paused_by, why from outbox_pauses order by lane")
    return [Pause(*row) for row in rows]


async def lane_rows(connection: Connection) -> list[LaneRow]:
    """Return the positions of each lane."""
    query = """
        select l.lane, l.position, coalesce(n.position, 0)
        from lanes l left join relay_notes n using (lane) order by l.lane
    """
    return [LaneRow(*row) for row in await connection.fetch(query)]


async def pause(connection: Connection, lane: int, by: str, why: str) -> bool:
    """Pause a lane (or ALL_LANES). Return whether it was not paused yet."""
    async with connection.transaction():
        made = await connection.fetchval(_PAUSE, lane, by, why)
        if made:
            await _note(connection, by, "outbox pause", lane, why)
    return bool(made)


async def resume(
    connection: Connection, lane: int, by: str, why: str | None, checked: Mapping[int, int] | None = None
) -> list[int]:
    """Resume a lane (ALL_LANES: each one) and wake it; return the pauses that ended.

    Outputs decided by now are published whatever the refund limit says, because a person has checked them. `checked`:
    by lane, up to which position they have, where that is not up to now.
    """
    async with connection.transaction():
        gone = [row[0] for row in await connection.fetch(_RESUME, lane)]
        if gone:
            await connection.execute(
                _NOTE_RESUMED_UP_TO, lane, None if checked is None else list(checked), list((checked or {}).values())
            )
            await _note(connection, by, "outbox resume", lane, why)
            lanes = await connection.fetch(_LANES, lane)
            await connection.execute("select pg_notify($1, $2)", CHANNEL, ",".join(str(row[0]) for row in lanes))
    return gone


async def admit(
    connection: Connection, lane: int, refunds: Sequence[Refund], limits: Mapping[str, int]
) -> Exceeded | None:
    """Count refunds that are about to be published, if the last minute stays within the limits with them.

    Otherwise pause all lanes, count nothing, and return what would exceed the limit. A position counts once, however
    often it is tried. A position that a person resumed is not counted.
    """
    async with connection.transaction():
        # One lane at a time: two at once could each fit into the rest of the limit, but not both.
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        counted = await connection.fetchval(_COUNTED, lane)
        # Per currency, the last position and the sum: one row each, not one per refund.
        new: dict[str, tuple[int, int]] = {}
        for one in refunds:
            if one.position > counted:
                new[one.currency] = (one.position, new.get(one.currency, (0, 0))[1] + one.amount)
        totals = {row[0]: int(row[1]) for row in await connection.fetch(_LAST_MINUTE)}
        totals = {currency: totals.get(currency, 0) + amount for currency, (_, amount) in new.items()}
        exceeded = [
            Exceeded(c, total, limits[c]) for c, total in sorted(totals.items()) if total > limits.get(c, total)
        ]
        if exceeded:
            currency, amount, limit = exceeded[0]
            why = f"{amount} {currency} (minor units) would be refunded within a minute, the limit is {limit}"
            if await connection.fetchval(_PAUSE, ALL_LANES, AUTOMATIC, why):
                await _note(connection, AUTOMATIC, "outbox pause", ALL_LANES, why)
            return exceeded[0]
        if new:
            positions, amounts = zip(*new.values(), strict=True)
            await connection.execute(_COUNT, lane, positions, list(new), amounts)
            await connection.execute(_FORGET)
    return None


async def _note(connection: Connection, by: str, what: str, lane: int, why: str | None) -> None:
    subject = "all lanes" if lane == ALL_LANES else f"lane {lane}"
    await connection.execute(_NOTE, by, what, subject, why)


_PAUSE = """
insert into outbox_pauses (lane, paused_by, why) values ($1, $2, $3) on conflict do nothing returning true
"""
_RESUME = "delete from outbox_pauses where $1::smallint = -1 or lane = $1 returning lane"
_LANES = "select lane from lanes where $1::smallint = -1 or lane = $1 order by lane"
_NOTE_RESUMED_UP_TO = """
insert into outbox_releases (lane, position)
select l.lane, case when $2::smallint[] is null then l.position else least(l.position, n.position) end
from lanes l left join unnest($2::smallint[], $3::bigint[]) as n (lane, position) using (lane)
where ($1::smallint = -1 or l.lane = $1) and ($2::smallint[] is null or n.position is not null)
on conflict (lane) do update set position = excluded.position
"""
# A lane is published in order, so it is counted in order: all refunds up to a position, and none after it.
_COUNTED = """
select greatest((select max(position) from refunds_admitted where lane = $1),
    (select position from outbox_releases where lane = $1), 0)
"""
_LAST_MINUTE = """
select currency, sum(amount)::numeric from refunds_admitted where at > clock_timestamp() - interval '1 minute'
group by currency
"""
_COUNT = """
insert into refunds_admitted (lane, position, currency, amount)
select $1, * from unnest($2::bigint[], $3::text[], $4::bigint[])
"""
# Longer than a minute, because a transaction with an unknown outcome is retried for a while.
_FORGET = "delete from refunds_admitted where at < clock_timestamp() - interval '1 hour'"
_NOTE = "insert into operator_actions (done_by, what, subject, outcome, why) values ($1, $2, $3, 'done', $4)"
