"""What an order waits for, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from purchasing_contracts.events.order import OrderPlaced

from service.rules.facts import instant
from service.telling import amount_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from service.orders.journals import OrderState
    from service.rules.decide import Examination
    from service.store.stories import Story

_OPEN = {
    ("cancellation", "pending"): "the seller's answer to cancellation request {ref}",
    ("dissolution", "pending"): "the seller's answer to dissolution request {ref}",
    ("objection", "verification_requested"): "the verification of objection {ref}",
    ("agreement", "short_paid"): "the rest of the order amount",
}
_OWED = {
    "repayment_demand": "{amount} to be paid back on line {ref}",
    "buyer_owes": "{amount} from the buyer, on line owed",
    "refund_withheld": "chargebacks on line {ref} to be settled: {amount} is kept back meanwhile",
    "refund_undeliverable": "people to solve a refund of {amount} on line {ref} that can't be delivered",
    "retained_goods": "the proceeds of retained goods, or payment, for {amount} of chargeback {ref}",
}
_RECORDS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that is waited for; `until` is the last instant of its period, None where it has none."""

    what: str
    until: datetime | None = None


def waiting_for(
    story: Story, state: OrderState, found: Examination | None, published: Mapping[int, int]
) -> Iterator[Waiting]:
    """Yield what the order waits for: people first, then periods, then ourselves."""
    if story.facts and not any(isinstance(fact.data, OrderPlaced) for fact in state.facts):
        yield Waiting("the message that the order was placed: nothing is decided before")
    if found is not None:
        yield from _people(state, found)
        yield from _periods(state, found, published)
    yield from _ourselves(story, state)


def _people(state: OrderState, found: Examination) -> Iterator[Waiting]:
    for (kind, ref), standing in state.ledger.standing.items():
        words = _OPEN.get((kind, standing.outcome))
        if words is not None:
            yield Waiting(words.format(ref=ref))
        if kind in _OWED and standing.amount is not None:
            amount = amount_in_words(standing.amount, found.case.reading.currency)
            yield Waiting(_OWED[kind].format(ref=ref, amount=amount))


def _periods(state: OrderState, found: Examination, published: Mapping[int, int]) -> Iterator[Waiting]:
    for last in found.case.deadlines:
        yield Waiting(
            "the buyer's confirmation of receipt or an objection, else receipt is deemed confirmed", instant(last)
        )
    for one in found.recoveries:
        standing = state.ledger.standing.get(("payment_demand", one.chargeback_id))
        if not one.claim or standing is None:
            continue
        amount = amount_in_words(one.claim, found.case.reading.currency)
        if one.chargeback_id in state.ledger.deducted:
            yield Waiting(f"the deposit's answer, or payment, for {amount} of chargeback {one.chargeback_id}")
        elif standing.since_version in published:
            span = found.case.reading.terms.demand_span
            last = published[standing.since_version] + span
            yield Waiting(
                f"payment of {amount} for chargeback {one.chargeback_id}, else it is taken from the deposit",
                instant(last),
            )
        else:
            yield Waiting(f"the payment demand of {amount} for chargeback {one.chargeback_id} to be published")


def _ourselves(story: Story, state: OrderState) -> Iterator[Waiting]:
    unpublished = sum(not said.published for said in story.outputs)
    if unpublished:
        yield Waiting(f"the relay to publish {unpublished} of its outputs")
    if story.in_quarantine:
        named = ", ".join(story.in_quarantine[:_RECORDS_NAMED])
        more = ", …" if len(story.in_quarantine) > _RECORDS_NAMED else ""
        yield Waiting(
            f"a person to look at {len(story.in_quarantine)} of its records in quarantine, {named}{more}; "
            "no deposit is taken meanwhile"
        )
    if story.stuck is not None:
        yield Waiting(
            f"the rules to be mended: they failed on this order ({story.stuck}); it publishes nothing meanwhile"
        )
    if state.problem:
        yield Waiting(f"a version that can read its journals: {state.problem}")
    if story.held:
        yield Waiting("a person to release the order: it is held and publishes nothing meanwhile")
