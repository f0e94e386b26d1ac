"""Clause 8: service commitment: purchases, feedback on reports, the seller's money (R7, R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.payment import SellerRefundReceived
from purchasing_contracts.events.seller_response import PurchaseConfirmed

from service.rules.assessment import StandingAmount
from service.rules.registry import only_with
from service.rules.requests import named_lots
from service.rules.timeline import Ignored, Purchase, Rank
from service.rules.units import BOUGHT, OPEN, RESCINDED, lowest_first
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.clock import Clock
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Step, Timeline
    from service.rules.units import Lot

TITLE = "Service commitment"
DOES = (
    "Goods are bought at the price and in the quantity that the seller confirms. A report that changes nothing is "
    "answered as such (8(3)). The seller's money is the buyer's; an excess over the buyer's payments is paid out once "
    "it is confirmed (8(4))."
)

TESTS = ("tests/rules/clauses/test_clause_08.py",)

_EXCESS = Basis(
    clause="8(4)", because="the seller returned more than the buyer had paid; it is paid out when confirmed"
)


@only_with(PurchaseConfirmed)
def steps(timeline: Timeline) -> Iterator[Step]:
    """Yield all messages of each purchase: the first makes it, a later one can restore rescinded units."""
    view = timeline.view
    for messages in view.by_identity(PurchaseConfirmed):
        counting = view.counting(messages)
        first = messages[0]
        yield first.at, Rank.PURCHASE, (0, "", first), _purchase, (first, counting)
        for later in messages[1:]:
            yield later.at, Rank.PURCHASE, (0, "", later), _report_again, later


def _purchase(timeline: Timeline, found: tuple[Fact[PurchaseConfirmed], Fact[PurchaseConfirmed]]) -> None:
    first, counting = found
    data = counting.data
    if timeline.has_ended:
        _refuse(timeline, Ignored(first, "order_ended", timeline.ending))
        return
    named = named_lots(timeline, data.items)
    if data.items is not None and not any(lot.is_live for lot in named):
        _refuse(timeline, Ignored(first, "no_units"))
        return
    purchase = Purchase(counting, timeline.at, is_read=timeline.view.readable(counting))
    timeline.purchases.append(purchase)
    lots = [lot for lot in named if lot.state is OPEN]
    if data.items is not None:
        lots = timeline.units.choose(data.items, _is_open, lowest_first)
    for lot in lots:
        lot.state, lot.purchase, lot.bought_at = BOUGHT, purchase, timeline.at


def _refuse(timeline: Timeline, ignored: Ignored) -> None:
    timeline.not_counting[ignored.fact.data.purchase_id] = ignored
    timeline.ignored.append(ignored)


def _report_again(timeline: Timeline, fact: Fact[PurchaseConfirmed]) -> None:
    data = fact.data
    refused = timeline.not_counting.get(data.purchase_id)
    if refused is not None:
        timeline.ignored.append(refused._replace(fact=fact))
        return

    def is_rescinded(lot: Lot) -> bool:
        return lot.state is RESCINDED and lot.purchase is not None and lot.purchase.id == data.purchase_id

    if data.items is None:
        timeline.restore([lot for lot in timeline.units.lots if is_rescinded(lot)])
    else:
        timeline.restore(timeline.units.choose(data.items, is_rescinded, lowest_first))


def _is_open(lot: Lot) -> bool:
    return lot.state is OPEN


@only_with(SellerRefundReceived)
def amounts(case: Assessment, _: Clock) -> Iterator[StandingAmount]:
    """Yield the seller's money that waits for confirmation."""
    if case.settlement.excess:
        yield StandingAmount("seller_excess", case.view.order_id, case.settlement.excess, (_EXCESS,), "noted")


def awaits(examination: Examination) -> list[Wait]:
    """Return waits for the purchase, the seller's money, and confirmation of an excess (rows 3, 8, 15)."""
    case = examination.case
    timeline, settlement = case.timeline, case.settlement
    unexplained = not timeline.purchases and (timeline.receipts or timeline.view.messages(SellerRefundReceived))
    found: list[Wait] = []
    if unexplained or (timeline.is_effective and timeline.units.has(OPEN)):
        found.append(Wait("purchase"))
    for _, ref, amount in settlement.awaited:
        found.append(Wait("sellers_money", ref, amount=amount))
    if settlement.excess:
        found.append(Wait("seller_excess", amount=settlement.excess))
    return found
