"""The relay's database access: rows in order, and the relay's notes.

The relay reads `installation`, `lanes`, `outbox` and the pauses. It writes `relay_notes` and `publications`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from service.store.rows import INSTALLATION, Installation

if TYPE_CHECKING:
    import asyncpg

ROWS_AT_ONCE = 2_000
BYTES_AT_ONCE = 4_000_000


# The result includes the row at the position itself, and only that row while a pause holds. The rows after it are
# limited to so many bytes, but there is always one: `octet_length` of a stored bytea reads only its header.
NEXT = """
select position, topic, key, value, timed
from (select position, topic, key, value, timed,
             sum(octet_length(value)) filter (where position > $2) over (order by position) as bytes
      from (select position, topic, key, value, timed
            from outbox
            where lane = $1 and position >= $2
                and position <= (select case when count(*) > 0 then $2::bigint else 9223372036854775807 end
                                 from outbox_pauses where lane in (-1, $1))
            order by position limit $3) as rows) as sized
where bytes is null or bytes - octet_length(value) < $4
order by position
"""

VALUE_AT = "select value from outbox where lane = $1 and position = $2"
LAST = "select coalesce(max(position), 0) from outbox where lane = $1"
NOTED = "select coalesce((select position from relay_notes where lane = $1), 0)"

# One statement and commit, so that a note never exists without its publications.
NOTE = """
with note as (
    insert into relay_notes as known (lane, position, noted_at) values ($1, $3, clock_timestamp())
    on conflict (lane) do update
        set position = excluded.position, noted_at = excluded.noted_at
        where known.position < excluded.position
)
insert into publications (lane, position, order_id, order_version, published_at)
select lane, position, order_id, order_version, (purchasing_clock(null)).instant
from outbox where lane = $1 and position > $2 and position <= $3 and timed
on conflict (lane, position) do nothing
"""

# The same for a batch without timed outputs, which need no look at the outbox.
NOTE_ONLY = """
insert into relay_notes as known (lane, position, noted_at) values ($1, $2, clock_timestamp())
on conflict (lane) do update
    set position = excluded.position, noted_at = excluded.noted_at
    where known.position < excluded.position
"""


@dataclass(frozen=True, slots=True)
class OutboxIdentity:
    """The outbox's identity: its id, made at migration, the number of lanes of all cells, and those of this
    database."""

    outbox_id: str
    lanes: int
    own: Collection[int]


class Row(NamedTuple):
    """An output that waits for publication. `value`: the whole CloudEvent. `timed`: its publication starts a period."""

    position: int
    topic: str
    key: str
    value: bytes
    timed: bool


@dataclass(frozen=True, slots=True)
class Following:
    """The hash of the value at a position (None if there is no such row), and the rows after it, in order.

    `complete`: whether these are all rows that were there.
    """

    anchor: str | None
    rows: list[Row]
    complete: bool


class OutboxReader:
    """The relay's statements on a pool. Each method raises asyncpg's errors (including OSError, TimeoutError)."""

    def __init__(self, pool: "asyncpg.Pool[Any] | asyncpg.Connection[Any]") -> None:
        self._pool = pool

    async def installation(self) -> OutboxIdentity | None:
        """Return the outbox's identity; None if the database was migrated but has no installation row."""
        row = await self._pool.fetchrow(INSTALLATION)
        if row is None:
            return None
        found = Installation(*row)
        return OutboxIdentity(str(found.outbox_id), found.lanes, found.own)

    async def following(self, lane: int, position: int, limit: int = ROWS_AT_ONCE) -> Following:
        """Return the hash at the position and the rows after it: at most `limit`, about BYTES_AT_ONCE bytes, at least
        one if there is any."""
        found = [Row(*row) for row in await self._pool.fetch(NEXT, lane, position, limit + 1, BYTES_AT_ONCE)]
        anchor, rows = None, found
        if found and found[0].position == position:
            anchor, rows = value_hash(found[0].value), found[1:]
        rows = rows[:limit]
        complete = len(rows) < limit and sum(len(row.value) for row in rows) < BYTES_AT_ONCE
        return Following(anchor, rows, complete)

    async def hash_at(self, lane: int, position: int) -> str | None:
        """Return the SHA-256 (hexadecimal) of the value at this position; None if there is no such row."""
        value: bytes | None = await self._pool.fetchval(VALUE_AT, lane, position)
        return None if value is None else value_hash(value)

    async def last_position(self, lane: int) -> int:
        """Return the position of the lane's newest row; 0 if it has none."""
        return int(await self._pool.fetchval(LAST, lane))

    async def noted(self, lane: int) -> int:
        """Return the position up to which publications are noted; 0 if none is."""
        return int(await self._pool.fetchval(NOTED, lane))

    async def note(self, lane: int, known: int, published: int, *, timed: bool = True) -> None:
        """Note that all rows up to `published` are in Kafka, and the time for timed rows after `known`.

        A note never decreases. `timed=False`: no row between the two positions is timed.
        """
        if timed:
            await self._pool.execute(NOTE, lane, known, published)
        else:
            await self._pool.execute(NOTE_ONLY, lane, published)


def value_hash(value: bytes) -> str:
    """Return the SHA-256 of an output's value, hexadecimal, as stored in cursors."""
    return sha256(value).hexdigest()
