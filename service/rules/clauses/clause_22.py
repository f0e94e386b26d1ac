"""Clause 22: chargebacks, and the steps for a claim: hold, demand, deduction, retained goods (R13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.events.chargeback import ChargebackClosed, ChargebackOpened
from purchasing_contracts.events.order import BuyerBreachFound
from purchasing_contracts.events.payment import (
    DepositDeducted,
    DepositInsufficient,
    FreezeRefused,
    OutstandingPaid,
    RepaymentReceived,
)
from purchasing_contracts.events.warehouse_receipt import GoodsDisposed

from service.rules.assessment import Due, Route, StandingAmount, StandingOutcome
from service.rules.calendar import last_instant
from service.rules.outputs import Command
from service.rules.reconcile import Followed
from service.rules.registry import only_with
from service.rules.settlement import Cost
from service.rules.timeline import Place, Rank
from service.rules.units import BOUGHT
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.clock import Clock
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.ledger import Demand, Hold, Ledger
    from service.rules.reconcile import Reconciled
    from service.rules.timeline import Timeline

TITLE = "Non-transfer of funds: chargebacks"
DOES = (
    "A chargeback without just cause is a claim, with the institution's fee. The claim is held in the account, "
    "demanded for `payment_demand_days`, then taken from the deposit, then from retained goods. It is set off against "
    "money due to the buyer. A new round of the dispute has its own demand and deduction. Recoveries beyond the claim "
    "are refunded."
)

_INQUIRY = Basis(clause="22", because="the institution asks; no money was taken")
_JUST = Basis(clause="22", because="there was just cause, and the provider bears it")
_NEVER_EFFECTIVE = Basis(clause="2", because="no agreement was effective, so the money simply goes back")
_UNJUST = Basis(clause="22", because="money was taken back without just cause")
_AFTER_RECEIPT = Basis(clause="22(1)", because="it was instructed after the goods had been normally received")
_NOT_THE_PROVIDER = Basis(clause="22(2)", because="its reason is not attributable to the provider")
_REASONS = {
    "account_stolen": Basis(clause="22(3)", because="it was instructed on the ground that the account was stolen"),
    "payment_account_misused": Basis(
        clause="22(4)", because="it was instructed on the ground that the payment account was misused"
    ),
}
_TIP = Basis(clause="21", because="tips are voluntary: the chargeback takes the tip back and nothing else")
_RESTORED = {clause: Basis(clause=clause, because="the institution returned the money") for clause in ("2", "21", "22")}
"""Grounds of a restored chargeback, by the clause of its outcome before."""
_GIVEN_BACK = Basis(clause="22", because="what came in for the chargeback beyond what is owed goes back")
_DEMANDED = (
    Basis(clause="22", because="the money that was taken back is to be paid by the date"),
    Basis(clause="27", because="the notice counts as delivered when it is published"),
)
_OVERDUE = (
    Basis(clause="22", because="the date has passed, this amount is still owed"),
    Basis(clause="27", because="the notice counted as delivered when it was published"),
)
_FROM_DEPOSIT = Basis(clause="22", because="the demand was not met in time, so the claim is taken from the deposit")
_RETAINED = Basis(clause="22", because="the deposit did not cover the claim; the goods may be retained and disposed of")
_RELEASED = Basis(clause="22", because="nothing is claimed on this chargeback any more")
_HOLD_REFUSED = Basis(clause="22", because="the account keeper did not place the hold")
_UNCOVERED_FEE = (
    Basis(clause="22", because="the institution's fee for an unjust chargeback is the buyer's, also when it was won"),
    Basis(clause="25", because="the costs of resolving the dispute are compensated"),
)
_LOSS = Basis(clause="22", because="the buyer compensates the loss that an unjust chargeback caused")


def _note(timeline: Timeline, fact: Fact[Any]) -> None:
    """Do nothing: the fact only makes the timeline test the agreement again, with what chargebacks took until then."""


PLACES = (
    Place(ChargebackOpened, Rank.PAYMENT, _note, repeats=False),
    Place(ChargebackClosed, Rank.PAYMENT, _note, repeats=False),
)


@only_with(ChargebackOpened)
def judge(case: Assessment) -> None:
    """Note for each chargeback whether it is unjust, and what is owed on it."""
    for chargeback in case.chargebacks:
        chargeback.is_unjust, chargeback.outcome, chargeback.grounds = _judged(case, chargeback)
        if chargeback.is_unjust:
            own = sum([share.brought for share in chargeback.shares if not share.line.startswith("tip:")])
            chargeback.owed = own + chargeback.fees


def _judged(case: Assessment, chargeback: Chargeback) -> tuple[bool, str, Grounds]:
    timeline, first = case.timeline, chargeback.first
    if first is None:
        return False, "inquiry", (_INQUIRY,)
    tip: Grounds = (_TIP,) if "tip" in chargeback.kinds else ()
    reasons = _reasons(timeline, chargeback)
    is_unjust = False
    grounds: Grounds
    if chargeback.kinds == {"tip"}:
        grounds = tip
    elif not timeline.is_effective or (timeline.effective_at or 0) > first.at or timeline.end is not None:
        grounds = (_NEVER_EFFECTIVE, *tip)
    elif reasons:
        is_unjust = True
        grounds = (_UNJUST, *reasons, *tip)
    else:
        grounds = (_JUST, *tip)
    if chargeback.balance.is_restored:
        return is_unjust, "restored", (_RESTORED[grounds[0].clause], *grounds[1:])
    return is_unjust, "unjust" if is_unjust else "accepted", grounds


def _reasons(timeline: Timeline, chargeback: Chargeback) -> Grounds:
    found = []
    ended = timeline.obligation_ended_at
    if ended is not None and ended <= chargeback.instructed_at:
        found.append(_AFTER_RECEIPT)
    if not chargeback.attributable:
        found.append(_NOT_THE_PROVIDER)
    reason = _REASONS.get(chargeback.reason)
    if reason is not None:
        found.append(reason)
    return tuple(found)


@only_with(ChargebackOpened, BuyerBreachFound)
def costs(timeline: Timeline, chargebacks: list[Chargeback]) -> Iterator[Cost]:
    """Yield uncovered fees of unjust chargebacks that were restored, and losses found (R18)."""
    for chargeback in chargebacks:
        if chargeback.is_unjust and chargeback.balance.is_restored:
            uncovered = max(0, chargeback.owed - chargeback.covered)
            if uncovered:
                yield Cost(uncovered, _UNCOVERED_FEE, None)
    for fact in timeline.view.counted(BuyerBreachFound):
        if fact.data.ground == "unjust_chargeback" and fact.data.loss.value:
            yield Cost(fact.data.loss.value, (_LOSS,), None)


@only_with(ChargebackOpened, BuyerBreachFound)
def adds(case: Assessment) -> Grounds:
    """Return the clauses of the fees and losses that the buyer bears, for the line `purchase` (R6)."""
    borne = [cost.grounds for cost in case.settlement.borne]
    return next((one for one in (_UNCOVERED_FEE, (_LOSS,)) if one in borne), ())


@only_with(OutstandingPaid, RepaymentReceived, DepositDeducted, DepositInsufficient, GoodsDisposed)
def dues(case: Assessment, _: Ledger) -> Iterator[Due]:
    """Yield the lines `chargeback:{id}`: recoveries beyond what is owed are refunded.

    They go to the deposit up to what it gave, then to the payments that paid, oldest first (R16). For a chargeback
    without an `opened`, nothing is due: the money shows that it was opened, and covers it as soon as the message
    arrives.
    """
    owed = {chargeback.id: chargeback.owed for chargeback in case.chargebacks}
    for id_, entry in case.recovered.items():
        if not entry.total:
            continue
        routes = [Route("deposit", None, entry.from_deposit)]
        brought: dict[str, int] = {}
        for payment_id, amount in entry.paid:
            if payment_id:
                brought[payment_id] = brought.get(payment_id, 0) + amount
        routes += [Route("original_payment", payment_id, amount) for payment_id, amount in brought.items()]
        due = max(0, entry.total - owed[id_]) if id_ in owed else 0
        yield Due(f"chargeback:{id_}", due, (_GIVEN_BACK,), tuple(routes))


@only_with(ChargebackOpened)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `chargeback` on each chargeback."""
    for chargeback in case.chargebacks:
        yield StandingOutcome("chargeback", chargeback.id, chargeback.outcome, chargeback.grounds)


