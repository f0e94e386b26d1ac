"""Clause 5: a logistics provider must be chosen by the time the agreement takes effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.timeline import Ending

if TYPE_CHECKING:
    from service.rules.timeline import Timeline

TITLE = "Service requirements: a logistics provider"
DOES = (
    "Without a logistics provider, named when the order is placed or accepted, the agreement can't become effective: "
    "everything is refunded."
)

_NO_LOGISTICS = Basis(clause="5", because="a logistics provider was missing when the agreement would have taken effect")


def obstacle(timeline: Timeline) -> Ending | None:
    """Return the missing logistics provider, unless a purchase was made without one (R3, row 4)."""
    if timeline.purchases or _is_given(timeline.view.placed.logistics_provider_id):
        return None
    if timeline.accepted is not None and _is_given(timeline.accepted.data.logistics_provider_id):
        return None
    return Ending("invalid", (_NO_LOGISTICS,), timeline.at, is_final=True)


def _is_given(provider_id: str | None) -> bool:
    return provider_id is not None and bool(provider_id.strip())
