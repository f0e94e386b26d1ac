"""Clause 18: receipt is confirmed by the buyer, or deemed confirmed when a period has passed in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import DissolutionRequested, ObjectionRaised, ReceiptConfirmed
from purchasing_contracts.events.warehouse_receipt import PackageDelivered

from service.rules.assessment import Said
from service.rules.facts import DAY
from service.rules.objections import said_of_objections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.reading import Reading

TITLE = "Timely confirmation of receipt"
DOES = (
    "Silence for `deemed_confirmation_days` (or the dissolution period, if longer) after delivery confirms "
    "receipt; then no dissolution is accepted. Objections to quality are verified; they don't bar a dissolution."
)

CONFIRMED = Basis(clause="18", because="the buyer had confirmed receipt")
DEEMED = Basis(clause="18", because="the period to confirm receipt passed without confirmation or objection")


def delivered_at(reading: Reading) -> int | None:
    """Return when the order was delivered to the buyer in full; deliveries in parts only count with the last."""
    if not reading.all(PackageDelivered):
        return None
    for fact in reading.distinct(PackageDelivered, "package_id", "final").values():
        if fact.data.final:
            return fact.at
    return None


def confirmed_at(reading: Reading) -> int | None:
    """Return when the buyer confirmed receipt."""
    confirmed = reading.first(ReceiptConfirmed)
    return None if confirmed is None else confirmed.at


def deemed_at(reading: Reading) -> int | None:
    """Return the last instant of the period after which receipt is deemed confirmed; None if it will not be.

    Every objection and every dissolution request within the period counts, also one that repeats an earlier id.
    """
    delivered = delivered_at(reading)
    if delivered is None:
        return None
    days = max(reading.terms.deemed_confirmation_days, reading.placed.dissolution_period_days or 0)
    last = delivered + days * DAY
    confirmed = confirmed_at(reading)
    if confirmed is not None and confirmed <= last:
        return None
    for kind in (ObjectionRaised, DissolutionRequested):
        for fact in reading.all(kind):
            if delivered <= fact.at <= last:
                return None
    return last


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decision `receipt`, and those on objections to quality."""
    reading = case.reading
    if confirmed_at(reading) is not None:
        yield Said("receipt", reading.order_id, "confirmed", (CONFIRMED,))
    else:
        last = deemed_at(reading)
        if last is not None and last < case.horizon:
            yield Said("receipt", reading.order_id, "deemed_confirmed", (DEEMED,))
    yield from said_of_objections(reading, "quality", "18")


def deadlines(case: Assessment) -> Iterator[int]:
    """Yield the last instant of the period that still runs."""
    if confirmed_at(case.reading) is None:
        last = deemed_at(case.reading)
        if last is not None and last >= case.horizon:
            yield last
