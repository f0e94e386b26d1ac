"""Clause 19: the promoter's brokerage, paid out of the purchasing funds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Due

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment

TITLE = "Cooperation with promoters"
DOES = (
    "An effective, promoted order that was purchased and received before anything closed it earns the promoter's "
    "fee: a deduction from the purchasing funds and a transfer. Buyer and promoter never see each other's data."
)

LINE = "brokerage"
EARNED = Basis(clause="19", because="the promoted order was purchased and received before anything closed it")


def dues(case: Assessment) -> Iterator[Due]:
    """Yield the brokerage, in minor units: at most what the seller charged."""
    reading = case.reading
    promotion, purchase, ended = reading.placed.promotion, reading.purchase, reading.obligation_ended
    if promotion is None or purchase is None or ended is None or case.effective_at is None:
        return
    if case.closing is not None and not (ended < case.closing.at and reading.purchases[0].at < case.closing.at):
        return
    base = purchase.goods if promotion.basis == "goods" else purchase.price
    share = (2 * base * promotion.rate_bps + 10_000) // 20_000
    fixed = 0 if promotion.fixed is None else promotion.fixed.value
    yield Due(LINE, min(share + fixed, purchase.price), (EARNED,))
