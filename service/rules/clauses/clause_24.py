"""Clause 24: the provider is liable for the direct losses its fault caused, up to the order's amount (R18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ProviderFaultFound

from service.rules.assessment import Due
from service.rules.breach import breach_of
from service.rules.reconcile import COMPENSATION
from service.rules.registry import only_with
from service.rules.units import DISSOLVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.ledger import Ledger

TITLE = "Liability for breach"
DOES = (
    "Direct losses by the provider's fault are compensated up to the greatest order amount, less what just "
    "chargebacks gave beyond the amount due, and set off against what the buyer owes. Consequential losses are never "
    "compensated."
)

_FAULT = Basis(
    clause="24", because="the provider is liable for the direct loss its fault caused, up to the order's amount"
)
_DISSOLVED = Basis(clause="13(7)", because="the dissolved order was at fault of the provider: it compensates")


@only_with(ProviderFaultFound)
def dues(case: Assessment, _: Ledger) -> Iterator[Due]:
    """Yield the line `compensation` if there are findings. It is paid to the buyer's account."""
    if not case.view.counted(ProviderFaultFound):
        return  # without a finding the line cites 6, not 24 (R22)
    breach = breach_of(case)
    is_dissolved = any(lot.state is DISSOLVED for lot in case.timeline.units.lots)
    grounds = (_FAULT, _DISSOLVED) if is_dissolved else (_FAULT,)
    yield Due(COMPENSATION, breach.compensation - breach.set_off, grounds)
