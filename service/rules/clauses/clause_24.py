"""Clause 24: the provider is liable for the direct losses its fault caused, up to the order's amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ProviderFaultFound

from service.rules.assessment import Due, Rank
from service.rules.clause_13 import FAULT_OF_THE_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment

TITLE = "Liability for breach"
DOES = (
    "Direct losses found to be the provider's fault are compensated up to the order's amount, less what just "
    "chargebacks gave beyond what was due; consequential losses never."
)

_FAULT = Basis(
    clause="24",
    because="the provider is liable for the direct loss its fault caused, up to the order's amount",
)


def dues(case: Assessment) -> Iterator[Due]:
    """Yield the line `compensation`; nothing where findings come to nothing. Paid to the buyer's account."""
    reading = case.reading
    findings = reading.distinct(ProviderFaultFound, "finding_id")
    if not findings:
        return
    loss = sum([fact.data.direct_loss.value for fact in findings.values()])
    given_already = max(0, case.just("purchase") - case.settlement.due)
    amount = min(loss, reading.quote.total) - given_already
    if amount > 0:
        dissolved = case.closing is not None and case.closing.rank is Rank.DISSOLVED
        yield Due("compensation", amount, (_FAULT, FAULT_OF_THE_PROVIDER) if dissolved else (_FAULT,))
