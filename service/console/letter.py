"""The letter to the buyer: what was decided, what money moves, what is awaited. No ids beside the order's number, no
words of the service's own; only what concerns the buyer (19).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from service.operations.sentence import Amount, Sentence, sentence
from service.operations.wording import amount_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from service.console.stories import Story
    from service.operations.explain.explanation import Decided, Explanation

Basis = tuple[tuple[str, str], ...]
"""Clauses, each with its words."""

REFUND = "purchasing.refund.issue.v1"
_BROKERAGE = "brokerage"

_ENDED = {
    "invalid": "Your request could not become an order, because something that is needed for it was missing.",
    "refused": "The service provider did not take on your order.",
    "unavailable": "The goods could not be bought.",
    "withdrawn": "You withdrew the order before it took effect.",
    "lapsed": "Nobody accepted your order in time, so it lapsed.",
    "cancelled": "Your order was cancelled.",
    "dissolved": "The purchase was dissolved.",
    "balance_unpaid": "The balance was not paid in time, so your order ended.",
    "ended": "Your order has ended.",
    "rescinded": "The agreement was rescinded.",
}
_CANCELLATION = {
    "agreed": "Your request to cancel was granted.",
    "partly_agreed": "Your request to cancel was granted in part.",
    "refused": "Your request to cancel could not be granted.",
    "pending": "Your request to cancel was passed on to the seller.",
    "withdrawn_by_buyer": "You took your request to cancel back.",
    "moot": "There was nothing left that your request to cancel could concern.",
}
_DISSOLUTION = {
    "agreed": "Your request to return the goods was granted.",
    "partly_agreed": "Your request to return the goods was granted in part.",
    "refused": "Your request to return the goods could not be granted.",
    "pending": "Your request to return the goods was passed on to the seller.",
    "withdrawn_by_buyer": "You took your request to return the goods back.",
    "moot": "There was nothing left that your request to return the goods could concern.",
}
SENTENCES: Mapping[tuple[str, str], str] = {
    ("agreement", "effective"): "Your order was accepted and paid, so the service agreement is in effect.",
    ("agreement", "short_paid"): "Your order was accepted, but its amount is not paid in full yet.",
    **{("agreement", outcome): text for outcome, text in _ENDED.items()},
    **{("closing", outcome): text for outcome, text in _ENDED.items()},
    ("unavailability", "unavailable"): "Some of the goods, or all of them, could not be bought.",
    **{("cancellation", outcome): text for outcome, text in _CANCELLATION.items()},
    **{("dissolution", outcome): text for outcome, text in _DISSOLUTION.items()},
    ("obligation", "terminated"): "All your goods have reached the warehouse.",
    ("objection", "verification_requested"): "Your objection is being verified.",
    (
        "objection",
        "redirected_to_logistics",
    ): "Your objection was verified: please claim against the logistics provider.",
    ("objection", "verified"): "Your objection was verified.",
    ("objection", "withdrawn_by_buyer"): "You took your objection back.",
    ("receipt", "confirmed"): "You confirmed that you received the goods.",
    ("receipt", "deemed_confirmed"): "The period for objections has passed, so receipt counts as confirmed.",
    ("chargeback", "inquiry"): "Your payment institution asked us about a payment.",
    ("chargeback", "unjust"): "Your payment institution took a payment back, and we found no just cause for it.",
    ("chargeback", "accepted"): "Your payment institution took a payment back, and we accepted this.",
    ("chargeback", "restored"): "Your payment institution returned a payment that it had taken back.",
    ("tip_refund", "agreed"): "Your tip is given back.",
    ("tip_refund", "refused"): "Your tip could not be given back.",
    ("order_amount", "outstanding"): "{amount} of the order amount is still to be paid.",
    ("payment_demand", "demanded"): "Please pay {amount}, which was taken back, by {until}.",
    ("payment_demand", "overdue"): "{amount}, which was taken back, was to be paid by now and is still open.",
    ("retained_goods", "authorised"): "Until {amount} is paid, the goods may be kept back and sold.",
    ("refund_withheld", "withheld"): "{amount} that is due to you is kept back for the time being.",
    ("repayment_demand", "demanded"): "Please pay {amount} back: more was refunded to you than was due.",
    ("buyer_owes", "noted"): "You still owe {amount}.",
    ("third_party_fees", "noted"): "{amount} of your payment was collected by others; please ask them about it.",
    ("refund_undeliverable", "noted"): "A refund of {amount} could not be delivered. We are looking for another way.",
}
"""The sentence for the buyer about each decision that stands, by kind and outcome. What only ends another (`settled`,
`released`, `superseded`) has none."""

AWAITED: Mapping[str, str] = {
    "acceptance of the order": "that the service provider accepts the order",
    "the rest of the order amount: {amount}": "the rest of the order amount from you: {amount}",
    "the purchase, or a report of it": "that the goods are bought",
    "receipt of all the goods, without open objections": "that all the goods reach the warehouse",
    "the verification of objection {ref}": "that your objection is verified",
    "the delivery of the goods": "that the goods are delivered to you",
    "confirmation of receipt or an objection; else receipt is deemed confirmed": (
        "that you confirm receipt or object; otherwise receipt counts as confirmed"
    ),
    "an answer to request {ref}": "the seller's answer to your request",
    "its money: {amount}": "the money that the seller returns: {amount}",
    "payment of {amount} for chargeback {ref}; else it is taken from the deposit": (
        "your payment of {amount}; otherwise it is taken from the deposit"
    ),
    "{amount} to be paid back on line {ref}": "{amount} that you are to pay back",
    "payment of {amount} that is owed, on line owed": "{amount} that you owe",
    "the outcome of chargeback {ref}": "the outcome at your payment institution",
    "confirmation that {amount} on line {ref} was refunded": "confirmation that {amount} was refunded",
}
"""The sentence for the buyer about what is awaited, by the template of `explain`. The rest is not for the buyer."""


class Paragraph(NamedTuple):
    """A part of the letter."""

    kind: str
    """`subject`, `greeting`, `heading`, `text`, `item` or `closing`."""
    text: Sentence


def letter_of(story: Story, zone: ZoneInfo) -> list[Paragraph]:
    """Return the letter, its times in this zone."""
    return list(_letter(story.explanation, story, zone))


def _letter(explanation: Explanation, story: Story, zone: ZoneInfo) -> Iterator[Paragraph]:
    yield Paragraph("subject", sentence("Your order {order}", order=explanation.order_id))
    yield Paragraph("greeting", sentence("Dear customer,"))
    yield Paragraph("text", sentence("this is how your order stands on {date}.", date=_date(story.clock.now, zone)))
    decisions = [(made, SENTENCES.get((str(made.kind), str(made.outcome)))) for made in standing(explanation)]
    if any(template for _, template in decisions):
        yield Paragraph("heading", sentence("What was decided"))
    given: set[Basis] = set()
    concern_buyer = [(made, template) for made, template in decisions if template is not None]
    for basis, together in groupby(concern_buyer, key=lambda one: one[0].basis):
        for made, words in together:
            amount = _amount(made.amount, made.currency)
            until = "" if made.due_at is None else _moment(made.due_at, zone)
            yield Paragraph("text", sentence(words, amount=amount, until=until))
        yield from _grounds(basis, given)
    yield from _refunds(explanation, zone, given)
    awaited = [(one, AWAITED.get(getattr(one.what, "template", ""))) for one in explanation.waiting]
    if any(template for _, template in awaited):
        yield Paragraph("heading", sentence("What is awaited"))
    for one, template in awaited:
        if template is not None and isinstance(one.what, Sentence):
            what = sentence(template, amount=one.what.arguments["amount"])
            if one.until is not None:
                what = sentence("{what}, by {until}", what=what, until=_moment(one.until, zone))
            yield Paragraph("item", what)
    yield Paragraph("closing", sentence("Kind regards"))


def standing(explanation: Explanation) -> list[Decided]:
    """Return the decisions that stand and concern the buyer: of each kind and ref the latest."""
    latest: dict[tuple[str, str], Decided] = {}
    for made in explanation.decided:
        if made.kind is not None and made.ref is not None:
            latest[made.kind, made.ref] = made
    return sorted((one for one in latest.values() if one.audience == "buyer"), key=lambda one: one.version)


def _refunds(explanation: Explanation, zone: ZoneInfo, given: set[Basis]) -> Iterator[Paragraph]:
    refunds = [made for made in explanation.decided if made.type == REFUND and made.line != _BROKERAGE]
    if not refunds:
        return
    yield Paragraph("heading", sentence("Refunds"))
    for made in refunds:
        amount = _amount(made.amount, made.currency)
        yield Paragraph("text", sentence("{date}: a refund of {amount}.", date=_date(made.at, zone), amount=amount))
        yield from _grounds(made.basis, given)
    lines = [line for line in explanation.lines if line.line != _BROKERAGE]
    total = sum(made.amount or 0 for made in refunds)
    failed, confirmed = sum(line.failed for line in lines), sum(line.succeeded for line in lines)
    yield Paragraph("text", sentence("In all, refunds of {amount}.", amount=_amount(total, explanation.currency)))
    if confirmed:
        yield Paragraph(
            "text", sentence("Of this, {amount} has arrived.", amount=_amount(confirmed, explanation.currency))
        )
    if failed:
        yield Paragraph(
            "text", sentence("Of this, {amount} did not arrive.", amount=_amount(failed, explanation.currency))
        )


def _grounds(basis: Basis, given: set[Basis]) -> Iterator[Paragraph]:
    """Yield the grounds, or that they were given before."""
    if basis in given:
        yield Paragraph("item", sentence("for the same reasons as above"))
        return
    given.add(basis)
    for clause, because in basis:
        yield Paragraph(
            "item",
            sentence("{because} (clause {clause} of the service agreement)", because=Sentence(because), clause=clause),
        )


def _amount(value: int | None, currency: str | None) -> Amount:
    return Amount("" if value is None else amount_in_words(value, currency))


def _date(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:5]})"
