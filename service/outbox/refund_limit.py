"""The refund limit and the pauses, which decide whether a lane may publish its next rows.

A person pauses lanes with `outbox pause`. The refund limit pauses all lanes if the refunds of one currency within a
minute would exceed it, before the first excess refund is published. A person then checks and runs `outbox resume`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import structlog
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.topics import topic_of

from service.store.operators.pauses import Refund, admit, current_pauses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from service.outbox.reader import Row
    from service.store.operators.pauses import Pause

log = structlog.get_logger("service.outbox")

REFUNDS = topic_of(RefundIssue).name
NO_LIMITS: Mapping[str, int] = {}


class RefundLimit:
    """The limit of the whole outbox, shared by all lanes of all workers through the database.

    `limits`: most refunds per minute, in minor units per currency; a currency that is not in it has no limit.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], limits: Mapping[str, int] = NO_LIMITS) -> None:
        self._pool = pool
        self._limits = limits

    async def admits(self, lane: int, rows: Sequence[Row]) -> bool:
        """Return whether all of these rows may be published. Raises asyncpg's errors."""
        refunds = self._refunds(rows)
        if not refunds:
            return True
        async with self._pool.acquire() as connection:
            exceeded = await admit(connection, lane, refunds, self._limits)
        if exceeded is None:
            return True
        log.error(
            "refund_limit_exceeded",
            message="The refunds of one minute exceed the limit, so all lanes are paused. Check the refunds that wait, "
            "then run `outbox resume`. Amounts are in minor units.",
            amount=exceeded.amount,
            currency=exceeded.currency,
            limit=exceeded.limit,
        )
        return False

    async def pause_on(self, lane: int) -> Pause | None:
        """Return the pause that holds the lane, or None. Raises asyncpg's errors."""
        async with self._pool.acquire() as connection:
            found = await current_pauses(connection)
        return next((one for one in found if one.lane in (-1, lane)), None)

    def _refunds(self, rows: Sequence[Row]) -> list[Refund]:
        if not self._limits:
            return []
        found = []
        for row in rows:
            if row.topic == REFUNDS:
                amount = json.loads(row.value)["data"]["amount"]
                if amount["currency"] in self._limits:
                    found.append(Refund(row.position, amount["currency"], amount["value"]))
        return found
