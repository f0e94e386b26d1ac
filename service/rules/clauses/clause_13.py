"""Clause 13: the buyer asks to dissolve the purchase (R9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import DissolutionRequested, IssueDisclosed, RequestWithdrawn
from purchasing_contracts.events.seller_response import DissolutionAgreed, DissolutionRefused
from purchasing_contracts.events.warehouse_receipt import CostIncurred

from service.rules.assessment import StandingOutcome
from service.rules.calendar import last_instant
from service.rules.registry import only_with
from service.rules.requests import (
    Request,
    choose_lots,
    clauses_of,
    moot_grounds,
    named_lots,
    note_endings,
    take_answer,
    withdraw_request,
)
from service.rules.settlement import Cost, lots_ended_by, provider_costs
from service.rules.timeline import Ending, Place, Rank
from service.rules.units import BOUGHT, DISSOLVED
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Step, Timeline
    from service.rules.units import Lot

TITLE = "Order dissolution"
DOES = (
    "A purchase may be dissolved if the goods were inspected with evidence, the request is in time, the issue was not "
    "disclosed before, receipt is not confirmed, and the seller agrees. What the seller returns goes to the buyer in "
    "full; the service fee does not."
)

KIND = "dissolution"
RETURN_COSTS = frozenset({"transport", "custody"})
"""The kinds of costs that the buyer bears."""

_NOT_EFFECTIVE = Basis(clause="2", because="no agreement was effective when this was requested")
_NOT_INSPECTED = Basis(clause="13(1)", because="the goods were not inspected, or no evidence was submitted")
_TOO_LATE = Basis(clause="13(2)", because="the request came after the period allowed for dissolving the order")
_DISCLOSED = Basis(clause="13(3)", because="the buyer knew of this issue, and went on with the purchase")
_SELLER_REFUSED = Basis(clause="13(4)", because="the seller refused to dissolve the purchase")
_SELLER_TO_ANSWER = Basis(clause="13(4)", because="the seller has been asked")
_SELLER_AGREED = Basis(clause="13(5)", because="the seller agreed to dissolve the purchase")
_FUNDS_RETURNED = Basis(clause="13(6)", because="the purchase funds that the seller returns are passed on as they come")
_FEE_KEPT = Basis(clause="13(7)", because="the service fee is not refunded on a dissolution")
_TAKEN_BACK = Basis(clause="13", because="the buyer took the request back")
_NOTHING_LEFT = Basis(clause="13", because="nothing is left to dissolve")
_RECEIVED = Basis(clause="18", because="receipt of the goods had been confirmed")
_LOGISTICS = Basis(clause="17", because="the logistics provider caused the objection: claims go there")


@only_with(DissolutionRequested)
def steps(timeline: Timeline) -> Iterator[Step]:
    """Yield requests, the seller's answers, and withdrawals of requests."""
    view = timeline.view
    for fact in view.counted(DissolutionRequested):
        request = timeline.dissolutions.get(fact.data.request_id)
        if request is None:
            request = timeline.dissolutions[fact.data.request_id] = Request(KIND, fact, _bar_of, grounds_of)
        yield fact.at, Rank.REQUEST, (1, request.id, fact), _apply_request, request
    for answer in view.answers(DissolutionAgreed, DissolutionRefused):
        request = timeline.dissolutions.get(answer.data.request_id)
        if request is not None:
            at = max(answer.at, request.at)
            yield at, Rank.ANSWER, (0, request.id, answer), _answer, (request, answer)
    for taken_back in view.counted(RequestWithdrawn):
        request = timeline.dissolutions.get(taken_back.data.request_id)
        if request is not None:
            at = max(taken_back.at, request.at)
            within = (0, request.id, taken_back)
            changed = timeline.withdrawals.setdefault(taken_back.id, (taken_back, request, []))[2]
            yield at, Rank.REQUEST_WITHDRAWN, within, withdraw_request, (request, changed)


def _note(timeline: Timeline, fact: Fact[Any]) -> None:
    """Do nothing: requests look for disclosed issues themselves. The agreement is tested as of each (R1)."""


PLACES = (Place(IssueDisclosed, Rank.QUOTE, _note, repeats=True),)


def _bar_of(_: Lot) -> Grounds:
    """Return nothing: receipt bars a new dissolution request, but not the units of a pending one."""
    return ()


def _apply_request(timeline: Timeline, request: Request) -> None:
    """Decide a request by the first row that matches, or make it wait for the seller (R9)."""
    timeline.requests.append(request)
    data = request.fact.data
    live = [lot for lot in named_lots(timeline, request.items) if lot.is_live]
    if not timeline.is_effective:
        request.decide("refused", (_NOT_EFFECTIVE,))
    elif not data.inspected or not data.evidence:
        request.decide("refused", (_NOT_INSPECTED,))
    elif _is_late(timeline):
        request.decide("refused", (_TOO_LATE,))
    elif _was_disclosed(timeline, data.ground):
        request.decide("refused", (_DISCLOSED,))
    elif live and all(lot.confirmed for lot in _concerned(live)):
        request.decide("refused", (_RECEIVED,))
    elif timeline.logistics_at_fault:
        request.decide("refused", (_LOGISTICS,))
    elif not live:
        note_endings(timeline, request)
        request.decide("moot", ())
    else:
        _apply_to_units(timeline, request, live)


