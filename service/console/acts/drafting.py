"""From a form to a proposal, and from a proposal that is stale to what would follow now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.acts.drafts import DraftError, draft_of_orders
from service.console.acts.kinds import Act
from service.console.acts.lane_drafts import draft_of_adoption, draft_of_pause, draft_of_reset, draft_of_terms
from service.console.acts.record_drafts import draft_of_records, redraft_of_records
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.console.acts.drafts import Desk, Draft
    from service.store.operators.act_operations import ItemRow
    from service.store.operators.proposals import RepairRow

_DRAFTS: Mapping[str, Callable[[Desk, str, Mapping[str, str]], Awaitable[Draft]]] = {
    Act.HOLD: draft_of_orders,
    Act.RELEASE: draft_of_orders,
    Act.RETRY: draft_of_orders,
    Act.PAUSE: draft_of_pause,
    Act.RESUME: draft_of_pause,
    Act.BREAKER_RESET: draft_of_reset,
    Act.REPLAY: draft_of_records,
    Act.REPAIR: draft_of_records,
    Act.DROP: draft_of_records,
    Act.ADOPT: draft_of_adoption,
    Act.TERMS_IMPORT: draft_of_terms,
}


async def draft_of(desk: Desk, act: str, form: Mapping[str, str]) -> Draft:
    """Return what a form asks for, and what would follow. Raises DraftError, StoreError."""
    return await _DRAFTS[act](desk, act, form)


async def redraft_of(
    desk: Desk, act: str, given: Mapping[str, object], items: Sequence[ItemRow], repair: RepairRow | None
) -> Draft | None:
    """Return what would follow now of the same items; None: nothing can be proposed of them. Raises StoreError."""
    try:
        if act in (Act.REPLAY, Act.REPAIR, Act.DROP):
            return await redraft_of_records(desk, act, [one.subject for one in items], repair)
        return await draft_of(desk, act, again(act, given, items))
    except DraftError:
        return None


def again(act: str, given: Mapping[str, object], items: Sequence[ItemRow]) -> dict[str, str]:
    """Return the fields of a form that asks for the same items again."""
    if act in (Act.HOLD, Act.RELEASE, Act.RETRY):
        return {"orders": "\n".join(one.subject for one in items)}
    if act in (Act.REPLAY, Act.REPAIR, Act.DROP):
        return {"records": "\n".join(one.subject for one in items)}
    lane = {"lane": "all" if given.get("lane") == -1 else str(given.get("lane", ""))}
    rest = {name: str(given[name]) for name in ("topic", "position", "name", "text") if name in given}
    return rest | (lane if "lane" in given else {})


def reason_of(form: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the reason and the ticket of a form. Raises DraftError."""
    why, ticket = " ".join(form.get("why", "").split()), " ".join(form.get("ticket", "").split())
    if not why or len(why) > 500 or not why.isprintable():
        raise DraftError(sentence("Give a reason of 1 to 500 characters: it is kept with the act."))
    if len(ticket) > 100 or not (ticket.isprintable()):
        raise DraftError(sentence("A ticket has at most 100 characters."))
    return why, ticket or None
