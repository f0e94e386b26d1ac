"""The waits of an order (R21): from whom, until when, and what money stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.events.payment import RefundFailed, RefundSucceeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.rules.decide import Examination


class WaitKind(NamedTuple):
    """A kind of wait: its row in the table of R21 (None if it has none), and from whom something is awaited."""

    row: int | None
    of: str


PLACED, UNKNOWN, RECORD = "placed", "unknown", "record_in_quarantine"

WAIT_KINDS: Mapping[str, WaitKind] = {
    PLACED: WaitKind(None, "platform"),
    "acceptance": WaitKind(1, "provider"),
    "rest_of_order_amount": WaitKind(2, "buyer"),
    "purchase": WaitKind(3, "provider, seller"),
    "receipt_by_warehouse": WaitKind(4, "warehouse"),
    "delivery": WaitKind(5, "logistics"),
    "confirmation_of_receipt": WaitKind(5, "buyer"),
    "sellers_answer": WaitKind(6, "seller"),
    "verification": WaitKind(7, "platform"),
    "sellers_money": WaitKind(8, "seller"),
    "payment_of_claim": WaitKind(9, "buyer"),
    "deposits_answer": WaitKind(10, "deposit account"),
    "payment_or_disposal": WaitKind(11, "buyer, provider"),
    "repayment": WaitKind(12, "buyer"),
    "promoters_repayment": WaitKind(12, "promoter"),
    "buyer_owes": WaitKind(12, "buyer"),
    "chargeback_outcome": WaitKind(13, "institution"),
    "refund_answer": WaitKind(14, "payment system"),
    "funds_answer": WaitKind(14, "payment system"),
    "conversion": WaitKind(15, "staff"),
    RECORD: WaitKind(15, "staff"),
    "seller_excess": WaitKind(15, "staff"),
    "undeliverable": WaitKind(15, "staff"),
    "refused_hold": WaitKind(15, "staff"),
    UNKNOWN: WaitKind(None, "this service"),
}
"""All kinds of waits, in the order of R21.

`placed`: facts arrived, but not yet that the order was placed; nothing is decided before (F1). `unknown`: an earlier
version made the last decision and did not store the waits of R21.
"""

ENDED_FROM_ROW = 8
"""An ended order has only waits from this row on."""


class Wait(NamedTuple):
    """One wait of an order. Instants in microseconds, amounts in minor units."""

    what: str
    """One of WAIT_KINDS."""
    ref: str = ""
    """The request, chargeback, line or other thing that it is about."""
    until: int | None = None
    """The last instant of its period; None if it has no time limit."""
    amount: int | None = None
    currency: str | None = None
    """The amount's currency; None without an amount."""

    @property
    def row(self) -> int | None:
        """Its row in the table of R21."""
        return WAIT_KINDS[self.what].row

    @property
    def of(self) -> str:
        """The party from whom something is awaited."""
        return WAIT_KINDS[self.what].of


UNPLACED = (Wait(PLACED),)
"""The wait of an order with facts but without `placed`."""

_PLACE = {what: nth for nth, what in enumerate(WAIT_KINDS)}


def waits_of(examination: Examination) -> tuple[Wait, ...]:
    """Return an order's waits, by the rows of R21. The examination's ledger must include the new outputs."""
    case = examination.case
    found: list[Wait] = []
    for awaits in case.view.concerned.awaits:
        found += awaits(examination)
    if examination.amounts or examination.ledger.lines:
        found += _of_lines(examination)
    if examination.clock.quarantined:
        records = examination.clock.quarantined
        found += [Wait(RECORD, record.topic, case.unclear.end_of(record.since)) for record in records]
    if case.timeline.has_ended:
        found = [one for one in found if (WAIT_KINDS[one.what].row or 0) >= ENDED_FROM_ROW]
    for nth, one in enumerate(found):
        if one.amount is not None and one.currency is None:
            found[nth] = Wait(one.what, one.ref, one.until, one.amount, case.view.currency)
    if len(found) > 1:
        found.sort(key=_place)
    return tuple(found)


def _place(wait: Wait) -> int:
    return _PLACE[wait.what]


def _of_lines(examination: Examination) -> Iterator[Wait]:
    """Yield waits for repayments, debts, unanswered refunds and undeliverable refunds."""
    for one in examination.amounts:
        if not one.amount or one.ref == "brokerage":
            continue
        if one.kind == "repayment_demand":
            yield Wait("repayment", one.ref, amount=one.amount)
        elif one.kind == "buyer_owes":
            yield Wait("buyer_owes", amount=one.amount)
        elif one.kind == "refund_undeliverable":
            yield Wait("undeliverable", one.ref, amount=one.amount)
    lines = examination.ledger.lines
    if not lines:
        return
    view = examination.case.view
    answered = {fact.data.command_id for fact in view.messages(RefundSucceeded)}
    answered.update([fact.data.command_id for fact in view.messages(RefundFailed)])
    for line, totals in lines.items():
        missing = [
            amount
            for command_id, amount in zip(totals.command_ids, totals.amounts, strict=True)
            if command_id not in answered
        ]
        if missing:
            yield Wait("refund_answer", line, amount=sum(missing))
