"""The state of the service by the database alone: readable while every worker is down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.observability.database_figures import CENSUS_SECONDS, Figures, census, figures
from service.rules.facts import instant
from service.rules.waits import WAIT_KINDS
from service.store.driver_errors import translated
from service.store.operators.actions import OperatorAction, latest_actions
from service.store.operators.breakers import OpenBreaker, open_breakers
from service.store.operators.holds import Halted, halted
from service.store.operators.pauses import ALL_LANES, AUTOMATIC, Pause, current_pauses
from service.store.unpublished import ROWS_MAX, Unpublished, unpublished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    import asyncpg

ACTIONS_SHOWN = 10
HALTED_SHOWN = 20


class Lane(NamedTuple):
    """A lane with outputs that are not published."""

    lane: int
    unpublished: int
    since: datetime | None
    """The instant of the decision of the oldest of them."""
    paused: bool


class Situation(NamedTuple):
    """The state of the database, all read at one instant."""

    figures: Figures
    pauses: Sequence[Pause]
    breakers: Sequence[OpenBreaker]
    unpublished: Sequence[Unpublished]
    halted: Sequence[Halted]
    """The first HALTED_SHOWN halted or stuck orders."""
    actions: Sequence[OperatorAction]
    """The last actions of people, the latest first."""

    @property
    def at(self) -> datetime:
        """The instant, by the database's clock."""
        at: datetime = self.figures.totals["at"]
        return at

    @property
    def watermark(self) -> datetime | None:
        """The instant up to which all input was read; None: not known of every partition."""
        watermark: datetime | None = self.figures.totals["watermark"]
        return watermark

    @property
    def lanes(self) -> list[Lane]:
        """The lanes with outputs that wait."""
        paused = {one.lane for one in self.pauses}
        return [
            Lane(row["lane"], row["unpublished"], row["oldest_at"], not paused.isdisjoint((row["lane"], ALL_LANES)))
            for row in self.figures.lanes
            if row["unpublished"]
        ]

    @property
    def is_partial(self) -> bool:
        """Whether a lane has more outputs than `unpublished` counts."""
        return any(one.unpublished > ROWS_MAX for one in self.lanes)

    @property
    def refund_limit(self) -> Pause | None:
        """The pause that the refund limit made, if there is one."""
        return next((one for one in self.pauses if one.by == AUTOMATIC), None)


class Wait(NamedTuple):
    """The waits of all orders, of one kind and currency (R21)."""

    what: str
    of: str
    """From whom it is awaited."""
    row: int | None
    """Its row in R21."""
    orders: int
    overdue: int
    """Of these, how many are past their last instant."""
    since: datetime
    """Since when the oldest stands."""
    amount: int | None
    """The money behind them, in minor units of `currency`."""
    currency: str | None


class Waits(NamedTuple):
    """The waits of all orders, and when they were counted, by the database's clock."""

    at: datetime
    rows: Sequence[Wait]


async def situation_of(connection: asyncpg.Connection[asyncpg.Record]) -> Situation:
    """Read how the service stands, at one instant. Raises StoreError."""
    async with translated(), connection.transaction(isolation="repeatable_read", readonly=True):
        return Situation(
            await figures(connection),
            await current_pauses(connection),
            await open_breakers(connection),
            await unpublished(connection),
            await halted(connection, "", HALTED_SHOWN),
            await latest_actions(connection, ACTIONS_SHOWN),
        )


async def waits_of_all(connection: asyncpg.Connection[asyncpg.Record]) -> Waits | None:
    """Count what orders wait for, within CENSUS_SECONDS; None while a worker is counting. Raises StoreError."""
    async with translated():
        rows = await census(connection)
        if rows is None:
            return None
        at = await connection.fetchval("select clock_timestamp()", timeout=CENSUS_SECONDS)
    place = {what: nth for nth, what in enumerate(WAIT_KINDS)}
    found = [_wait(row) for row in rows]
    return Waits(at, sorted(found, key=lambda one: (place.get(one.what, len(place)), one.currency or "")))


def _wait(row: Mapping[str, Any]) -> Wait:
    kind = WAIT_KINDS.get(row["what"])
    return Wait(
        row["what"],
        "" if kind is None else kind.of,
        None if kind is None else kind.row,
        row["count"],
        row["overdue"],
        instant(row["since"]),
        None if row["amount"] is None else int(row["amount"]),
        row["currency"],
    )
