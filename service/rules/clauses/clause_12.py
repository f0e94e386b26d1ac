"""Clause 12: the buyer asks to cancel (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import CancellationRequested, RequestWithdrawn
from purchasing_contracts.events.seller_response import CancellationAgreed, CancellationRefused
from purchasing_contracts.events.warehouse_receipt import CostIncurred, CustomsCleared

from service.rules.assessment import StandingOutcome
from service.rules.facts import micros
from service.rules.registry import only_with
from service.rules.requests import (
    Parts,
    Request,
    choose_lots,
    clauses_of,
    moot_grounds,
    named_lots,
    note_endings,
    settle_pending,
    take_answer,
    withdraw_request,
)
from service.rules.settlement import Cost, lots_ended_by, provider_costs
from service.rules.timeline import Ending, Place, Rank
from service.rules.units import BOUGHT, CANCELLED, CANCELLED_AFTER, CANCELLED_BEFORE, OPEN, UNAVAILABLE
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Step, Timeline
    from service.rules.units import Lot

TITLE = "Order cancellation"
DOES = (
    "Units that were not bought are cancelled on request. Bought units are cancelled if the seller agrees, until they "
    "clear export customs or receipt is confirmed. The buyer bears the fee, the costs, and what the seller keeps."
)

KIND = "cancellation"
PLATFORM = "platform"

_BEFORE_PURCHASE = Basis(clause="12(1)A", because="no purchase had been made of what is cancelled")
_SELLER = Basis(clause="12(1)B", because="a purchase had been made: whether it is cancelled is for the seller to say")
_OUTSIDE = Basis(clause="12(2)", because="the request was made outside the platform")
_TOO_LATE = Basis(clause="12(2)", because="the request came after the last instant for a cancellation")
_FEE_KEPT = Basis(clause="12(3)", because="the collected service fee is not refunded on a cancellation")
_COSTS = Basis(clause="12(4)", because="costs incurred before or because of the cancellation are the buyer's")
_PENALTIES = Basis(clause="12(5)", because="what the seller charges for the cancellation is the buyer's")
_DAMAGED = Basis(clause="12(6)", because="the goods were damaged on their way back, so the seller refuses")
CLEARED = Basis(clause="12(7)", because="the goods had completed customs clearance for export")
_TAKEN_BACK = Basis(clause="12", because="the buyer took the request back")
_NOTHING_LEFT = Basis(clause="12", because="nothing is left to cancel")
_RECEIVED = Basis(clause="18", because="receipt of the goods had been confirmed")
_OBLIGATION_ENDED = Basis(
    clause="16", because="the obligation to procure had ended: the provider only passes the request on"
)
_LOGISTICS = Basis(clause="17", because="the logistics provider caused the objection: claims go there")
_WITHDRAWN = Basis(clause="2", because="the buyer withdrew before the agreement was effective")
_DEPOSIT_KEPT = Basis(clause="15(2)", because="the deposit paid in advance to the seller is not refunded")


@only_with(CancellationRequested)
def steps(timeline: Timeline) -> Iterator[Step]:
    """Yield requests, the seller's answers, and withdrawals of requests."""
    view = timeline.view
    by_id: dict[str, Request] = {}
    withdrawable: dict[str, list[Request]] = {}
    for fact in view.counted(CancellationRequested):
        channel = fact.data.channel
        # Known already if the timeline goes on.
        request = timeline.cancellations.get((fact.data.request_id, channel))
        if request is None:
            request = Request(KIND, fact, _bar_of, grounds_of)
            timeline.cancellations[request.id, channel] = request
        withdrawable.setdefault(request.id, []).append(request)
        if channel == PLATFORM or request.id not in by_id:
            by_id[request.id] = request
        yield fact.at, Rank.REQUEST, (0, request.id, fact), _apply_request, (request, channel)
    for answer in view.answers(CancellationAgreed, CancellationRefused):
        request = by_id.get(answer.data.request_id)
        if request is not None and view.readable(answer):
            at = max(answer.at, request.at)
            yield at, Rank.ANSWER, (0, request.id, answer), _answer, (request, answer)
    for taken_back in view.counted(RequestWithdrawn):
        for request in withdrawable.get(taken_back.data.request_id, ()):
            at = max(taken_back.at, request.at)
            within = (0, request.id, taken_back)
            withdrawal: tuple[Any, Request, list[Request]] = (taken_back, by_id[request.id], [])
            changed = timeline.withdrawals.setdefault(taken_back.id, withdrawal)[2]
            yield at, Rank.REQUEST_WITHDRAWN, within, withdraw_request, (request, changed)


