"""Clause 7: the provider does not refund fees that third parties collect (R15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import StandingAmount

if TYPE_CHECKING:
    from service.rules.assessment import Assessment, Grounds
    from service.rules.clock import Clock

TITLE = "Additional costs collected by third parties"
DOES = (
    "Fees collected by third parties are never refunded here. When the order has ended, the refund says so and the "
    "amount is noted, so that the buyer can ask those who collected it."
)

_NOT_REFUNDED = Basis(clause="7", because="these fees were collected by others and are not refunded here; ask them")


def adds(case: Assessment) -> Grounds:
    """Return this clause if the order has ended and third parties collected fees."""
    return (_NOT_REFUNDED,) if case.settlement.third > 0 and case.timeline.has_ended else ()


def amounts(case: Assessment, _: Clock) -> tuple[StandingAmount, ...]:
    """Return what third parties collected for an order that has ended."""
    third = case.settlement.third
    if third and case.timeline.has_ended:
        return (StandingAmount("third_party_fees", case.view.order_id, third, (_NOT_REFUNDED,), "noted"),)
    return ()
