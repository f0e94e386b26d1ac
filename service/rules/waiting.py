"""What an order waits for (R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.events.payment import RefundFailed, RefundSucceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.decide import Examination

BUYER = "buyer"
PROVIDER = "provider"
SELLER = "seller"
WAREHOUSE = "warehouse"
LOGISTICS = "logistics"
PLATFORM = "platform"
DEPOSIT = "deposit account"
INSTITUTION = "institution"
PROMOTER = "promoter"
PAYMENT_SYSTEM = "payment system"
STAFF = "staff"

ENDED_FROM_ROW = 8
"""An ended order waits only for what stands from this row on."""


class Awaited(NamedTuple):
    """One thing that an order waits for. Instants in microseconds, amounts in minor units."""

    row: int
    """Its number in the table of R21."""
    what: str
    """A word for it, constant for each kind of thing that is awaited."""
    of: str
    """Whom it is awaited from."""
    ref: str = ""
    """What of that kind: a request, a chargeback, a line and so on."""
    until: int | None = None
    """The last instant of its period; None where there is no limit of time."""
    amount: int | None = None
    currency: str | None = None
    """Of the amount, where it is not the order's."""


def waiting_list(examination: Examination) -> list[Awaited]:
    """Return what an order waits for, by the rows of R21."""
    concerned = examination.case.view.concerned
    found = [one for awaits in concerned.awaits for one in awaits(examination)]
    found += _of_lines(examination)
    found += [
        Awaited(15, "record_in_quarantine", STAFF, record.topic, until=examination.case.unclear.end_of(record.since))
        for record in examination.clock.quarantined
    ]
    if examination.case.timeline.has_ended:
        found = [one for one in found if one.row >= ENDED_FROM_ROW]
    return sorted(found, key=lambda one: one.row)


def _of_lines(examination: Examination) -> Iterator[Awaited]:
    """Yield repayments, what is owed, refunds that were not answered, and those that could not be delivered."""
    for one in examination.amounts:
        if not one.amount or one.ref == "brokerage":
            continue
        if one.kind == "repayment_demand":
            yield Awaited(12, "repayment", BUYER, one.ref, amount=one.amount)
        elif one.kind == "buyer_owes":
            yield Awaited(12, "buyer_owes", BUYER, amount=one.amount)
        elif one.kind == "refund_undeliverable":
            yield Awaited(15, "undeliverable", STAFF, one.ref, amount=one.amount)
    view = examination.case.view
    answered = {fact.data.command_id for fact in view.messages(RefundSucceeded)}
    answered.update([fact.data.command_id for fact in view.messages(RefundFailed)])
    for line, totals in examination.ledger.lines.items():
        for command_id in totals.command_ids:
            if command_id not in answered:
                yield Awaited(14, "refund_answer", PAYMENT_SYSTEM, line)
