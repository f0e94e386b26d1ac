"""Comparison of Kafka's and PostgreSQL's account of a lane, before anything is published on it.

Either may have been restored from a backup or may have lost its newest records. Going on would then publish outputs
twice or omit some, and each may move money. So the lane stops and says what it found. `service/docs/runbook.md`, "Two
stores", says how to continue.
"""

from dataclasses import dataclass

from service.outbox.cursor import CURSOR_TOPIC, Cursor, Tail
from service.outbox.errors import LaneStopped
from service.outbox.reader import Following, OutboxReader


@dataclass(frozen=True, slots=True)
class LanePosition:
    """A lane's position: `position` by Kafka's cursor, `noted` by the database (never greater). `anchor` is the hash of
    the output at the position; None at position 0."""

    position: int
    noted: int
    anchor: str | None


def refuse_break(lane: int, position: int, anchor: str | None, following: Following) -> None:
    """Raise LaneStopped if the rows do not follow directly on the last published output.

    Called before each transaction, not only at the start: a database that failed over and lost its newest rows is back
    within a second, and gives the lost positions to other outputs.
    """
    if following.anchor != anchor:
        raise LaneStopped(
            f"position {position} of lane {lane} was published but is no longer in the database, "
            "which has lost its newest rows"
        )
    for expected, row in enumerate(following.rows, position + 1):
        if row.position != expected:
            raise LaneStopped(
                f"position {expected} of lane {lane} is missing in the outbox, the next is {row.position}: "
                "a row was deleted, or written without the lane's lock"
            )


async def check(journal: OutboxReader, outbox_id: str, lane: int, noted: int, tail: Tail) -> LanePosition:
    """Return the lane's position. Raises LaneStopped if the cursor and the database contradict each other.

    Call it between the initialisation of the lane's producer and its first transaction. Read `noted` before the cursor:
    a process that was frozen may have lost the lane without knowing, and the lane's new owner publishes and notes
    meanwhile.
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
            "Kafka or the database is not the intended one"
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
    """Return a sentence if the database lacks what this cursor, of the same outbox, says was published; else None.

    It is never a false alarm, even for an older cursor: a row is committed before it is published.
    """
    lane, position = cursor.lane, cursor.position
    in_database = await journal.hash_at(lane, position)
    if in_database is None and 0 < position < await journal.noted(lane):
        # Archived, or Kafka would not be behind the relay's note. The archive takes only positions before the note.
        return None
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
