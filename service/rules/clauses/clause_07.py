"""Clause 7: fees that third parties collect are not the provider's to refund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

if TYPE_CHECKING:
    from service.rules.assessment import Grounds
    from service.rules.reading import Reading

TITLE = "Additional costs collected by third parties"
DOES = "Fees collected by third parties are never part of a refund; in any closing, the refund says so."

_NOT_REFUNDED = Basis(clause="7", because="fees that third parties collected are not the provider's to refund")


def with_third_parties(reading: Reading, grounds: Grounds) -> Grounds:
    """Return the grounds of a closing's refund, with this clause where third parties collected fees."""
    return (*grounds, _NOT_REFUNDED) if reading.paid.third else grounds
