"""Chargebacks: what they took, from which lines, and what was recovered for them (R13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.events.chargeback import ChargebackClosed, ChargebackOpened, ChargebackReassessed
from purchasing_contracts.events.payment import (
    DepositDeducted,
    DepositInsufficient,
    OutstandingPaid,
    RepaymentReceived,
    TipPaid,
)
from purchasing_contracts.events.warehouse_receipt import GoodsDisposed

from service.rules.facts import micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.rules.assessment import Grounds
    from service.rules.facts import Fact
    from service.rules.order_view import OrderView

PURCHASE = "purchase"
OF_CHARGEBACKS: frozenset[type[Any]] = frozenset(
    {ChargebackOpened, OutstandingPaid, RepaymentReceived, DepositDeducted, DepositInsufficient, GoodsDisposed}
)
"""The messages about chargebacks and recoveries."""
INQUIRY = "inquiry"


class Role(NamedTuple):
    """The amount that a payment brought in for one line. Minor units."""

    line: str
    brought: int


class Balance(NamedTuple):
    """The state of a chargeback. Minor units."""

    amount: int
    rounds: int
    """Number of rounds: a rise after a `closed` begins a new one."""
    is_restored: bool
    """Whether a `closed` brought the amount to 0."""
    nominal: int
    """The amount, or the amount before a `closed` brought it to 0."""


class Chargeback:
    """A chargeback. Amounts in minor units of the order's currency, instants in microseconds."""

    __slots__ = (
        "_closed",
        "_opened",
        "attributable",
        "balance",
        "covered",
        "fees",
        "first",
        "grounds",
        "id",
        "instructed_at",
        "is_open",
        "is_unjust",
        "is_unread",
        "kinds",
        "outcome",
        "owed",
        "payment_id",
        "reason",
        "remaining",
        "respond_by",
        "shares",
    )

    def __init__(
        self,
        opened: list[Fact[ChargebackOpened]],
        closed: list[Fact[ChargebackClosed]],
        reassessed: Fact[ChargebackReassessed] | None,
        view: OrderView,
    ) -> None:
        """Read its messages that count, in fact order."""
        self._opened = [fact for fact in opened if fact.data.stage != INQUIRY]
        self._closed = closed
        self.id = opened[0].data.chargeback_id
        self.first: Fact[ChargebackOpened] | None = self._opened[0] if self._opened else None
        """The first `opened` that is not an inquiry; None if there are only inquiries."""
        self.payment_id = (self.first or opened[0]).data.payment_id
        self.balance = self.as_of(None)
        self.is_open = not closed or max(fact.time for fact in closed) < max(fact.time for fact in opened)
        """Whether no `closed` followed the last `opened`, inquiries included."""
        self.fees = sum([0 if fact.data.fee is None else fact.data.fee.value for fact in self._opened])
        stated = [fact.data.instructed_at for fact in opened if fact.data.instructed_at is not None]
        self.instructed_at = micros(stated[0]) if stated else (self.first or opened[0]).at
        latest = opened[-1].data
        self.attributable = latest.attributable_to_provider
        if reassessed is not None:
            self.attributable = reassessed.data.attributable_to_provider
        self.reason = latest.reason
        self.respond_by = None if latest.respond_by is None else micros(latest.respond_by)
        moved = (*self._opened, *closed)
        self.is_unread = (
            self.first is not None and not self.balance.is_restored and any(not view.readable(fact) for fact in moved)
        )
        """Whether one of its amounts can't be read, and it was not restored in full. An inquiry takes no money."""
        self.shares: list[Role] = []
        """Its share of each line."""
        self.kinds: set[str] = set()
        """The kinds of its shares' lines; if it was restored, of the lines that it would have."""
        self.is_unjust = False
        self.outcome = ""
        self.grounds: Grounds = ()
        self.owed = 0
        self.covered = 0
        """Paid, recovered from the deposit and proceeds of sales for it."""
        self.remaining: list[Role] = []
        """The rest of each owed share."""

    def as_of(self, at: int | None) -> Balance:
        """Return its state at an instant (None: now)."""
        events: list[tuple[int, int, Fact[Any]]] = [(fact.time, 0, fact) for fact in self._opened]
        events += [(fact.time, 1, fact) for fact in self._closed]
        events.sort(key=lambda event: (event[0], event[1], event[2].key))
        amount = highest = rounds = before_zero = 0
        was_closed = is_restored = False
        for _, is_closing, fact in events:
            if at is not None and fact.at > at:
                break
            before = amount
            if not is_closing:
                own = fact.data.amount.value
                amount = own if rounds == 0 else max(own, min(highest, amount + own))
                rounds = rounds or 1
                is_restored = False
            elif rounds:
                amount, before_zero, is_restored = _closed(fact.data, amount, before_zero, is_restored=is_restored)
            if amount > before and was_closed:
                rounds += 1
                was_closed = False
            was_closed = was_closed or bool(is_closing and rounds)
            highest = max(highest, amount)
        return Balance(amount, rounds, is_restored, amount or before_zero)

    def share(self, line: str) -> int:
        """Return its share of a line."""
        return sum([share.brought for share in self.shares if share.line == line])

    @property
    def owed_shares(self) -> list[Role]:
        """Its shares that are owed: if it is unjust, all except those of tips."""
        return [share for share in self.shares if not share.line.startswith("tip:")] if self.is_unjust else []

    @property
    def total_remaining(self) -> int:
        """The part of everything owed that is not covered."""
        return sum([part.brought for part in self.remaining])