def _clear_customs(timeline: Timeline, _: Fact[CustomsCleared]) -> None:
    timeline.customs_cleared = True
    for lot in timeline.units.lots:
        if lot.state is BOUGHT or not timeline.purchases:
            lot.cleared = True
    settle_pending(timeline)


_BARS: dict[tuple[bool, bool], Grounds] = {
    (False, False): (),
    (True, False): (CLEARED,),
    (False, True): (_RECEIVED,),
    (True, True): (CLEARED, _RECEIVED),
}
"""The bars by whether the units are cleared, and confirmed."""


def _bar_of(lot: Lot) -> Grounds:
    return _BARS[lot.cleared, lot.confirmed]


PLACES = (Place(CustomsCleared, Rank.RECEIPT, _clear_customs, repeats=True),)


def _is_barred(lot: Lot) -> bool:
    return lot.cleared or lot.confirmed


def _apply_request(timeline: Timeline, found: tuple[Request, str]) -> None:
    """Decide a request by the first row that matches, or end its units, or make it wait (R8)."""
    request, channel = found
    timeline.requests.append(request)
    live = [lot for lot in named_lots(timeline, request.items) if lot.is_live]
    if channel != PLATFORM:
        request.decide("refused", (_OUTSIDE,))
    elif live and all(_is_barred(lot) for lot in live):
        request.decide("refused", _bars(live))
    elif timeline.is_effective and _is_late(timeline):
        request.decide("refused", (_TOO_LATE,))
    elif timeline.is_effective and timeline.logistics_at_fault:
        request.decide("refused", (_LOGISTICS,))
    elif not live:
        note_endings(timeline, request)
        request.decide("moot", ())
    else:
        _apply_to_units(timeline, request, live)


def _is_late(timeline: Timeline) -> bool:
    deadline = timeline.view.placed.cancellation_deadline
    return deadline is not None and timeline.at > micros(deadline)


def _bars(lots: Sequence[Lot]) -> Grounds:
    return clauses_of(basis for lot in lots for basis in _bar_of(lot))


def _apply_to_units(timeline: Timeline, request: Request, live: Sequence[Lot]) -> None:
    lots = choose_lots(timeline, request, lambda lot: lot.is_live and not _is_barred(lot), _open_first)
    left_out = _left_out(request, live, lots)
    for lot in left_out:
        lot.missed_by += (request,)
    request.left_out, request.bars = bool(left_out), _bars(left_out)
    if not timeline.is_effective:
        if timeline.unclear.withdrawal(timeline, request):
            request.wait()
        else:
            _withdraw(timeline, request, lots)
        return
    request.by_row_7 = True
    if any(lot.state is BOUGHT for lot in lots):
        request.wait()
    still_open = [lot for lot in lots if lot.state is OPEN]
    if not still_open:
        return
    if timeline.unclear.cancellation(timeline, request):
        request.wait()
    else:
        _cancel_open(timeline, request, still_open)


def _left_out(request: Request, live: Sequence[Lot], taken: Sequence[Lot]) -> list[Lot]:
    """Return the barred units that a request asked for: those of items that it could not get in full."""
    barred = [lot for lot in live if _is_barred(lot)]
    if not barred or request.items is None:
        return barred
    found = []
    for ref in request.items:
        got = sum([lot.count for lot in taken if lot.item.id == ref.item_id])
        if ref.quantity is None or got < ref.quantity:
            found += [lot for lot in barred if lot.item.id == ref.item_id]
    return found


