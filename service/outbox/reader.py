"""The outbox as the relay reads it: rows in order, and the relay's own notes beside them.

The relay only ever reads `installation`, `outbox` and the pauses; what it writes here is `relay_notes` and
`publications`.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

ROWS_AT_ONCE = 2_000
BYTES_AT_ONCE = 4_000_000

OUTBOX_IDENTITY = "select outbox_id::text as outbox_id, lanes from installation"

# The row at the position comes along, and nothing but it while a pause holds. Of those behind it not more than so
# many bytes, but always one row: `octet_length` of a stored bytea reads its header only.
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

# One statement, one commit: a note and the publications up to it can't be apart.
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

# The same for a batch in which nothing is timed: the outbox needn't be read again.
NOTE_ONLY = """
insert into relay_notes as known (lane, position, noted_at) values ($1, $2, clock_timestamp())
on conflict (lane) do update
    set position = excluded.position, noted_at = excluded.noted_at
    where known.position < excluded.position
"""


@dataclass(frozen=True, slots=True)
class OutboxIdentity:
    """Who this outbox is: its id, made once at migration, and how many lanes it has."""

    outbox_id: str
    lanes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One output waiting to be published. `value` is the whole CloudEvent; `timed`: somebody counts days from
    its publication."""

    position: int
    topic: str
    key: str
    value: bytes
    timed: bool


@dataclass(frozen=True, slots=True)
class Following:
    """What follows a position: its own value's hash (None if there is no such row) and the rows behind it, in
    order."""

    anchor: str | None
    rows: list[Row]


class OutboxReader:
    """The relay's statements on a pool. Every method raises what asyncpg raises (errors, OSError,
    TimeoutError)."""

    def __init__(self, pool: "asyncpg.Pool[Any] | asyncpg.Connection[Any]") -> None:
        self._pool = pool

    async def installation(self) -> OutboxIdentity | None:
        """Who this outbox is; None where the database was migrated but holds no installation row."""
        row = await self._pool.fetchrow(OUTBOX_IDENTITY)
        return None if row is None else OutboxIdentity(row["outbox_id"], row["lanes"])

    async def following(self, lane: int, position: int, limit: int = ROWS_AT_ONCE) -> Following:
        """The rows behind a position, `limit` at most, about BYTES_AT_ONCE bytes at most, one at least if
        any; and whether the position is still what it was."""
        found = await self._pool.fetch(NEXT, lane, position, limit + 1, BYTES_AT_ONCE)
        rows = [Row(*row) for row in found]
        if rows and rows[0].position == position:
            return Following(value_hash(rows[0].value), rows[1:])
        return Following(None, rows[:limit])

    async def hash_at(self, lane: int, position: int) -> str | None:
        """The SHA-256 (hexadecimal) of the value at this position; None if there is no such row."""
        value: bytes | None = await self._pool.fetchval(VALUE_AT, lane, position)
        return None if value is None else value_hash(value)

    async def last_position(self, lane: int) -> int:
        """The position of the lane's newest row, 0 if it has none."""
        return int(await self._pool.fetchval(LAST, lane))

    async def noted(self, lane: int) -> int:
        """Up to which position the relay noted its publications, 0 if it never did."""
        return int(await self._pool.fetchval(NOTED, lane))

    async def note(self, lane: int, known: int, published: int, *, timed: bool = True) -> None:
        """Note that everything up to `published` is in Kafka, and when, for the timed rows behind `known`. A
        note never falls.

        `timed=False` says that no row between the two is timed.
        """
        if timed:
            await self._pool.execute(NOTE, lane, known, published)
        else:
            await self._pool.execute(NOTE_ONLY, lane, published)


def value_hash(value: bytes) -> str:
    """What a cursor remembers of an output: the SHA-256 of its value, hexadecimal."""
    return sha256(value).hexdigest()