def _closed(data: ChargebackClosed, amount: int, before_zero: int, *, is_restored: bool) -> tuple[int, int, bool]:
    """Return the amount after a `closed`, the amount before it became 0, and whether all of it was restored.

    The amount is also 0 if it can't be read. Then only a `closed` that says that everything was restored brings it to
    0.
    """
    given = None if data.amount_restored is None else data.amount_restored.value
    everything = False
    if data.outcome == "lost":
        amount, given = amount or before_zero, given or 0
    else:
        everything = given is None or is_restored
        given = amount if given is None else given
    left = max(0, amount - given)
    return left, before_zero if left or not amount else amount, left == 0 and (amount > 0 or everything)


class Recovered:
    """The recoveries for one chargeback. Minor units."""

    __slots__ = ("answered", "from_deposit", "paid", "proceeds")

    def __init__(self) -> None:
        """Begin with zero amounts."""
        self.paid: list[tuple[str, int]] = []
        """Payment and amount, oldest first; a repayment has no payment."""
        self.answered: set[str] = set()
        """The deductions that the deposit answered."""
        self.from_deposit = 0
        self.proceeds = 0

    @property
    def total(self) -> int:
        """The sum of all recoveries."""
        return sum([amount for _, amount in self.paid]) + self.from_deposit + self.proceeds


def roles_by_payment(view: OrderView) -> dict[str, list[Role]]:
    """Return what each payment brought in: for the purchase, then for claims, then for tips, each sorted by id."""
    found: dict[str, dict[str, int]] = {}
    for capture in view.captures():
        roles = found.setdefault(capture.payment_id, {})
        roles[PURCHASE] = roles.get(PURCHASE, 0) + capture.total
    for paid in sorted(view.counted(OutstandingPaid), key=lambda fact: fact.data.chargeback_id):
        roles = found.setdefault(paid.data.payment_id, {})
        line = f"chargeback:{paid.data.chargeback_id}"
        roles[line] = roles.get(line, 0) + paid.data.amount.value
    for tip in sorted(view.counted(TipPaid), key=lambda fact: fact.data.tip_id):
        found.setdefault(tip.data.payment_id, {})[f"tip:{tip.data.tip_id}"] = tip.data.amount.value
    return {payment: [Role(*role) for role in roles.items()] for payment, roles in found.items()}


def chargebacks_of(view: OrderView) -> list[Chargeback]:
    """Return the order's chargebacks with shares, in fact order of their first `opened` that is not an inquiry."""
    opened: dict[str, list[Fact[ChargebackOpened]]] = {}
    for fact in view.counted(ChargebackOpened):
        opened.setdefault(fact.data.chargeback_id, []).append(fact)
    if not opened:
        return []
    closed: dict[str, list[Fact[ChargebackClosed]]] = {}
    for one in view.counted(ChargebackClosed):
        closed.setdefault(one.data.chargeback_id, []).append(one)
    reassessed = {fact.data.chargeback_id: fact for fact in view.counted(ChargebackReassessed)}
    found = [Chargeback(facts, closed.get(id_, []), reassessed.get(id_), view) for id_, facts in opened.items()]
    found.sort(key=_seniority)
    roles = roles_by_payment(view)
    room = {payment: {role.line: role.brought for role in own} for payment, own in roles.items()}
    for chargeback in found:
        own = roles.get(chargeback.payment_id, [])
        left = room.get(chargeback.payment_id, {})
        there = [Role(role.line, left[role.line]) for role in own]
        chargeback.shares = _shared(chargeback.balance.amount, there)
        for share in chargeback.shares:
            left[share.line] -= share.brought
        # If earlier ones took everything, the payment's whole amounts show which kinds of lines this one is about.
        nominal = chargeback.balance.nominal
        would = chargeback.shares or _shared(nominal, there) or _shared(nominal, own)
        chargeback.kinds = {share.line.partition(":")[0] for share in would} or {PURCHASE}
    return found


def _seniority(chargeback: Chargeback) -> tuple[bool, int, str, str]:
    first = chargeback.first
    return (False, *first.key) if first is not None else (True, 0, "", chargeback.id)


def _shared(amount: int, roles: Iterable[Role]) -> list[Role]:
    """Divide an amount among roles in their order, each up to what it brought in."""
    shares = []
    for role in roles:
        part = min(amount, role.brought)
        if part > 0:
            shares.append(Role(role.line, part))
            amount -= part
    return shares


