"""Whether Kafka and PostgreSQL tell the same story of a lane, before anything is published on it.

One of the two may have been restored from a backup, or lost its newest part. Going on then would publish
outputs twice or leave some out, and money moves on them: the lane stops and says what it found.
`deploy/runbook.md`, "Two stores", has the ways on.
"""

from dataclasses import dataclass

from service.outbox.cursor import CURSOR_TOPIC, Cursor, Tail
from service.outbox.errors import LaneStopped
from service.outbox.reader import Following, OutboxReader


@dataclass(frozen=True, slots=True)
class LanePosition:
    """Where a lane stands: published up to `position` by Kafka's account, up to `noted` by the database's
    (never more). `anchor` is the hash of the output at the position, None at position 0."""

    position: int
    noted: int
    anchor: str | None


def refuse_break(lane: int, position: int, anchor: str | None, following: Following) -> None:
    """Raises LaneStopped where rows don't go on from what was published last, in whatever way.

    Asked each time, not only at the start: a database that failed over, and lost its newest rows by that, is
    back within a second and gives the lost positions to other outputs.
    """
    if following.anchor != anchor:
        raise LaneStopped(
            f"position {position} of lane {lane} was published, and is not in the database any more: "
            "it has lost its newest rows"
        )
    for expected, row in enumerate(following.rows, position + 1):
        if row.position != expected:
            raise LaneStopped(
                f"position {expected} of lane {lane} is missing in the outbox, {row.position} comes next: "
                "a row was deleted, or written past the lane's lock"
            )


async def check(journal: OutboxReader, outbox_id: str, lane: int, noted: int, tail: Tail) -> LanePosition:
    """The lane's standing. Raises LaneStopped where the cursor and the database contradict each other.

    Only meaningful between the initialisation of the lane's producer and its first transaction. `noted` must have
    been read before the cursor: a process that was frozen may have lost the lane without knowing, and whoever has it
    publishes and notes while we look.
    """
    cursor = tail.cursor
    if cursor is None:
        if noted > 0:
            raise LaneStopped(
                f"lane {lane} has no cursor in {CURSOR_TOPIC}, but position {noted} was published: "
                "the topic was lost or is another one"
            )
        return LanePosition(0, 0, None)
    if cursor.outbox_id != outbox_id:
        raise LaneStopped(
            f"the cursor of lane {lane} belongs to outbox {cursor.outbox_id}, "
            f"this database is outbox {outbox_id}: "
            "one of the two is not the one that was meant"
        )
    if cursor.lane != lane:
        raise LaneStopped(f"the cursor in partition {lane} of {CURSOR_TOPIC} is lane {cursor.lane}'s")
    if cursor.position < noted:
        raise LaneStopped(
            f"the cursor of lane {lane} is at position {cursor.position}, "
            f"but position {noted} was published: Kafka lost what was committed"
        )
    if problem := await older_database(journal, cursor):
        raise LaneStopped(problem)
    return LanePosition(cursor.position, noted, cursor.sha256 or None)


async def older_database(journal: OutboxReader, cursor: Cursor) -> str | None:
    """In a sentence, that the database lacks what this cursor, of its own outbox, says was published; None: it has it.

    Never a false alarm, also of a cursor that is not the newest: a row is committed before it is published.
    """
    lane, position = cursor.lane, cursor.position
    in_database = await journal.hash_at(lane, position)
    if in_database is None and position > 0:
        last = await journal.last_position(lane)
        return (
            f"position {position} of lane {lane} was published, "
            f"but the newest in the database is {last}: the database was restored from before it"
        )
    if (in_database or "") != cursor.sha256:
        return (
            f"position {position} of lane {lane} in the database is not the output "
            "that was published there: the database was restored from before it and has gone on"
        )
    return None
