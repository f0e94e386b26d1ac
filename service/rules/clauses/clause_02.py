"""Clause 2: accepted and paid, the agreement is effective; until then the buyer may withdraw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import OrderRefused

from service.rules.assessment import Obstacle, Said, Settlement
from service.rules.clause_07 import with_third_parties
from service.rules.clause_15 import cautions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.reading import Reading

TITLE = "Acceptance of the request; effectiveness on payment"
DOES = (
    "The agreement is effective once accepted and paid in full; less than the quote is `short_paid`; the provider "
    "may refuse, the buyer may withdraw before: all is refunded."
)

EFFECTIVE = Basis(clause="2", because="the provider accepted the request and the order amount was paid in full")
SHORT_PAID = Basis(clause="2", because="the provider accepted the request, but less than the order amount was paid")
WITHDRAWN = Basis(clause="2", because="the buyer withdrew before the agreement was effective")
NOT_EFFECTIVE = Basis(clause="2", because="no agreement was effective when this was requested")

_GROUNDS = {
    "special_request": Basis(clause="3", because="the provider refused a special request outside the service"),
    "prohibited": Basis(clause="14", because="the provider refused to purchase prohibited or infringing goods"),
    "restricted": Basis(clause="15(5)", because="the provider refused to purchase sensitive or restricted goods"),
    "other": Basis(clause="2", because="the provider decided not to accept the request"),
}
_COSTS_ARE_THE_BUYERS = frozenset({"prohibited", "restricted"})


def obstacles(reading: Reading) -> Iterator[Obstacle]:
    """Yield the provider's refusal (2, 3, 14, 15(5)); one that comes after a purchase counts for nothing."""
    refused = reading.first(OrderRefused)
    if refused is None or reading.purchase_as_of(refused.at) is not None:
        return
    ground = refused.data.ground
    yield Obstacle(refused.at, 4, "refused", (_GROUNDS[ground],), keeps_costs=ground in _COSTS_ARE_THE_BUYERS)


def settle_withdrawn(reading: Reading) -> Settlement:
    """Return what is due where the buyer withdrew in time: everything, nothing taken off."""
    grounds = (WITHDRAWN,)
    return Settlement(reading.paid.refundable, grounds, with_third_parties(reading, grounds))


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decision `agreement`."""
    reading = case.reading
    ref = reading.order_id
    if case.obstacle is not None:
        yield Said("agreement", ref, case.obstacle.outcome, case.obstacle.grounds)
    elif case.effective_at is not None:
        yield Said("agreement", ref, "effective", (EFFECTIVE, *cautions(reading)))
    elif reading.accepted is not None and 0 < reading.paid.total < reading.quote.total:
        yield Said("agreement", ref, "short_paid", (SHORT_PAID,))
