"""Clause 22: the buyer has a payment institution refuse the money. What it took, and whether with just cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.chargeback import ChargebackClosed, ChargebackOpened
from purchasing_contracts.events.payment import DepositDeducted, DepositInsufficient, OutstandingPaid
from purchasing_contracts.events.warehouse_receipt import GoodsDisposed

from service.rules.assessment import Charge, Due, Route, Said
from service.rules.clause_19 import LINE as BROKERAGE
from service.rules.clause_21 import CHARGED_BACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.facts import Fact
    from service.rules.reading import Reading

TITLE = "Non-transfer of funds: chargebacks"
DOES = (
    "An unjust chargeback freezes the account for the claim, demands payment within `payment_demand_days`, then "
    "takes it from the deposit, then authorises retaining the goods; a just one is the provider's to bear; no one "
    "is paid twice."
)

TESTS = ("tests/rules/test_clause_22.py", "tests/rules/test_recovery_of_claims.py")

UNJUST = Basis(clause="22", because="the payment was charged back without just cause")
_JUST = Basis(clause="22", because="the payment was charged back with just cause: the provider bears it")
_AFTER_RECEIPT = Basis(clause="22(1)", because="the goods had been received normally by the logistics provider")
_NOT_THE_PROVIDER = Basis(clause="22(2)", because="the reason is not attributable to the provider")
_REASONS = {
    "account_stolen": Basis(
        clause="22(3)", because="the ground given is that the buyer's platform account was misused"
    ),
    "payment_account_misused": Basis(
        clause="22(4)", because="the ground given is that the payment account was misused"
    ),
}
WITHHELD = Basis(clause="22", because="a chargeback has this money: the refund is kept back for as long as it does")
_GIVEN_BACK = Basis(clause="22", because="more was paid, recovered or brought in for the chargeback than is owed on it")


class Recovered:
    """What came in for one chargeback: payments, the deposit's answer, proceeds of goods. Minor units."""

    __slots__ = ("answered", "from_deposit", "paid", "proceeds")

    def __init__(self) -> None:
        """Start with nothing."""
        self.paid: list[tuple[str, int]] = []
        """Payment and amount, oldest first."""
        self.answered = False
        """Whether the deposit has answered, in full or not."""
        self.from_deposit = 0
        self.proceeds = 0

    @property
    def total(self) -> int:
        """Everything together."""
        return sum([amount for _, amount in self.paid]) + self.from_deposit + self.proceeds


def recovered(reading: Reading) -> dict[str, Recovered]:
    """Return what came in, by chargeback; also for one that nobody has opened yet."""
    found: dict[str, Recovered] = {}
    for (one, payment_id), paid in reading.distinct(OutstandingPaid, "chargeback_id", "payment_id").items():
        found.setdefault(one, Recovered()).paid.append((payment_id, paid.data.amount.value))
    brokerage = f"{reading.order_id}:{BROKERAGE}:"
    for one, answer in reading.earliest_of((DepositDeducted, DepositInsufficient), "deduction_id").items():
        if one.startswith(brokerage):
            continue  # an answer to a deduction from the purchasing funds (19) is no chargeback's
        entry = found.setdefault(one, Recovered())
        entry.answered = True
        deducted = answer.data.amount if isinstance(answer.data, DepositDeducted) else answer.data.deducted
        entry.from_deposit = deducted.value
    for disposed in reading.distinct(GoodsDisposed, "disposal_id").values():
        data = disposed.data
        if data.chargeback_id is not None and data.proceeds is not None:
            found.setdefault(data.chargeback_id, Recovered()).proceeds += data.proceeds.value
    return found


def charges(reading: Reading) -> Iterator[Charge]:
    """Yield every chargeback, oldest first, with what it took as far as we know and what is still owed on it."""
    opened = reading.distinct(ChargebackOpened, "chargeback_id")
    if not opened:
        return
    came_in = recovered(reading)
    room: dict[str, int] = {}
    for one, fact in opened.items():
        payment_id = fact.data.payment_id
        line, brought = reading.roles_of(payment_id)
        left = room.get(payment_id, brought)
        amount = 0 if _restored(reading, one) else min(fact.data.amount.value, left)
        room[payment_id] = left - amount
        unjust, grounds = _judge(reading, fact, line)
        still = 0
        if unjust:
            still = max(0, amount - (came_in[one].total if one in came_in else 0))
        yield Charge(one, line, payment_id, amount, unjust, still, grounds)


def _judge(reading: Reading, fact: Fact[ChargebackOpened], line: str) -> tuple[bool, Grounds]:
    """Say whether a chargeback is unjust, and by which grounds; all that apply are cited."""
    if line.startswith("tip:"):
        return False, (CHARGED_BACK,)
    grounds: list[Basis] = []
    ended = reading.obligation_ended
    if ended is not None and ended <= fact.at:
        grounds.append(_AFTER_RECEIPT)
    if not fact.data.attributable_to_provider:
        grounds.append(_NOT_THE_PROVIDER)
    reason = _REASONS.get(fact.data.reason)
    if reason is not None:
        grounds.append(reason)
    return (True, (UNJUST, *grounds)) if grounds else (False, (_JUST,))


def _restored(reading: Reading, chargeback_id: str) -> bool:
    """Say whether the latest word on a chargeback is that the money was given back."""
    outcome = None
    for fact in reading.all(ChargebackClosed):
        if fact.data.chargeback_id == chargeback_id:
            outcome = fact.data.outcome
    return outcome == "restored"


def dues(case: Assessment) -> Iterator[Due]:
    """Yield the lines `chargeback:{id}`: what came in beyond what is owed goes back.

    To the deposit up to what it gave, then to the payments that paid, oldest first.
    """
    came_in = recovered(case.reading)
    if not came_in:
        return
    owed = {charge.id: charge.amount for charge in case.charges if charge.unjust}
    for one, entry in came_in.items():
        if not entry.paid and not entry.from_deposit and not entry.proceeds:
            continue
        routes = [Route("deposit", None, entry.from_deposit)]
        routes += [Route("original_payment", payment_id, amount) for payment_id, amount in entry.paid]
        yield Due(f"chargeback:{one}", max(0, entry.total - owed.get(one, 0)), (_GIVEN_BACK,), tuple(routes))


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decision `chargeback` on each."""
    for charge in case.charges:
        outcome = "restored" if _restored(case.reading, charge.id) else "unjust" if charge.unjust else "accepted"
        yield Said("chargeback", charge.id, outcome, charge.grounds)
