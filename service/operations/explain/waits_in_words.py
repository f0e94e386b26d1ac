"""Sentences for an order's waits, with their last instants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.operations.sentence import Amount, Id, Sentence, listed, sentence
from service.operations.wording import amount_in_words
from service.rules.facts import instant
from service.rules.waits import PLACED, RECORD, UNPLACED, waits_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from service.orders.state import OrderState
    from service.rules.decide import Examination
    from service.rules.waits import Wait
    from service.store.order_history import OrderHistory

_WORDS = {
    PLACED: "the message that the order was placed; nothing is decided before",
    "acceptance": "acceptance of the order",
    "rest_of_order_amount": "the rest of the order amount: {amount}",
    "purchase": "the purchase, or a report of it",
    "receipt_by_warehouse": "receipt of all the goods, without open objections",
    "verification": "the verification of objection {ref}",
    "delivery": "the delivery of the goods",
    "confirmation_of_receipt": "confirmation of receipt or an objection; else receipt is deemed confirmed",
    "sellers_answer": "an answer to request {ref}",
    "sellers_money": "its money: {amount}",
    "payment_of_claim": "payment of {amount} for chargeback {ref}; else it is taken from the deposit",
    "deposits_answer": "the answer to deduction {ref}: {amount}",
    "payment_or_disposal": "payment, or the proceeds of retained goods, for {amount} of chargeback {ref}",
    "repayment": "{amount} to be paid back on line {ref}",
    "promoters_repayment": "{amount} of the brokerage to be paid back",
    "buyer_owes": "payment of {amount} that is owed, on line owed",
    "chargeback_outcome": "the outcome of chargeback {ref}",
    "refund_answer": "confirmation that {amount} on line {ref} was refunded",
    "funds_answer": "the answer of the purchasing funds to deduction {ref}: {amount}",
    "conversion": "conversion of the amount of message {ref}: {amount}",
    "seller_excess": "confirmation of the seller's money beyond what the buyer paid: {amount}",
    "undeliverable": "a way to deliver {amount} on line {ref}",
    "refused_hold": "a decision on hold {ref}, which was refused",
    RECORD: "a person to resolve a quarantined record of topic {ref}; what the record may affect waits",
}
"""The sentence for each kind of wait (R21)."""
_WITHOUT_ID = frozenset({"repayment", "promoters_repayment", "refund_answer", "undeliverable", RECORD})
"""Kinds of wait whose `ref` is a line or a topic, not an id."""
_RECORDS_NAMED = 5


@dataclass(frozen=True, slots=True)
class WaitInWords:
    """One thing that the order waits for. `until` is the last instant of its period, None if it has none."""

    what: str
    until: datetime | None = None
    row: int | None = None
    """Its row in R21; None where R21 has none."""
    of: str | None = None
    """The party that owes it; None if the order waits for this service."""
    is_overdue: bool = False


def waits_in_words(
    history: OrderHistory, state: OrderState, found: Examination | None, now: int
) -> Iterator[WaitInWords]:
    """Yield what the order waits for: first the waits of the rules, then what this service owes."""
    if found is not None:
        yield from [_in_words(wait, found, now) for wait in waits_of(found)]
    elif history.facts and not state.problem:
        yield from [_in_words(wait, None, now) for wait in UNPLACED]
    yield from _ourselves(history, state)


def _in_words(wait: Wait, found: Examination | None, now: int) -> WaitInWords:
    amount = "" if wait.amount is None else Amount(amount_in_words(wait.amount, wait.currency))
    ref = wait.ref if wait.what in _WITHOUT_ID else Id(wait.ref)
    until = None if wait.until is None else instant(wait.until)
    words = sentence(_WORDS[wait.what], ref=ref, amount=amount)
    if found is not None and wait.what == "payment_of_claim":
        demand = found.ledger.demands[wait.ref]
        if found.clock.published_at(demand.since_version, demand.since_at) is None:
            words = sentence("{what}; the days begin when the demand is published", what=words)
            until = None
    is_overdue = until is not None and instant(now) > until
    return WaitInWords(words, until, wait.row, wait.of, is_overdue)


def _ourselves(history: OrderHistory, state: OrderState) -> Iterator[WaitInWords]:
    unpublished = sum(not output.published for output in history.outputs)
    if unpublished:
        yield WaitInWords(sentence("the relay to publish {count} of its outputs", count=unpublished))
    if history.in_quarantine:
        named: list[str] = history.in_quarantine[:_RECORDS_NAMED]
        more = ["…"] if len(history.in_quarantine) > _RECORDS_NAMED else []
        yield WaitInWords(
            sentence(
                "a person to resolve {count} of its quarantined records: {records}",
                count=len(history.in_quarantine),
                records=listed([*named, *more]),
            )
        )
    if history.stuck is not None:
        yield WaitInWords(
            sentence(
                "fixed rules: the rules failed on this order ({error}); until then it publishes nothing",
                error=history.stuck,
            )
        )
    if state.problem:
        yield WaitInWords(sentence("a version that can read its journals: {problem}", problem=Sentence(state.problem)))
    if history.held:
        yield WaitInWords(sentence("a person to release the order: it is held, and until then it publishes nothing"))