def _open_first(lot: Lot) -> tuple[int, ...]:
    return (lot.state is BOUGHT, lot.received, -lot.first)


def _cancel_open(timeline: Timeline, request: Request, lots: Sequence[Lot]) -> None:
    """Cancel units that were not bought: 12(1)A."""
    timeline.end_lots(
        lots,
        CANCELLED_BEFORE,
        Ending("cancelled", (_BEFORE_PURCHASE,), timeline.at, request, cite=_cite),
    )


def _cancel_agreed(timeline: Timeline, request: Request, lots: Sequence[Lot]) -> None:
    """Cancel units after the seller agreed; before the agreement is effective this is a withdrawal."""
    if not timeline.is_effective:
        _withdraw(timeline, request, lots)
        return
    request.took_effect = True
    for state, ended, basis in (
        (OPEN, CANCELLED_BEFORE, _BEFORE_PURCHASE),
        (BOUGHT, CANCELLED_AFTER, _SELLER),
    ):
        chosen = [lot for lot in lots if lot.state is state]
        if chosen:
            ending = Ending("cancelled", (basis,), timeline.at, request, by_answer=True, cite=_cite)
            timeline.end_lots(chosen, ended, ending)


def _withdraw(timeline: Timeline, request: Request, lots: Sequence[Lot]) -> None:
    """Withdraw the order, or the units that the request names (R8, row 6)."""
    request.finish()
    request.withdrew = True
    whole = request.items is None and not any(_is_barred(lot) for lot in timeline.units.live())
    ending = Ending("withdrawn", (_WITHDRAWN,), timeline.at, request, is_final=whole)
    if whole:
        timeline.end_order(ending)
        return
    timeline.end_lots(lots, UNAVAILABLE, ending)
    if timeline.units.have_ended:
        ending.is_final = True
        timeline.end = ending


def _answer(timeline: Timeline, found: tuple[Request, Fact[Any]]) -> None:
    request, answer = found
    agreed = isinstance(answer.data, CancellationAgreed)
    take_answer(timeline, request, answer, agreed=agreed, end=_cancel_agreed)


# Decisions on requests.


def grounds_of(case: Assessment, request: Request) -> Grounds:
    """Return the grounds of the decision on a request."""
    return _judge(case, request)[1]


def _cite(case: Assessment, ending: Ending) -> Grounds:
    """Return the grounds of `closing: cancelled`: those of the request's decision, without 16."""
    assert ending.request is not None
    return tuple([basis for basis in grounds_of(case, ending.request) if basis.clause != "16"])


def _judge(case: Assessment, request: Request) -> tuple[str, Grounds]:
    """Return the outcome of a request and its grounds."""
    timeline = case.timeline
    if request.decided == "moot":
        return "moot", moot_grounds(case, request, _NOTHING_LEFT)
    if request.decided is not None:
        return request.decided, request.grounds
    parts = Parts(timeline, request)
    if request.withdrew:
        return "withdrawn", (_WITHDRAWN,)
    if request.is_pending and not request.by_row_7:
        return "pending", (_WITHDRAWN_UNCLEAR, *request.bars)
    outcome = _outcome(request, parts)
    if outcome == "moot":
        return outcome, clauses_of(basis for one in request.taken_by for basis in one.grounds) or (_NOTHING_LEFT,)
    return outcome, _grounds(case, request, parts)


_WITHDRAWN_UNCLEAR = Basis(clause="2", because="it is being clarified whether a purchase was made")


def _outcome(request: Request, parts: Parts) -> str:
    if request.is_pending:
        return "pending"
    if parts.done:
        return "partly_agreed" if parts.undone else "agreed"
    if request.was_withdrawn:
        return "withdrawn_by_buyer"
    if request.answer is not None or request.objection or request.barred or request.left_out:
        return "refused"
    return "moot"


