"""Assessment: from facts, terms and clock to entitlements. Only times of events count, not times of receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import RequestWithdrawn
from purchasing_contracts.events.payment import TipPaid

from service.rules.assessment import Assessment, StandingOutcome
from service.rules.chargebacks import OF_CHARGEBACKS, PURCHASE, chargebacks_of, recovered_of, spread_remaining
from service.rules.ledger import LineTotals
from service.rules.reconcile import out_of
from service.rules.requests import clauses_of
from service.rules.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.rules.assessment import Grounds
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.reconcile import PaidOut
    from service.rules.settlement import Cost
    from service.rules.timeline import Ignored, Timeline

_UNTOUCHED = LineTotals()

_IGNORED = {
    "order_ended": "the order had ended, so this report changes nothing",
    "purchased": "the goods had been bought, so this report changes nothing",
    "received": "the goods had been received or exported, so this report changes nothing",
    "no_units": "there was nothing left that this report could concern",
    "request_ended": "the request had ended, so this report changes nothing",
    "repeated": "an earlier message said this, with other content; the earlier one counts",
    "unused": "there is nothing that this report could be for",
}
_FEEDBACK = {ground: Basis(clause="8(3)", because=words) for ground, words in _IGNORED.items()}
_OBLIGATION = Basis(clause="16", because="goods that were received stay bought")


def assess(timeline: Timeline, ledger: Ledger, paid: PaidOut) -> Assessment:
    """Return the entitlements by the order's facts, all of which the timeline has."""
    view = timeline.view
    concerned = view.concerned
    case = Assessment(view, timeline, timeline.unclear)
    if view.has_any(OF_CHARGEBACKS):
        _judge(case, ledger, paid)
    borne: list[Cost] = []
    for costs in concerned.costs:
        borne += costs(timeline, case.chargebacks)
    case.settlement = Settlement(timeline, case.accepted(PURCHASE), borne)
    line_adds: list[Basis] = []
    for adds in concerned.adds:
        line_adds += adds(case)
    case.line_adds = tuple(line_adds)
    all_dues, all_outcomes = case.dues, case.outcomes
    for dues in concerned.dues:
        all_dues += dues(case, ledger)
    for outcomes in concerned.outcomes:
        all_outcomes += outcomes(case)
    all_outcomes += _ignored(case)
    return case


def _judge(case: Assessment, ledger: Ledger, paid: PaidOut) -> None:
    """Assess the order's chargebacks: recoveries for each, and what is still owed."""
    case.chargebacks = chargebacks_of(case.view)
    for judge in case.view.concerned.judge:
        judge(case)
    case.recovered, case.unused_proceeds = recovered_of(case.view, case.chargebacks)
    for chargeback in case.chargebacks:
        if chargeback.id in case.recovered:
            chargeback.covered = case.recovered[chargeback.id].total
        line = f"chargeback:{chargeback.id}"
        spread_remaining(chargeback, out_of(line, ledger.lines.get(line, _UNTOUCHED), paid)[0])


def _ignored(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield `fact: ignored` for each fact that changes nothing, with the reason (R22)."""
    timeline, view = case.timeline, case.view
    for ignored in timeline.ignored:
        yield StandingOutcome("fact", view.message_id(ignored.fact), "ignored", _grounds(case, ignored), ignored.ground)
    for fact, request, changed in timeline.withdrawals.values():
        if not changed:
            grounds = clauses_of((_FEEDBACK["request_ended"], *request.cite(case, request)))
            yield StandingOutcome("fact", fact.id, "ignored", grounds, "request_ended")
    for fact in view.repeated():
        yield StandingOutcome("fact", fact.id, "ignored", (_FEEDBACK["repeated"],), "repeated")
    for fact in (*case.unused_proceeds, *_withdrawn_tips(case)):
        yield StandingOutcome("fact", view.message_id(fact), "ignored", (_FEEDBACK["unused"],), "unused")


def _grounds(case: Assessment, ignored: Ignored) -> Grounds:
    cited: list[Basis] = [_FEEDBACK[ignored.ground]]
    because: Any = ignored.because_of
    if because is not None:
        cited += because.cite(case, because)
    if ignored.ground == "received":
        cited.append(_OBLIGATION)
    return clauses_of(cited)


def _withdrawn_tips(case: Assessment) -> Sequence[Fact[RequestWithdrawn]]:
    """Return withdrawals that name a tip: they change nothing, because a tip's refund takes effect at once (21)."""
    withdrawn = case.view.counted(RequestWithdrawn)
    if not withdrawn:
        return ()
    tips = {tip.data.tip_id for tip in case.view.counted(TipPaid)}
    named = case.timeline.withdrawals
    return [fact for fact in withdrawn if fact.data.request_id in tips and fact.id not in named]