def _is_late(timeline: Timeline) -> bool:
    """Return whether the period has passed. Without a period, or before the complete delivery, there is no limit."""
    days, delivered = timeline.view.placed.dissolution_period_days, timeline.delivered_at
    if days is None or delivered is None:
        return False
    return timeline.at > last_instant(timeline.view.terms, delivered, days)


def _was_disclosed(timeline: Timeline, ground: str) -> bool:
    if ground in timeline.view.placed.disclosed_issues:
        return True
    ended = timeline.obligation_ended_at
    for fact in timeline.view.messages(IssueDisclosed):
        if ground in fact.data.grounds and fact.at <= timeline.at and (ended is None or fact.at <= ended):
            return True
    return False


def _concerned(live: Sequence[Lot]) -> Sequence[Lot]:
    """Return the bought units of those that a request names, or the open ones if none is bought (F2)."""
    return [lot for lot in live if lot.state is BOUGHT] or live


def _apply_to_units(timeline: Timeline, request: Request, live: Sequence[Lot]) -> None:
    """Make the request's units wait for the seller, except those barred by receipt."""
    state = _concerned(live)[0].state
    choose_lots(timeline, request, lambda lot: lot.state is state and not lot.confirmed, _received_first)
    request.wait()


def _received_first(lot: Lot) -> tuple[int, ...]:
    return (not lot.received, -lot.first)


def _dissolve(timeline: Timeline, request: Request, lots: Sequence[Lot]) -> None:
    request.took_effect = True
    ending = Ending("dissolved", (_SELLER_AGREED, _FUNDS_RETURNED), timeline.at, request, by_answer=True, cite=_cite)
    timeline.end_lots(lots, DISSOLVED, ending)


def _answer(timeline: Timeline, found: tuple[Request, Fact[Any]]) -> None:
    request, answer = found
    take_answer(timeline, request, answer, agreed=isinstance(answer.data, DissolutionAgreed), end=_dissolve)


# Decisions on requests.


def grounds_of(case: Assessment, request: Request) -> Grounds:
    """Return the grounds of the decision on a request."""
    return _judge(case, request)[1]


def _cite(case: Assessment, ending: Ending) -> Grounds:
    """Return the grounds of `closing: dissolved`: those of the request's decision."""
    assert ending.request is not None
    return grounds_of(case, ending.request)


def _judge(case: Assessment, request: Request) -> tuple[str, Grounds]:
    """Return the outcome of a request and its grounds."""
    if request.decided == "moot":
        return "moot", moot_grounds(case, request, _NOTHING_LEFT)
    if request.decided is not None:
        return request.decided, request.grounds
    if request.is_pending:
        return "pending", (_SELLER_TO_ANSWER,)
    if request.took_effect:
        kept = (_FEE_KEPT,) if case.settlement.fee > 0 else ()
        return "agreed", (_SELLER_AGREED, *kept)
    if request.was_withdrawn:
        return "withdrawn_by_buyer", (_TAKEN_BACK,)
    if request.objection:
        return "refused", (_LOGISTICS,)
    if request.answer is not None:
        return "refused", (_SELLER_REFUSED,)
    taken = clauses_of(basis for one in request.taken_by for basis in one.grounds)
    return "moot", taken or (_NOTHING_LEFT,)


@only_with(CostIncurred)
def costs(timeline: Timeline, _: list[Chargeback]) -> Iterator[Cost]:
    """Yield the costs of returning the goods after an agreed dissolution (13(5))."""
    for fact, requests, ending in provider_costs(timeline):
        if fact.data.kind not in RETURN_COSTS:
            continue
        amount = fact.data.amount.value
        for request in requests:
            if request.kind == KIND and any(lot.state is DISSOLVED for lot in lots_ended_by(timeline, request)):
                yield Cost(amount, (_RETURNED_AT_COST,), request, is_of_return=True)
                break
        if ending is not None and ending.kind == "dissolved" and fact.at >= ending.at:
            yield Cost(amount, (_RETURNED_AT_COST,), ending.request, is_of_return=True)


_RETURNED_AT_COST = Basis(clause="13(5)", because="the costs of returning the goods are the buyer's")


@only_with(DissolutionRequested)
def adds(case: Assessment) -> Grounds:
    """Return what this clause adds to the line `purchase`."""
    settlement = case.settlement
    found: Grounds = ()
    if settlement.borne and any(cost.is_of_return for cost in settlement.borne):
        found += (_RETURNED_AT_COST,)
    if settlement.for_pending_dissolution > 0:
        found += (_FUNDS_RETURNED,)
    if settlement.fee > 0 and settlement.lots.dissolved:
        found += (_FEE_KEPT,)
    return found


@only_with(DissolutionRequested)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `dissolution` on each request."""
    for id_, request in case.timeline.dissolutions.items():
        outcome, grounds = _judge(case, request)
        yield StandingOutcome(KIND, id_, outcome, grounds)


@only_with(DissolutionRequested)
def awaits(examination: Examination) -> Iterator[Wait]:
    """Yield waits for the seller's answers to pending requests (R21, row 6)."""
    for request in examination.case.timeline.dissolutions.values():
        if request.is_pending:
            yield Wait("sellers_answer", request.id)
