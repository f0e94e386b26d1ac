"""An explanation of an order as values: events, decisions with their reasons, money, what the order waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import instant_of
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.events.payment import RefundSucceeded

from service.operations.explain.line_terms import LineTerm, terms_of_line
from service.operations.explain.waits_in_words import WaitInWords, waits_in_words
from service.operations.sentence import sentence
from service.operations.wording import fact_in_words, output_in_words
from service.orders.state import OrderState, Unread, read_back
from service.rules.assessment import Due
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import Examination, examine
from service.rules.facts import Fact, micros
from service.rules.reconcile import OWED, LineBalance

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from service.rules.terms import TermsBook
    from service.store.order_history import OrderHistory
    from service.store.rows import StoreTime


@dataclass(frozen=True, slots=True)
class Happened:
    """One fact. `nth` counts facts in the order in which they were received."""

    at: datetime
    received_at: datetime
    nth: int
    type: str
    source: str
    id: str
    words: str
    late: bool
    """Whether something that happened after it had been received before it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision or command. `amount` in minor units."""

    version: int
    at: datetime
    type: str
    id: str
    words: str
    amount: int | None
    basis: tuple[tuple[str, str], ...]
    """Clauses, each with its words."""
    published: bool
    kind: str | None
    """Of a decision: what it is about, with `ref` what of that kind, and how it came out."""
    ref: str | None
    outcome: str | None
    audience: str | None
    due_at: datetime | None
    line: str | None
    """Of a refund or deduction: the line it is for."""
    currency: str | None
    """Of the amount."""


@dataclass(frozen=True, slots=True)
class Line:
    """The amounts of one line, in minor units."""

    line: str
    captured: int
    """The sum that was paid in: captured or tipped; on a claim, paid, taken from the deposit, or received for goods."""
    due: int
    charged_back: int
    entitled: int
    """The due amount less the sum that accepted chargebacks took; on `purchase`, `due` already contains that."""
    commanded: int
    failed: int
    succeeded: int
    elsewhere: int
    """Refunded elsewhere."""
    repaid: int
    out: int
    """The sum that is out: commanded and refunded elsewhere, less failed and repaid (repaid not on `owed` and
    claims)."""
    withheld: int
    demanded: int
    set_off: int
    """Paid out beyond what is due, and withheld on other lines or claimed with a chargeback."""
    to_command: int
    """The sum that the rules would command beyond the journal; 0 unless the order is stuck or held."""
    terms: tuple[LineTerm, ...]
    """The terms whose sum is `due`. None on `purchase`, which has the terms of R6 (`SettlementTerms`)."""


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """The amount due on the line `purchase`, term by term as in R6, in minor units.

    captured - third_party_fees = paid. paid - price - reserved - fee - own_fees + not_kept + from_seller + not_paid
    - unconfirmed - charged_back + charged_beyond - costs - penalties + beyond_money - deposit = due.
    """

    captured: int
    third_party_fees: int
    paid: int
    price: int
    reserved: int
    fee: int
    own_fees: int
    not_kept: int
    """The part of these beyond the order amount, to which nobody agreed."""
    from_seller: int
    """The sum that the seller gave back beyond its charges; it belongs to the buyer."""
    not_paid: int
    """The part of the kept amounts that was not paid in."""
    unconfirmed: int
    """The seller's money that waits for confirmation (8(4))."""
    charged_back: int
    charged_beyond: int
    """The sum that just chargebacks took beyond the buyer's money."""
    costs: int
    penalties: int
    beyond_money: int
    """The part of costs and penalties beyond the money that was left."""
    deposit: int
    due: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """An order, explained."""

    order_id: str
    account_id: str | None
    provider_id: str | None
    terms_version: str | None
    currency: str | None
    happened: tuple[Happened, ...]
    """Sorted by the time of the event."""
    decided: tuple[Decided, ...]
    lines: tuple[Line, ...]
    purchase: SettlementTerms | None
    """The terms of what is due on the line `purchase`; None before the order was placed."""
    waiting: tuple[WaitInWords, ...]
    archived_at: datetime | None
    """Since when the order is in the archive; None: it is not."""
    archive_file: str | None
    """The file that it was exported to."""


def explain(history: OrderHistory, terms: TermsBook, clock: StoreTime) -> Explanation:
    """Explain an order. Contains no private members, because the journals contain none."""
    state = read_back(
        history.version, [received.row for received in history.facts], [output.row for output in history.outputs]
    )
    published = {one.order_version: micros(one.published_at) for one in history.publications}
    now = Clock(
        now=micros(clock.now),
        watermark=0 if clock.watermark is None else min(micros(clock.watermark), micros(clock.now)),
        quarantined=tuple([QuarantinedRecord(topic, micros(since)) for topic, since in history.quarantined]),
        published=published,
    )
    found = None if state.problem else examine(history.order_id, state.facts, state.ledger, terms, now)
    placed = None if found is None else found.case.view.placed
    return Explanation(
        order_id=history.order_id,
        account_id=None if placed is None else placed.account_id,
        provider_id=None if placed is None else placed.provider_id,
        terms_version=None if found is None else found.case.view.terms.version,
        currency=None if found is None else found.case.view.currency,
        happened=tuple(_happened(history, state)),
        decided=tuple(_decided(history)),
        lines=() if found is None else tuple(lines_of(found)),
        purchase=None if found is None else settlement_terms(found),
        waiting=tuple(waits_in_words(history, state, found, now.now)),
        archived_at=None if history.archived is None else history.archived.at,
        archive_file=None if history.archived is None else history.archived.file,
    )


