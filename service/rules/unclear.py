"""Unclear orders: while there is a sign of an unread event, the absence of an event proves nothing (F5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.events.chargeback import ChargebackClosed, ChargebackOpened
from purchasing_contracts.events.payment import OutstandingPaid, PaymentCaptured
from purchasing_contracts.events.seller_response import PurchaseConfirmed

from service.rules.calendar import last_instant

if TYPE_CHECKING:
    from service.rules.clock import Clock
    from service.rules.ledger import Ledger
    from service.rules.order_view import OrderView
    from service.rules.requests import Request
    from service.rules.timeline import Timeline

ORDER = "purchasing.events.order.v1"
PAYMENT = "purchasing.events.payment.v1"
WAREHOUSE = "purchasing.events.warehouse-receipt.v1"
SELLER = "purchasing.events.seller-response.v1"
CHARGEBACK = "purchasing.events.chargeback.v1"

_CANCELLATION = frozenset({SELLER, WAREHOUSE})
_LAPSE = frozenset({SELLER, WAREHOUSE, ORDER})
_DEEMED_RECEIPT = frozenset({ORDER})
_MONEY = frozenset({PAYMENT, CHARGEBACK})


class Unclear:
    """The matters that are unclear about an order now, because of quarantined records and amounts that can't be read.

    Decisions made before a record arrived stay: a record holds up decisions, but does not undo them.
    """

    __slots__ = ("_ledger", "_since", "_topics", "_view", "ends_at")

    def __init__(self, view: OrderView, ledger: Ledger, clock: Clock) -> None:
        """Read the records that still count."""
        self._view = view
        self._ledger = ledger
        self._since: dict[str, int] = {}
        """The quarantine of the first record of each topic, in microseconds."""
        self._topics: frozenset[str] = frozenset()
        self.ends_at: int | None = None
        """The instant at which the next record stops counting by itself, in microseconds."""
        if clock.quarantined:
            self._read(clock)

    def _read(self, clock: Clock) -> None:
        ends = []
        for record in clock.quarantined:
            end = self.end_of(record.since)
            if end is not None:
                if end < max(clock.now, clock.watermark):
                    continue
                ends.append(end)
            self._since[record.topic] = min(record.since, self._since.get(record.topic, record.since))
        self._topics = frozenset(self._since)
        self.ends_at = min(ends, default=None)

    @property
    def is_clear(self) -> bool:
        """Whether no quarantined record counts and all amounts can be read."""
        return not self._topics and not self._view.has_unread

    def end_of(self, since: int) -> int | None:
        """Return until when a record quarantined at an instant counts; None: until it is resolved."""
        days = self._view.terms.quarantine_days
        return None if days is None else last_instant(self._view.terms, since, days)

    def cancellation(self, timeline: Timeline, request: Request) -> bool:
        """Return whether the end of open units by a cancellation must wait, as of now on the timeline."""
        if self._topics and not self._topics.isdisjoint(_CANCELLATION) and not self._was_decided(request):
            return True
        return _received_more_than_bought(timeline)

    def withdrawal(self, timeline: Timeline, request: Request) -> bool:
        """Return whether a withdrawal must wait, as of now on the timeline."""
        return self.cancellation(timeline, request) or self._view.is_unread(PaymentCaptured, timeline.at)

    def lapse(self, timeline: Timeline) -> bool:
        """Return whether it is unclear that the order lapsed."""
        if self._holds_up(_LAPSE, timeline, "closing", "lapsed"):
            return True
        return _received_more_than_bought(timeline) or self._view.is_unread(PaymentCaptured, timeline.at)

    def deemed_receipt(self, timeline: Timeline) -> bool:
        """Return whether receipt must not be deemed confirmed, as of now on the timeline."""
        return self._holds_up(_DEEMED_RECEIPT, timeline, "receipt", "deemed_confirmed")

    def balance(self, timeline: Timeline) -> bool:
        """Return whether it is unclear that a balance is unpaid, as of now on the timeline."""
        return self._holds_up(_MONEY, timeline, "closing", "balance_unpaid") or self._money_is_unread

    @property
    def deduction(self) -> bool:
        """Whether deductions from the deposit must wait."""
        return not self._topics.isdisjoint(_MONEY) or self._money_is_unread

    @property
    def brokerage(self) -> bool:
        """Whether deductions from the purchasing funds must wait."""
        if self._topics - {ORDER}:
            return True
        view = self._view
        return view.has_unread and (
            self._money_is_unread or view.is_unread(PurchaseConfirmed) or view.brokerage_unread is not None
        )

    @property
    def _money_is_unread(self) -> bool:
        view = self._view
        return view.has_unread and (
            view.is_unread(PaymentCaptured)
            or view.is_unread(OutstandingPaid)
            or view.is_unread(ChargebackOpened)
            or view.is_unread(ChargebackClosed)
        )

    def _was_decided(self, request: Request) -> bool:
        """Return whether a request ended its open units when it was made, before the records arrived.

        If the seller agreed although nothing was bought, the units ended by its answer, because they had waited for it.
        """
        standing = self._ledger.standing.get(("cancellation", request.id))
        if standing is None or not standing.ended_open_units or (standing.was_answered and not request.waited):
            return False
        return standing.since_at < min([since for topic, since in self._since.items() if topic in _CANCELLATION])

    def _holds_up(self, topics: frozenset[str], timeline: Timeline, kind: str, outcome: str) -> bool:
        """Return whether a record on these topics holds up the deadline of now on the timeline.

        It does not if the deadline passed before the record arrived, and its outcome stands.
        """
        since = [since for topic, since in self._since.items() if topic in topics]
        if not since:
            return False
        standing = self._ledger.standing.get((kind, self._view.order_id))
        return standing is None or standing.outcome != outcome or timeline.at >= min(since)


def _received_more_than_bought(timeline: Timeline) -> bool:
    """Return whether more goods were received than the known purchases have."""
    if not timeline.receipts:
        return False
    if not timeline.purchases:
        return True
    named: dict[str, int] = {}
    for receipt in timeline.receipts.values():
        for item_id, count in receipt.named.items():
            named[item_id] = named.get(item_id, 0) + count
    if not named:
        return False
    bought: dict[str, int] = {}
    for lot in timeline.units.lots:
        if lot.purchase is not None:
            bought[lot.item.id] = bought.get(lot.item.id, 0) + lot.count
    known = {lot.item.id for lot in timeline.units.lots}
    return any(count > bought.get(item_id, 0) for item_id, count in named.items() if item_id in known)
