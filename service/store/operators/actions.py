"""The recent actions of people on the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg


class OperatorAction(NamedTuple):
    """Something that a person, or the refund limit, did."""

    at: datetime
    by: str
    what: str
    """Such as `outbox pause`."""
    subject: str
    """The order, lane or topic that it was done to."""
    outcome: str
    why: str | None


async def latest_actions(connection: asyncpg.Connection[asyncpg.Record], limit: int) -> list[OperatorAction]:
    """Return the last actions, the latest first."""
    return [OperatorAction(*row) for row in await connection.fetch(_LATEST, limit)]


_LATEST = "select at, done_by, what, subject, outcome, why from operator_actions order by nth desc limit $1"
