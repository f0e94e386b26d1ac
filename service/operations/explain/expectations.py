"""What an order waits for, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from purchasing_contracts.events.order import OrderPlaced

from service.operations.sentence import Amount, Id, Sentence, listed, say
from service.operations.wording import amount_in_words
from service.rules.facts import instant
from service.rules.waiting import waiting_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from service.orders.state import OrderState
    from service.rules.decide import Examination
    from service.rules.waiting import Awaited
    from service.store.order_history import OrderHistory

_WORDS = {
    "acceptance": "acceptance of the order",
    "rest_of_order_amount": "the rest of the order amount: {amount}",
    "purchase": "the purchase, or word of it",
    "receipt_by_warehouse": "receipt of all the goods, without objections that stand",
    "verification": "the verification of objection {ref}",
    "delivery": "the delivery of the goods",
    "confirmation_of_receipt": "confirmation of receipt or an objection, else receipt is deemed confirmed",
    "sellers_answer": "an answer to request {ref}",
    "sellers_money": "its money: {amount}",
    "payment_of_claim": "payment of {amount} for chargeback {ref}, else it is taken from the deposit",
    "deposits_answer": "the answer to deduction {ref}: {amount}",
    "payment_or_disposal": "payment, or the proceeds of retained goods, for {amount} of chargeback {ref}",
    "repayment": "{amount} to be paid back on line {ref}",
    "buyer_owes": "{amount} that is owed, on line owed",
    "chargeback_outcome": "the outcome of chargeback {ref}",
    "refund_answer": "word that a refund on line {ref} was executed",
    "funds_answer": "the answer of the purchasing funds to deduction {ref}: {amount}",
    "conversion": "conversion of the amount of message {ref}: {amount}",
    "seller_excess": "confirmation of the seller's money beyond what the buyer paid: {amount}",
    "undeliverable": "a way for {amount} on line {ref} that can't be delivered",
    "refused_hold": "a decision on hold {ref}, which was refused",
    "record_in_quarantine": "a look at a record of topic {ref} in quarantine; what it may bear on waits",
}
"""What is told of each thing that the rules say is awaited (R21)."""
_OF_NO_ID = frozenset({"repayment", "refund_answer", "undeliverable", "record_in_quarantine"})
"""What names a line or a topic, and not something with an id."""
_RECORDS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that is waited for; `until` is the last instant of its period, None where it has none."""

    what: str
    until: datetime | None = None
    row: int | None = None
    """Its row of R21; None where the service waits for itself."""
    of: str | None = None
    """Whom it is awaited from."""
    is_overdue: bool = False


def expectations_of(
    history: OrderHistory, state: OrderState, found: Examination | None, now: int
) -> Iterator[Expectation]:
    """Yield what the order waits for: what the rules say, then ourselves."""
    if history.facts and not any(isinstance(fact.data, OrderPlaced) for fact in state.facts):
        yield Expectation(say("the message that the order was placed: nothing is decided before"))
    if found is not None:
        for awaited in waiting_list(found):
            yield _told(awaited, found, now)
    yield from _ourselves(history, state)


def _told(awaited: Awaited, found: Examination, now: int) -> Expectation:
    currency = awaited.currency or found.case.view.currency
    amount = "" if awaited.amount is None else Amount(amount_in_words(awaited.amount, currency))
    ref = awaited.ref if awaited.what in _OF_NO_ID else Id(awaited.ref)
    until = None if awaited.until is None else instant(awaited.until)
    words = say(_WORDS[awaited.what], ref=ref, amount=amount)
    if awaited.what == "payment_of_claim" and until is None:
        words = say("{what}; the days run from when the demand is published", what=words)
    is_overdue = awaited.until is not None and awaited.until < now
    return Expectation(words, until, awaited.row, awaited.of, is_overdue)


def _ourselves(history: OrderHistory, state: OrderState) -> Iterator[Expectation]:
    unpublished = sum(not said.published for said in history.outputs)
    if unpublished:
        yield Expectation(say("the relay to publish {count} of its outputs", count=unpublished))
    if history.in_quarantine:
        named: list[str] = history.in_quarantine[:_RECORDS_NAMED]
        more = ["…"] if len(history.in_quarantine) > _RECORDS_NAMED else []
        yield Expectation(
            say(
                "a person to look at {count} of its records in quarantine: {records}",
                count=len(history.in_quarantine),
                records=listed([*named, *more]),
            )
        )
    if history.stuck is not None:
        yield Expectation(
            say(
                "the rules to be mended: they failed on this order ({error}); it publishes nothing meanwhile",
                error=history.stuck,
            )
        )
    if state.problem:
        yield Expectation(say("a version that can read its journals: {problem}", problem=Sentence(state.problem)))
    if history.held:
        yield Expectation(say("a person to release the order: it is held and publishes nothing meanwhile"))