# The steps for a claim, which depend on the clock.


@only_with(ChargebackOpened)
def follow(case: Assessment, reconciled: Reconciled, ledger: Ledger, clock: Clock) -> Iterator[Followed]:
    """Yield the steps for each chargeback's claim, and the refused holds."""
    refused = {fact.data.hold_id for fact in case.view.counted(FreezeRefused)}
    placed = {hold_id for hold in ledger.holds.values() for hold_id in hold.ids}
    for chargeback in case.chargebacks:
        claim = reconciled.claims.get(chargeback.id, 0)
        grounds = tuple([basis for basis in chargeback.grounds if basis is not _TIP])
        commands = tuple(_hold(chargeback.id, grounds, claim, ledger, refused))
        placed.update(command.members["hold_id"] for command in commands)
        yield Followed(commands=commands)
        yield _demand(case, chargeback, claim, ledger, clock, refused)
    if refused:
        yield Followed(outcomes=tuple(_refused_holds(case, placed)))
    known = {chargeback.id for chargeback in case.chargebacks}
    for id_ in ledger.holds:
        if id_ not in known:
            yield Followed(commands=tuple(_hold(id_, (), 0, ledger, refused)))


def _standing_hold(hold: Hold | None, refused: set[str]) -> str | None:
    """Return the hold in force: the last one that was not refused."""
    if hold is None:
        return None
    return next((hold_id for hold_id, _ in reversed(hold.chain) if hold_id not in refused), None)