def _happened(history: OrderHistory, state: OrderState) -> list[Happened]:
    received = {(one.row.source, one.row.id): one for one in history.facts}
    found = []
    first_later_one = len(state.facts) + 1
    for fact in reversed(state.facts):
        row, received_at = received[fact.source, fact.id]
        late = row.nth > first_later_one
        first_later_one = min(row.nth, first_later_one)
        found.append(Happened(row.at, received_at, row.nth, row.type, fact.source, fact.id, _words(fact), late))
    return found[::-1]


def _words(fact: Fact[Any]) -> str:
    if isinstance(fact.data, Unread):
        return sentence("{type} was received; this version can't read it.", type=fact.data.type)
    return fact_in_words(fact.data)


def _decided(history: OrderHistory) -> list[Decided]:
    found = []
    for output in history.outputs:
        attributes, data = decode_published(output.row.value)
        one: Any = data
        amount = getattr(one, "amount", None)
        found.append(
            Decided(
                version=one.order_version,
                at=instant_of(attributes["time"]),
                type=one.TYPE,
                id=attributes["id"],
                words=output_in_words(one),
                amount=None if amount is None else amount.value,
                basis=tuple((basis.clause, basis.because) for basis in one.basis),
                published=output.published,
                kind=getattr(one, "kind", None),
                ref=getattr(one, "ref", None),
                outcome=getattr(one, "outcome", None),
                audience=getattr(one, "audience", None),
                due_at=getattr(one, "due_at", None),
                line=getattr(one, "line", None),
                currency=None if amount is None else amount.currency,
            )
        )
    return found


def lines_of(found: Examination) -> list[Line]:
    """Return the amounts of each line."""
    brought = _brought_in(found)
    succeeded = {fact.data.command_id for fact in found.case.view.messages(RefundSucceeded)}
    charged: dict[str, int] = {}
    for chargeback in found.case.chargebacks:
        for share in chargeback.shares:
            charged[share.line] = charged.get(share.line, 0) + share.brought
    return [
        Line(
            line=one.due.line,
            captured=brought.get(one.due.line, 0),
            due=one.due.amount,
            charged_back=charged.get(one.due.line, 0),
            entitled=one.gross,
            commanded=one.commanded,
            failed=one.failed,
            succeeded=_amount_of(found, one.due.line, succeeded),
            elsewhere=one.elsewhere,
            repaid=one.repaid,
            out=one.out,
            withheld=one.withheld,
            demanded=one.demanded,
            set_off=one.set_off,
            to_command=one.pay,
            terms=terms_of_line(found.case, one.due),
        )
        for one in _balances(found)
    ]


def _balances(found: Examination) -> list[LineBalance]:
    """Return the balance of each line, and of `owed` if the buyer owes something and paid nothing of it back yet."""
    balances = list(found.reconciled.balances)
    if found.case.settlement.owed and all(one.due.line != OWED for one in balances):
        balances.append(LineBalance(Due(OWED, 0, ()), 0))
    return balances


def _brought_in(found: Examination) -> Mapping[str, int]:
    """Return what was paid in per line: on claims also the proceeds of goods, else by the routes of refunds."""
    brought = {due.line: sum(route.brought for route in due.routes) for due in found.case.dues}
    return brought | {f"chargeback:{id_}": recovered.total for id_, recovered in found.case.recovered.items()}


def _amount_of(found: Examination, line: str, command_ids: Collection[str]) -> int:
    """Return the amount that the commands with these ids moved on a line."""
    totals = found.ledger.lines.get(line)
    if totals is None:
        return 0
    return sum(amount for id_, amount in zip(totals.command_ids, totals.amounts, strict=True) if id_ in command_ids)


def settlement_terms(found: Examination) -> SettlementTerms:
    """Return the terms of R6, with the amounts that its terms leave out because each is at least 0; so they add up."""
    one = found.case.settlement
    kept = one.price + one.reserved + one.fee + one.own
    from_seller = max(0, one.seller - one.spent)
    left = one.paid - one.keep + from_seller
    rest = max(0, max(0, left) - one.excess - one.charged_back)
    return SettlementTerms(
        captured=one.collected.total,
        third_party_fees=one.third,
        paid=one.paid,
        price=one.price,
        reserved=one.reserved,
        fee=one.fee,
        own_fees=one.own,
        not_kept=kept - one.keep,
        from_seller=from_seller,
        not_paid=max(0, -left),
        unconfirmed=one.excess,
        charged_back=one.charged_back,
        charged_beyond=one.beyond,
        costs=one.costs,
        penalties=one.penalties,
        beyond_money=max(0, one.costs + one.penalties - rest),
        deposit=one.deposit,
        due=one.due,
    )
