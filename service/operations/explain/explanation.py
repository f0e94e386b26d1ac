"""An order's story as values: what happened, what was decided and why, how the money stands, what is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import instant_of
from purchasing_contracts.envelope import decode_published

from service.operations.explain.expectations import Expectation, expectations_of
from service.operations.wording import tell_fact, tell_output
from service.orders.state import OrderState, Unread, read_back
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import Examination, examine
from service.rules.facts import Fact, micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from service.rules.terms import TermsBook
    from service.store.order_history import OrderHistory
    from service.store.rows import StoreTime


@dataclass(frozen=True, slots=True)
class Happened:
    """One fact. `nth` counts in the order in which we heard of the facts."""

    at: datetime
    heard_at: datetime
    nth: int
    type: str
    source: str
    id: str
    words: str


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
    """Clause, and why it applied."""
    published: bool


@dataclass(frozen=True, slots=True)
class Line:
    """How one line stands, in minor units."""

    line: str
    captured: int
    due: int
    charged_back: int
    commanded: int
    failed: int
    repaid: int
    withheld: int
    demanded: int
    to_command: int
    """What the rules would command and the journal doesn't have yet; 0 unless the order is stuck or held."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it."""

    order_id: str
    account_id: str | None
    provider_id: str | None
    terms_version: str | None
    currency: str | None
    happened: tuple[Happened, ...]
    """In the order in which it happened."""
    decided: tuple[Decided, ...]
    lines: tuple[Line, ...]
    waiting: tuple[Expectation, ...]


def explain(history: OrderHistory, terms: TermsBook, clock: StoreTime) -> Explanation:
    """Tell an order's story. Private members are nowhere in it: they never were in the journals."""
    state = read_back(history.version, [heard.row for heard in history.facts], [said.row for said in history.outputs])
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
        lines=() if found is None else tuple(_lines(found)),
        waiting=tuple(expectations_of(history, state, found)),
    )


def _happened(history: OrderHistory, state: OrderState) -> list[Happened]:
    heard = {(one.row.source, one.row.id): one for one in history.facts}
    found = []
    for fact in state.facts:
        row, heard_at = heard[fact.source, fact.id]
        found.append(Happened(row.at, heard_at, row.nth, row.type, fact.source, fact.id, _words(fact)))
    return found


def _words(fact: Fact[Any]) -> str:
    if isinstance(fact.data, Unread):
        return f"{fact.data.type} was heard; this version can't read it."
    return tell_fact(fact.data)


def _decided(history: OrderHistory) -> list[Decided]:
    found = []
    for said in history.outputs:
        attributes, data = decode_published(said.row.value)
        one: Any = data
        amount = getattr(one, "amount", None)
        found.append(
            Decided(
                version=one.order_version,
                at=instant_of(attributes["time"]),
                type=one.TYPE,
                id=attributes["id"],
                words=tell_output(one),
                amount=None if amount is None else amount.value,
                basis=tuple((basis.clause, basis.because) for basis in one.basis),
                published=said.published,
            )
        )
    return found


def _lines(found: Examination) -> list[Line]:
    brought = _brought_in(found)
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
            commanded=one.commanded,
            failed=one.failed,
            repaid=one.repaid,
            withheld=one.withheld,
            demanded=one.demanded,
            to_command=one.pay,
        )
        for one in found.reconciled.balances
    ]


def _brought_in(found: Examination) -> Mapping[str, int]:
    """Return what was paid in on each line, by the routes on which it would go back."""
    return {due.line: sum(route.brought for route in due.routes) for due in found.case.dues}