def _hold(ref: str, grounds: Grounds, claim: int, ledger: Ledger, refused: set[str]) -> Iterator[Command]:
    """Yield a new hold if the claim differs from the last commanded amount, or the release of the hold in force."""
    hold = ledger.holds.get(ref)
    standing = _standing_hold(hold, refused)
    previous = "" if hold is None else hold.last_id
    if claim:
        if hold is not None and hold.last_amount == claim:
            return
        number = 1 if hold is None else hold.placed + 1
        members = {
            "hold_id": ref if number == 1 else f"{ref}:{number}",
            "amount": claim,
            "scope": "withdrawal_and_use",
            "ref": ref,
            "replaces": standing,
        }
        yield Command(FreezePlace, previous, (ref, str(claim)), grounds, members)
    elif standing is not None:
        yield Command(FreezeRelease, previous, (ref, standing), (_RELEASED,), {"hold_id": standing, "ref": ref})


def _demand(
    case: Assessment, chargeback: Chargeback, claim: int, ledger: Ledger, clock: Clock, refused: set[str]
) -> Followed:
    """Return the demand of a claim, and the steps after its last instant."""
    if not claim:
        return Followed()
    ref = chargeback.id
    demand = ledger.demands.get(ref)
    last = None if demand is None else _last_instant(case, demand, clock)
    is_new = demand is None or last is None or not demand.is_open or chargeback.balance.rounds > demand.rounds
    is_new = is_new or (last < clock.watermark and claim > demand.highest)  # type: ignore[operator,union-attr]
    if is_new or demand is None or last is None:
        number = 1 if demand is None else demand.number + 1
        last = last_instant(case.view.terms, clock.now, case.view.terms.payment_demand_days)
        begins = (number, chargeback.balance.rounds)
        amount = StandingAmount("payment_demand", ref, claim, _DEMANDED, "demanded", last, begins, is_new=True)
        return Followed(amounts=(amount,), wake_at=last)
    goes_on = (demand.number, demand.rounds)
    if last < max(clock.now, clock.watermark):
        amount = StandingAmount("payment_demand", ref, claim, _OVERDUE, "overdue", None, goes_on)
    else:
        amount = StandingAmount("payment_demand", ref, claim, _DEMANDED, "demanded", last, goes_on)
    if last >= clock.watermark:
        return Followed(amounts=(amount,), wake_at=last)
    deduction_id = ref if demand.number == 1 else f"{ref}:{demand.number}"
    answered = ref in case.recovered and deduction_id in case.recovered[ref].answered
    amounts = [amount]
    if answered and _may_retain(case):
        amounts.append(StandingAmount("retained_goods", ref, claim, (_RETAINED,), "authorised"))
    if answered or deduction_id in ledger.deductions or case.unclear.deduction:
        return Followed(amounts=tuple(amounts))
    members = {
        "line": f"chargeback:{ref}",
        "deduction_id": deduction_id,
        "amount": claim,
        "source": "deposit",
        "purpose": "chargeback_recovery",
        "ref": ref,
        "hold_id": _hold_after(ref, claim, ledger, refused),
    }
    concerns = ("chargeback_recovery", deduction_id, str(claim))
    command = Command(DeductionExecute, "", concerns, (_FROM_DEPOSIT,), members)
    return Followed(amounts=tuple(amounts), commands=(command,))