def _grounds(case: Assessment, request: Request, parts: Parts) -> Grounds:
    found: list[Basis] = []
    if any(lot.purchase is None for lot in parts.done):
        found.append(_BEFORE_PURCHASE)
    if request.is_pending or request.answer is not None:
        found.append(_SELLER)
    if _was_damaged(request):
        found.append(_DAMAGED)
    found += request.bars
    if request.objection:
        found.append(_LOGISTICS)
    if request.was_withdrawn:
        found.append(_TAKEN_BACK)
    if parts.done:
        found += _kept(case, request)
    return clauses_of((*found, *_after_obligation(case, request)))


def _after_obligation(case: Assessment, request: Request) -> Grounds:
    """Return the ground of a request that was made after the obligation to procure had ended."""
    ended = case.timeline.obligation_ended_at
    is_after = request.by_row_7 and ended is not None and ended <= request.at
    return (_OBLIGATION_ENDED,) if is_after else ()


def _kept(case: Assessment, request: Request) -> Iterator[Basis]:
    """Yield grounds for the money that stays with others after an effective request."""
    settlement = case.settlement
    if not case.view.terms.refund_fee_on_cancellation and settlement.fee > 0:
        yield _FEE_KEPT
    if any(cost.request is request and _COSTS in cost.grounds for cost in settlement.borne):
        yield _COSTS
    for one in settlement.cancelled:
        if one.request is request:
            if one.penalties > 0:
                yield _PENALTIES
            if one.deposit > 0 and settlement.deposit > 0:
                yield _DEPOSIT_KEPT


@only_with(CostIncurred)
def costs(timeline: Timeline, _: list[Chargeback]) -> Iterator[Cost]:
    """Yield the costs of effective cancellations and of an unpaid balance (12(4))."""
    for fact, requests, ending in provider_costs(timeline):
        amount = fact.data.amount.value
        for request in requests:
            if request.kind == KIND and any(lot.state in CANCELLED for lot in lots_ended_by(timeline, request)):
                yield Cost(amount, (_COSTS,), request)
                break
        if ending is not None and ending.kind in ("cancelled", "balance_unpaid"):
            yield Cost(amount, (_COSTS,), ending.request)


def adds(case: Assessment) -> Grounds:
    """Return what this clause adds to the line `purchase`."""
    settlement, timeline = case.settlement, case.timeline
    if not (settlement.cancelled or settlement.borne or timeline.cancellations):
        return ()
    found = []
    if settlement.cancelled and settlement.fee > 0 and not case.view.terms.refund_fee_on_cancellation:
        found.append(_FEE_KEPT)
    if any(cost.grounds == (_COSTS,) for cost in settlement.borne):
        found.append(_COSTS)
    if settlement.penalties > 0:
        found.append(_PENALTIES)
    if any(_was_damaged(request) for request in timeline.requests):
        found.append(_DAMAGED)
    return tuple(found)


def _was_damaged(request: Request) -> bool:
    answer = request.answer
    return (
        answer is not None
        and isinstance(answer.data, CancellationRefused)
        and answer.data.reason == "damaged_in_return"
        and not request.took_effect
    )


@only_with(CancellationRequested)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `cancellation` on each request: the one on the platform, else the one on the other channel."""
    requests = case.timeline.cancellations
    for (id_, channel), request in requests.items():
        if channel == PLATFORM or (id_, PLATFORM) not in requests:
            outcome, grounds = _judge(case, request)
            yield StandingOutcome(KIND, id_, outcome, grounds)


@only_with(CancellationRequested)
def awaits(examination: Examination) -> Iterator[Wait]:
    """Yield waits for the seller's answers to pending requests (R21, row 6)."""
    for request in examination.case.timeline.requests:
        if request.is_pending and request.kind == KIND:
            yield Wait("sellers_answer", request.id)