def taken_from_purchase(view: OrderView, at: int, *, only_foreign_to_provider: bool = False) -> int:
    """Return what chargebacks took of captured payments until an instant.

    `only_foreign_to_provider` leaves out chargebacks that are attributable to the provider.
    """
    if not view.messages(ChargebackOpened):
        return 0
    room: dict[str, int] = {}
    for capture in view.captures():
        if capture.fact.at <= at:
            room[capture.payment_id] = room.get(capture.payment_id, 0) + capture.total
    taken = 0
    for chargeback in _known_at(view, at):
        part = min(chargeback.as_of(at).amount, room.get(chargeback.payment_id, 0))
        if part:
            room[chargeback.payment_id] -= part
            if not (only_foreign_to_provider and chargeback.attributable):
                taken += part
    return taken


def _known_at(view: OrderView, at: int) -> list[Chargeback]:
    """Return the chargebacks that had taken money by an instant, as known then."""
    opened: dict[str, list[Fact[ChargebackOpened]]] = {}
    for fact in view.counted(ChargebackOpened):
        if fact.at <= at:
            opened.setdefault(fact.data.chargeback_id, []).append(fact)
    closed: dict[str, list[Fact[ChargebackClosed]]] = {}
    for one in view.counted(ChargebackClosed):
        closed.setdefault(one.data.chargeback_id, []).append(one)
    reassessed: dict[str, Fact[ChargebackReassessed]] = {}
    for finding in view.messages(ChargebackReassessed):
        if finding.at <= at:
            reassessed[finding.data.chargeback_id] = finding
    found = [Chargeback(facts, closed.get(id_, []), reassessed.get(id_), view) for id_, facts in opened.items()]
    return sorted([one for one in found if one.first is not None], key=_seniority)


def recovered_of(
    view: OrderView, chargebacks: list[Chargeback]
) -> tuple[dict[str, Recovered], list[Fact[GoodsDisposed]]]:
    """Return recoveries per chargeback, even for one that was not opened yet; and disposals with proceeds for none."""
    found: dict[str, Recovered] = {}
    for paid in view.counted(OutstandingPaid):
        entry = found.setdefault(paid.data.chargeback_id, Recovered())
        entry.paid.append((paid.data.payment_id, paid.data.amount.value))
    for repaid in view.counted(RepaymentReceived):
        kind, _, id_ = repaid.data.line.partition(":")
        if kind == "chargeback" and id_:
            found.setdefault(id_, Recovered()).paid.append(("", repaid.data.amount.value))
    known = {chargeback.id for chargeback in chargebacks}
    for answer in view.counted(DepositDeducted):
        deduction_id = answer.data.deduction_id
        if not view.readable(answer) or is_brokerage(view.order_id, deduction_id):
            continue
        entry = found.setdefault(_claimed_by(deduction_id, known), Recovered())
        entry.answered.add(deduction_id)
        data: Any = answer.data
        entry.from_deposit += data.amount.value if isinstance(data, DepositDeducted) else data.deducted.value
    first_unjust = next((one.id for one in chargebacks if one.is_unjust), None)
    unused = []
    for disposed in view.counted(GoodsDisposed):
        proceeds = disposed.data.proceeds
        if proceeds is None or not proceeds.value:
            continue
        named = disposed.data.chargeback_id or first_unjust
        if named is None:
            unused.append(disposed)
        else:
            found.setdefault(named, Recovered()).proceeds += proceeds.value
    return found, unused


def is_brokerage(order_id: str, deduction_id: str) -> bool:
    """Return whether a deduction is one from the purchasing funds (19)."""
    return deduction_id.startswith(f"{order_id}:brokerage:")


def _claimed_by(deduction_id: str, known: set[str]) -> str:
    """Return the chargeback that a deduction is for: the one of its id, else of its id without the demand's number."""
    if deduction_id in known:
        return deduction_id
    id_, _, number = deduction_id.rpartition(":")
    return id_ if id_ in known and number.isascii() and number.isdigit() else deduction_id


def spread_remaining(chargeback: Chargeback, out: int) -> None:
    """Note what is left of each owed share after the recoveries that were not given back.

    `out`: what was given back on the chargeback's line. Recoveries cover the shares in the order of the roles, then the
    fees. What is left of the fees is added to the first share, and so is what was given back beyond the recoveries,
    because it is owed again. Without a share, nothing is left.
    """
    shares = chargeback.owed_shares
    chargeback.remaining = []
    if not shares:
        return
    covered = max(0, chargeback.covered - out)
    beyond = max(0, out - chargeback.covered)
    left = []
    for share in shares:
        part = min(covered, share.brought)
        covered -= part
        left.append(share.brought - part)
    left[0] += max(0, chargeback.fees - covered) + beyond
    chargeback.remaining = [Role(share.line, amount) for share, amount in zip(shares, left, strict=True) if amount]