def _hold_after(ref: str, claim: int, ledger: Ledger, refused: set[str]) -> str | None:
    """Return the hold in force after the commands decided now."""
    for command in _hold(ref, (), claim, ledger, refused):
        return str(command.members["hold_id"])
    return _standing_hold(ledger.holds.get(ref), refused)


def _last_instant(case: Assessment, demand: Demand, clock: Clock) -> int:
    """Return the last instant to meet a demand; its period starts with its publication (27)."""
    published = clock.published_at(demand.since_version, demand.since_at)
    terms = case.view.terms
    return last_instant(terms, clock.now if published is None else published, terms.payment_demand_days)


def _may_retain(case: Assessment) -> bool:
    """Return whether there are goods to retain: bought, and neither delivered, confirmed nor disposed of."""
    timeline = case.timeline
    if timeline.delivered_at is not None or timeline.confirmed_at is not None or timeline.deemed_at is not None:
        return False
    return not case.view.messages(GoodsDisposed) and any(lot.state is BOUGHT for lot in timeline.units.lots)


def _refused_holds(case: Assessment, placed: set[str]) -> Iterator[StandingOutcome]:
    """Yield the decision `hold: refused` on each commanded hold that the account keeper did not place."""
    for fact in case.view.counted(FreezeRefused):
        if fact.data.hold_id in placed:
            yield StandingOutcome("hold", fact.data.hold_id, "refused", (_HOLD_REFUSED,))


@only_with(ChargebackOpened, FreezeRefused)
def awaits(examination: Examination) -> Iterator[Wait]:
    """Yield waits for claims, the deposit, disposal, outcomes and refused holds (R21: 9, 10, 11, 13, 15).

    Until a demand is published, its period is counted from now.
    """
    case, ledger, clock = examination.case, examination.ledger, examination.clock
    for chargeback in case.chargebacks:
        if chargeback.is_open:
            disputed = chargeback.balance.amount or None
            yield Wait("chargeback_outcome", chargeback.id, until=chargeback.respond_by, amount=disputed)
        claim = examination.reconciled.claims.get(chargeback.id, 0)
        demand = ledger.demands.get(chargeback.id)
        if not claim or demand is None or not demand.is_open:
            continue
        deduction_id = chargeback.id if demand.number == 1 else f"{chargeback.id}:{demand.number}"
        recovered = case.recovered.get(chargeback.id)
        if recovered is not None and deduction_id in recovered.answered:
            yield Wait("payment_or_disposal", chargeback.id, amount=claim)
        elif deduction_id in ledger.deductions:
            yield Wait("deposits_answer", deduction_id, amount=claim)
        else:
            yield Wait("payment_of_claim", chargeback.id, until=_last_instant(case, demand, clock), amount=claim)
    placed = {hold_id for hold in ledger.holds.values() for hold_id in hold.ids}
    for outcome in _refused_holds(case, placed):
        yield Wait("refused_hold", outcome.ref)
