"""Four eyes: when a second person has to confirm an act, and who is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.operations.acts.kinds import Act
from service.operations.sentence import sentence
from service.store.operators.proposals import ALONE_HOURS, Alone, confirmed_alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg

    from service.console.acts.found import Found
    from service.console.acts.models import MoveModel
    from service.console.acts.plans import Plan
    from service.operations.acts.money import Move
    from service.operations.sentence import Sentence
    from service.runtime.settings import ConsoleSettings
    from service.store.operators.proposals import Who

LIMITED = frozenset({Act.REPLAY, Act.REPAIR, Act.DROP, Act.RESUME})
"""Acts that one person does up to a limit. A resume lets what waits pass the refund limit, so pausing before the limit
does must not be a way around it."""
_OF_RECORDS = LIMITED - {Act.RESUME}
ASKED_FOR_IT = sentence("You asked for this, so somebody else has to confirm it.")
MAY_BE_THE_SAME = sentence(
    "You may be who asked for this: both have to sign in at the identity provider, in the same way. By a one-time link "
    "nobody is told apart."
)
TOO_MUCH_ALONE = sentence(
    "With what you confirmed alone in the last {hours} hours this is more than one person may do: somebody else has to "
    "confirm it.",
    hours=ALONE_HOURS,
)


class Limits(NamedTuple):
    """The quarantined records, and the money in minor units by currency, that one person may move."""

    records: int
    amounts: Mapping[str, int]


def limits_of(settings: ConsoleSettings) -> Limits:
    """Return the limits of this installation."""
    return Limits(settings.console_approval_records, settings.approval_amounts())


def needs_approval(act: str, plan: Plan, limits: Limits) -> bool:
    """Whether somebody else has to confirm a proposal, whatever else was confirmed before."""
    if act in (Act.ADOPT, Act.TERMS_IMPORT) or (act == Act.RESUME and plan.is_after_refund_limit):
        return True
    return act in LIMITED and exceeds(act, len(plan.items), plan.total(), Alone(0, {}), limits)


def exceeds(act: str, items: int, moves: Iterable[Move | MoveModel], before: Alone, limits: Limits) -> bool:
    """Whether an act is more than one person may do who did so much before."""
    if act in _OF_RECORDS and before.records + items > limits.records:
        return True
    sums: dict[str, int] = {}
    for one in moves:
        sums[one.currency or ""] = sums.get(one.currency or "", 0) + (one.amount or 0)
    return any(
        amount and before.amounts.get(currency, 0) + amount > limits.amounts.get(currency, 0)
        for currency, amount in sums.items()
    )


async def why_not(
    connection: asyncpg.Connection[asyncpg.Record], limits: Limits, found: Found, who: Who
) -> Sentence | None:
    """Return why this person can't confirm a proposal; None: they can. Raises StoreError.

    What one person confirmed alone in the last hours counts with it: else a large act could be done in small ones.
    """
    one = found.proposal
    if who.is_certainly_not(one.requested):
        return None
    if one.needs_approval:
        return ASKED_FOR_IT if who.subject == one.requested.subject else MAY_BE_THE_SAME
    if one.act not in LIMITED:
        return None
    alone = await confirmed_alone(connection, who)
    return TOO_MUCH_ALONE if exceeds(one.act, one.items, found.preview.moves, alone, limits) else None
