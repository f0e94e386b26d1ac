"""Clause 6: what the buyer pays for, and so what is refunded (R4, R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import QuoteRevised
from purchasing_contracts.events.payment import PaymentCaptured, RefundedElsewhere

from service.rules.assessment import Due, Route, StandingAmount
from service.rules.chargebacks import PURCHASE
from service.rules.facts import micros
from service.rules.registry import only_with
from service.rules.requests import clauses_of
from service.rules.settlement import next_due
from service.rules.timeline import Rank
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.assessment import Assessment, Grounds
    from service.rules.clock import Clock
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.timeline import Step, Timeline

TITLE = "Payment obligations: goods, service fee, other agreed fees"
DOES = (
    "Payments beyond the agreed price of the goods, the money for goods still to be bought and the fees are refunded; "
    "a missing amount is noted. Money in another currency counts once it is converted."
)

_ABOVE_QUOTE = Basis(clause="6", because="what was paid beyond the agreed order amount goes back, no more")
_ABOVE_PRICE = Basis(
    clause="6(1)", because="what was paid beyond the seller's price as agreed, and the fees, goes back, no more"
)
_ON_ACTUAL_PRICE = Basis(clause="10", because="the service fee is a share of what the seller actually charges")
_OUTSTANDING = (
    Basis(clause="2", because="part of the agreed order amount is not paid"),
    Basis(clause="6", because="the order amount is the price of the goods, the service fee and the other agreed fees"),
)
_UNCONVERTED = Basis(clause="6", because="an amount in another currency counts only when it has been converted")


@only_with(PaymentCaptured, QuoteRevised, RefundedElsewhere)
def steps(timeline: Timeline) -> list[Step]:
    """Return revised quotes, captured payments and refunds elsewhere."""
    view = timeline.view
    found: list[Step] = [
        (capture.fact.at, Rank.PAYMENT, (0, "", capture.fact), _capture, capture.total) for capture in view.captures()
    ]
    for fact in view.counted(QuoteRevised):
        if view.readable(fact):
            at = max(fact.at, micros(fact.data.agreed_at))
            found.append((at, Rank.QUOTE, (0, "", fact), _revise, fact))
    for refund in view.counted(RefundedElsewhere):
        # One on another line takes nothing of the purchase, but the agreement is tested as of it (R1).
        amount = refund.data.amount.value if refund.data.line == PURCHASE else 0
        found.append((refund.at, Rank.PAYMENT, (0, "", refund), _refund_elsewhere, amount))
    return found


def _capture(timeline: Timeline, amount: int) -> None:
    timeline.captured += amount


def _refund_elsewhere(timeline: Timeline, amount: int) -> None:
    timeline.elsewhere += amount


def _revise(timeline: Timeline, fact: Fact[QuoteRevised]) -> None:
    timeline.revise_quote(fact)


def dues(case: Assessment, _: Ledger) -> tuple[Due]:
    """Return the line `purchase`.

    Its refunds go to the captured payments: the latest first if no unit has ended, else the oldest first (R16).
    """
    brought: dict[str, int] = {}
    for capture in case.view.captures():
        brought[capture.payment_id] = brought.get(capture.payment_id, 0) + capture.total
    routes = [Route("original_payment", payment_id, amount) for payment_id, amount in brought.items()]
    if len(routes) > 1 and case.timeline.end is None and case.timeline.units.are_all_live:
        routes.reverse()
    return (Due(PURCHASE, case.settlement.due, _line_grounds(case), tuple(routes)),)


def _line_grounds(case: Assessment) -> Grounds:
    """Return the line's grounds: the clauses of the order's endings, and other clauses that took effect (R6)."""
    timeline = case.timeline
    ending = timeline.ending
    adds = list(case.line_adds)
    for cost in case.settlement.borne:
        adds += cost.grounds
    if ending is not None and ending.is_final:
        return clauses_of((*ending.grounds, *adds))
    grounds: list[Basis] = []
    if ending is None:
        if timeline.purchases:
            grounds += [_ABOVE_PRICE, _ON_ACTUAL_PRICE]
        else:
            grounds.append(_ABOVE_QUOTE)
    for lot in timeline.units.lots:
        if not lot.is_live and lot.ended_by is not None:
            grounds += lot.ended_by.grounds
    return clauses_of((*grounds, *adds))


def amounts(case: Assessment, clock: Clock) -> list[StandingAmount]:
    """Return what is missing of the order amount, and the amounts that can't be read."""
    timeline, missing = case.timeline, case.settlement.outstanding
    found: list[StandingAmount] = []
    if missing and timeline.is_effective and not timeline.has_ended:
        amount = StandingAmount("order_amount", case.view.order_id, missing, _OUTSTANDING, "outstanding")
        if timeline.plan is not None:
            amount.due_at = next_due(timeline, clock)
            amount.plan_dates = timeline.plan.due_from(timeline.view.placed_at)
        found.append(amount)
    if case.view.has_unread:
        for message in case.view.unconverted():
            if not message.converted:
                total = message.total
                amount = StandingAmount(
                    "foreign_currency", message.fact.id, total.value, (_UNCONVERTED,), "unconverted", foreign=total
                )
                found.append(amount)
    return found


def awaits(examination: Examination) -> Sequence[Wait]:
    """Return waits for the conversion of amounts that can't be read (R21, row 15)."""
    view = examination.case.view
    if not view.has_unread:
        return ()
    return [
        Wait("conversion", message.fact.id, amount=message.total.value, currency=message.total.currency)
        for message in view.unconverted()
        if not message.converted
    ]
