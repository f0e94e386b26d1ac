"""Clause 19: the promoter's brokerage, paid out of the purchasing funds (R17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.events.payment import FundsDeducted, RepaymentReceived, TransferFailed
from purchasing_contracts.events.warehouse_receipt import GoodsReceived

from service.rules.assessment import StandingAmount
from service.rules.chargebacks import PURCHASE
from service.rules.ledger import BrokerageTotals
from service.rules.money import round_half_up
from service.rules.outputs import Command
from service.rules.reconcile import Followed
from service.rules.registry import only_with
from service.rules.units import weights
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.clock import Clock
    from service.rules.decide import Examination
    from service.rules.ledger import Ledger
    from service.rules.reconcile import Reconciled

TITLE = "Cooperation with promoters"
DOES = (
    "A promoted order that was effective when the obligation to procure ended earns the promoter's fee. It is "
    "deducted once from the purchasing funds, if they suffice, and the deducted amount is transferred. Buyer and "
    "promoter never see each other's data."
)

LINE = "brokerage"
_EARNED = Basis(clause="19", because="the promoted order was purchased and received")
_WITHHELD = (
    Basis(clause="19", because="brokerage is due to the promoter out of the purchasing funds"),
    Basis(clause="22", because="the purchasing funds are not there"),
)
_FOR_PEOPLE = Basis(clause="19", because="what was deducted for the promoter could not be paid out")
_TOO_MUCH = Basis(clause="19", because="more was transferred to the promoter than is due")


def brokerage(case: Assessment) -> int:
    """Return what is due to the promoter, `B`, in minor units: at most what the seller charged."""
    timeline, promotion = case.timeline, case.view.placed.promotion
    ended, effective = timeline.obligation_ended_at, timeline.effective_at
    if promotion is None or ended is None or effective is None or effective > ended:
        return 0
    bought = timeline.bought_when_obligation_ended
    any_bought = bought.get(None, (0, 0))[1] > 0
    goods = shipping = 0
    for purchase in timeline.purchases:
        if purchase.at > ended:
            continue
        own = [lot for lot in timeline.units.lots if lot.purchase is purchase]
        part, some = bought.get(purchase.id, (0, 0))
        whole, units = weights(own)
        if not own:
            goods += purchase.goods if any_bought else 0
            shipping += purchase.shipping if any_bought else 0
        elif some:
            goods += (
                round_half_up(purchase.goods * part, whole) if whole else round_half_up(purchase.goods * some, units)
            )
            shipping += purchase.shipping
    base = goods if promotion.basis == "goods" else goods + shipping
    return min(goods + shipping, round_half_up(base * promotion.rate_bps, 10_000) + case.view.brokerage_fixed)


@only_with(GoodsReceived)
def follow(case: Assessment, _: Reconciled, ledger: Ledger, clock: Clock) -> Iterator[Followed]:  # noqa: ARG001
    """Yield the deduction, then the transfer of the deducted amount, and amounts for people to handle."""
    due, totals = brokerage(case), ledger.brokerage
    if due == 0 and not totals.deductions and not totals.transferred:
        return
    if not totals.deductions:
        found = _deduct(case, due)
        yield found
        if not found.commands:
            return
        totals = BrokerageTotals((_deduction_id(case),), due)
    yield _transfer(case, due, totals)


def _deduction_id(case: Assessment) -> str:
    return f"{case.view.order_id}:{LINE}:1"


def _deduct(case: Assessment, due: int) -> Followed:
    settlement = case.settlement
    there = settlement.collected.total - settlement.charged_back - case.claimed(PURCHASE) - settlement.due
    if case.unclear.brokerage or there < due:
        amount = StandingAmount("brokerage_withheld", case.view.order_id, due, _WITHHELD, "withheld")
        return Followed(amounts=(amount,))
    members = {
        "line": LINE,
        "deduction_id": _deduction_id(case),
        "amount": due,
        "source": "purchasing_funds",
        "purpose": "brokerage",
        "ref": LINE,
    }
    command = Command(DeductionExecute, "", (LINE, str(due)), (_EARNED,), members, concerns_brokerage=True)
    return Followed(commands=(command,))


def _transfer(case: Assessment, due: int, totals: BrokerageTotals) -> Followed:
    answered = 0
    for answer in case.view.counted(FundsDeducted):
        if answer.data.deduction_id in totals.deductions and case.view.readable(answer):
            data: Any = answer.data
            answered += data.amount.value if isinstance(data, FundsDeducted) else data.deducted.value
    commands: tuple[Command, ...] = ()
    transferred = totals.transferred
    promotion = case.view.placed.promotion
    part = min(answered, totals.deducted)
    if part and not transferred and promotion is not None:
        deduction_id = totals.deductions[0]
        members = {"promoter_id": promotion.promoter_id, "deduction_id": deduction_id, "amount": part}
        concerns = (LINE, str(part))
        transfer = Command(BrokerageTransfer, deduction_id, concerns, (_EARNED,), members, concerns_brokerage=True)
        commands = (transfer,)
        transferred = part
    failed = min(transferred, sum([fact.data.amount.value for fact in case.view.counted(TransferFailed)]))
    repaid = sum([f.data.amount.value for f in case.view.counted(RepaymentReceived) if f.data.line == LINE])
    stuck = max(0, answered - transferred) + failed
    beyond = max(0, transferred - failed - repaid - due)
    return Followed(
        amounts=(
            StandingAmount("refund_undeliverable", LINE, stuck, (_FOR_PEOPLE,), "noted"),
            StandingAmount("repayment_demand", LINE, beyond, (_TOO_MUCH,), "demanded"),
        ),
        commands=commands,
    )


@only_with(GoodsReceived)
def awaits(examination: Examination) -> Iterator[Wait]:
    """Yield waits for the funds' answer, the promoter's repayment and people's work (R21, rows 12, 14 and 15)."""
    case, totals = examination.case, examination.ledger.brokerage
    if not totals.deductions:
        return
    if not totals.transferred:
        answered = {fact.data.deduction_id for fact in case.view.counted(FundsDeducted) if case.view.readable(fact)}
        if answered.isdisjoint(totals.deductions):
            yield Wait("funds_answer", totals.deductions[0], amount=totals.deducted)
    for one in examination.amounts:
        if one.ref == LINE and one.amount:
            if one.kind == "repayment_demand":
                yield Wait("promoters_repayment", LINE, amount=one.amount)
            elif one.kind == "refund_undeliverable":
                yield Wait("undeliverable", LINE, amount=one.amount)
