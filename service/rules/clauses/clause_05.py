"""Clause 5: a logistics provider must be chosen by the time the agreement takes effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.reading import Reading

TITLE = "Service requirements: a logistics provider"
DOES = "Without a logistics provider, named on placing or accepting, the agreement can't be reached: all is refunded."

_NO_LOGISTICS = Basis(
    clause="5", because="no logistics provider was selected when the agreement would have taken effect"
)


def obstacles(reading: Reading) -> Iterator[Obstacle]:
    """Yield the missing logistics provider, as of the moment at which the order would have been effective."""
    moment = reading.own_moment
    if moment is None or reading.purchases or reading.accepted is None:
        return
    if _names_one(reading.placed.logistics_provider_id) or _names_one(reading.accepted.data.logistics_provider_id):
        return
    yield Obstacle(moment, 3, "invalid", (_NO_LOGISTICS,))


def _names_one(provider_id: str | None) -> bool:
    return provider_id is not None and bool(provider_id.strip())
