"""From a form to a proposal, and from a proposal that is stale to what would follow now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.acts.lane_plans import plan_of_adoption, plan_of_pause, plan_of_reset, plan_of_terms
from service.console.acts.plans import PlanError, plan_of_orders
from service.console.acts.record_plans import plan_of_records, replan_of_records
from service.operations.acts.kinds import Act
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.console.acts.plans import Plan, Planner
    from service.store.operators.act_operations import ItemRow
    from service.store.operators.proposals import RepairRow

_PLANS: Mapping[str, Callable[[Planner, str, Mapping[str, str]], Awaitable[Plan]]] = {
    Act.HOLD: plan_of_orders,
    Act.RELEASE: plan_of_orders,
    Act.RETRY: plan_of_orders,
    Act.PAUSE: plan_of_pause,
    Act.RESUME: plan_of_pause,
    Act.BREAKER_RESET: plan_of_reset,
    Act.REPLAY: plan_of_records,
    Act.REPAIR: plan_of_records,
    Act.DROP: plan_of_records,
    Act.ADOPT: plan_of_adoption,
    Act.TERMS_IMPORT: plan_of_terms,
}


async def plan_of(planner: Planner, act: str, form: Mapping[str, str]) -> Plan:
    """Return what a form asks for, and what would follow. Raises PlanError, StoreError."""
    return await _PLANS[act](planner, act, form)


async def replan_of(
    planner: Planner, act: str, given: Mapping[str, object], items: Sequence[ItemRow], repair: RepairRow | None
) -> Plan | None:
    """Return what would follow now of the same items; None: nothing can be proposed of them. Raises StoreError."""
    try:
        if act in (Act.REPLAY, Act.REPAIR, Act.DROP):
            return await replan_of_records(planner, act, [one.subject for one in items], repair)
        return await plan_of(planner, act, again(act, given, items))
    except PlanError:
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
    """Return the reason and the ticket of a form. Raises PlanError."""
    why, ticket = " ".join(form.get("why", "").split()), " ".join(form.get("ticket", "").split())
    if not why or len(why) > 500 or not why.isprintable():
        raise PlanError(sentence("Give a reason of 1 to 500 characters: it is kept with the act."))
    if len(ticket) > 100 or not (ticket.isprintable()):
        raise PlanError(sentence("A ticket has at most 100 characters."))
    return why, ticket or None
