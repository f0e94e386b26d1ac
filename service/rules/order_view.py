"""The view of an order's facts under its terms, with the messages that count (F1, F4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from purchasing_contracts.events.chargeback import ChargebackClosed
from purchasing_contracts.events.order import OrderPlaced
from purchasing_contracts.events.payment import PaymentCaptured

from service.rules.amounts import book, fixed_fee_of
from service.rules.facts import Fact, micros
from service.rules.identity import IDENTITIES, TOGETHER, Counts
from service.rules.money import sums_of
from service.rules.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.money import Money

    from service.rules.money import Sums
    from service.rules.terms import Terms, TermsBook

T = TypeVar("T")

_PARTNERS: dict[type[Any], tuple[type[Any], ...]] = {kind: kinds for kinds in TOGETHER for kind in kinds}


class Unconverted(NamedTuple):
    """A message whose amounts can't be read, whether or not it counts."""

    fact: Fact[Any]
    total: Money
    """The total in its own currency."""
    converted: bool
    """Whether a readable message of the same identity counts instead."""


@dataclass(slots=True)
class Capture:
    """Captured money, in minor units."""

    fact: Fact[PaymentCaptured]
    payment_id: str
    sums: Sums
    total: int


class OrderView:
    """An order's facts under its terms. Unchanged during an assessment.

    Instants are in microseconds, amounts in minor units of `currency`. A fact dated before the order was placed takes
    effect when the order was placed; its position in the fact order is still that of its own time.
    """

    __slots__ = (
        "_captures",
        "_counted",
        "_groups",
        "_repeating",
        "_stated",
        "_unread",
        "_unsettled",
        "brokerage_fixed",
        "brokerage_unread",
        "concerned",
        "currency",
        "has_unread",
        "order_id",
        "placed",
        "placed_at",
        "placing",
        "quote",
        "terms",
    )

    def __init__(self, order_id: str, facts: Sequence[Fact[Any]], placed: Fact[OrderPlaced], terms: TermsBook) -> None:
        """Read facts sorted by key; `placed` is the earliest `order.placed` among them."""
        self.order_id = order_id
        self.placed_at = placed.at
        self.currency: str = placed.data.currency
        self._captures: list[Capture] | None = None
        self._groups: dict[type[Any], list[Fact[Any]]] = {}
        self._repeating: dict[type[Any], None] = {}
        """The types with more than one message."""
        self._counted: dict[type[Any], list[Fact[Any]]] = {}
        self._unsettled: set[type[Any]] = set()
        """The types of which `_counted` may be wrong. Most types have one message, which counts."""
        self._stated: dict[tuple[str, str], Any] = {}
        """The original data of messages in another currency, by source and id."""
        self._unread: list[tuple[Fact[Any], Money]] = []
        # Facts dated before the order was placed come before `placed` in the fact order.
        self._group(facts if facts[0] is placed else [_in_effect(fact, placed.at) for fact in facts])
        for order in self._groups[OrderPlaced]:
            self._note_unread_fee(order)
        self.has_unread = bool(self._unread)
        """Whether the amounts of a message can't be read."""
        self.placing = self.counting(self._groups[OrderPlaced])
        """The message that placed the order; `placed` is its data."""
        self.placed = self.placing.data
        self.brokerage_fixed = 0
        self.brokerage_unread: Money | None = None
        if self.placed.promotion is not None:
            self.brokerage_fixed, self.brokerage_unread = fixed_fee_of(self.placed, self.currency)
        agreed_at = self.placing.worked_out(_agreed_at)
        self.terms: Terms = terms.in_force(self.placed.provider_id, placed.at if agreed_at is None else agreed_at)
        self.quote = self.placing.worked_out(_quoted)

    def add(self, facts: Sequence[Fact[Any]]) -> None:
        """Add facts that come after all others. All amounts must have been readable (`has_unread`)."""
        self._group(facts)
        for fact in facts:
            kind = type(fact.data)
            if kind is PaymentCaptured:
                self._captures = None
            elif kind is OrderPlaced:
                self._note_unread_fee(fact)
        self.has_unread = bool(self._unread)

    def _group(self, facts: Sequence[Fact[Any]]) -> None:
        """Group the facts by type, with their amounts in the order's currency."""
        groups, counted, unsettled = self._groups, self._counted, self._unsettled
        if not {fact.currency for fact in facts} <= {None, self.currency}:
            facts = [self._in_currency(fact) for fact in facts]
        for fact in facts:
            kind = type(fact.data)
            if kind in groups:
                groups[kind].append(fact)
                self._repeating[kind] = None
                unsettled.add(kind)
            else:
                groups[kind] = counted[kind] = [fact]
        for kind in _PARTNERS.keys() & groups.keys():
            unsettled.update(_PARTNERS[kind])
        self.concerned = REGISTRY.concerned(frozenset(groups))
        """The clauses' functions that concern an order with these messages."""

    def _note_unread_fee(self, order: Fact[OrderPlaced]) -> None:
        """Note a promotion's fixed fee that can't be read."""
        if order.data.promotion is None:
            return
        unread = fixed_fee_of(order.data, self.currency)[1]
        if unread is not None:
            self._unread.append((order, unread))
            self._unread.sort(key=_key_of_unread)

    def _in_currency(self, stated: Fact[Any]) -> Fact[Any]:
        """Return a fact with its amounts in the order's currency. Keep its original data; note unreadable amounts."""
        if stated.currency in (None, self.currency) or type(stated.data) is OrderPlaced:
            return stated
        self._stated[stated.source, stated.id] = stated.data
        fact, unread = book(stated, self.currency)
        if unread is not None:
            self._unread.append((fact, unread))
        return fact

    def readable(self, fact: Fact[Any]) -> bool:
        """Return whether a fact's amounts can be read; if not, they are 0."""
        if fact.currency is not None and fact.currency != self.currency:
            return False
        return type(fact.data) is not OrderPlaced or fixed_fee_of(fact.data, self.currency)[1] is None

    def messages(self, kind: type[T]) -> list[Fact[T]]:
        """Return all messages of a type in fact order, including those that repeat an identity."""
        return self._groups.get(kind, _NONE)

    def counted(self, kind: type[T]) -> list[Fact[T]]:
        """Return the facts of a type: per identity the message that counts, dated as the earliest one.

        They are in the order of the earliest messages. For types that share an identity, the facts of all are returned.
        """
        if kind in self._unsettled:
            self._settle(kind)
        return self._counted.get(kind, _NONE)

    def _settle(self, kind: type[Any]) -> None:
        """Determine which messages count, of a type and of those that share its identities."""
        found = self._of_identity(kind)
        if len(found) > 1:
            found = [self._fact_of(group) for group in self._by_identity(found)]
        self._counted[kind] = found
        self._unsettled.discard(kind)

    def _of_identity(self, kind: type[Any]) -> list[Fact[Any]]:
        """Return the messages of a type and of those that share its identities, in fact order."""
        messages = self._groups.get(kind, _NONE)
        partners = _PARTNERS.get(kind)
        if partners is None:
            return messages
        if all(partner is kind or partner not in self._groups for partner in partners):
            return messages
        found = [fact for partner in partners for fact in self._groups.get(partner, ())]
        found.sort(key=_key)
        return found

    def has_any(self, kinds: frozenset[type[Any]]) -> bool:
        """Return whether there is a message of any of these types."""
        return not kinds.isdisjoint(self._groups)

    def by_identity(self, kind: type[T]) -> list[list[Fact[T]]]:
        """Return the messages of a type grouped by identity, each group in fact order."""
        messages = self._of_identity(kind)
        if len(messages) > 1:
            return self._by_identity(messages)
        return [messages] if messages else []

    def _by_identity(self, messages: list[Fact[Any]]) -> list[list[Fact[Any]]]:
        of = IDENTITIES[type(messages[0].data)].of
        timed = type(messages[0].data) is ChargebackClosed
        groups: dict[Any, list[Fact[Any]]] = {}
        for fact in messages:
            identity = of(fact.data)
            groups.setdefault((identity, fact.time) if timed else identity, []).append(fact)
        return list(groups.values())

    def answers(self, *kinds: type[Any]) -> list[Fact[Any]]:
        """Return all messages, in fact order, of types whose messages each count from their own time on."""
        found = [fact for kind in kinds for fact in self._groups.get(kind, ())]
        if len(found) > 1:
            found.sort(key=_key)
        return found

    def _fact_of(self, group: list[Fact[Any]]) -> Fact[Any]:
        """Return the message that counts of one identity, dated as the earliest."""
        if len(group) == 1:
            return group[0]
        earliest = group[0]
        counting = self.counting(group)
        if counting is earliest:
            return counting
        return Fact(earliest.at, earliest.source, earliest.id, counting.data, counting.currency, earliest.dated)

    def counting(self, group: list[Fact[T]]) -> Fact[T]:
        """Return the message that counts of one identity, with its own time."""
        if len(group) == 1:
            return group[0]
        readable = [fact for fact in group if self.readable(fact)] or group
        latest = IDENTITIES[type(group[0].data)].counts is Counts.LATEST
        return readable[-1 if latest else 0]

    def message_id(self, fact: Fact[Any]) -> str:
        """Return the id of the message that counts for a fact, whose own id is that of the earliest message (F1)."""
        return next((one.id for one in self.messages(type(fact.data)) if one.data is fact.data), fact.id)

    def captures(self) -> list[Capture]:
        """Return the captures, in fact order."""
        if self._captures is None:
            self._captures = [
                Capture(fact, fact.data.payment_id, sums, sums.total)
                for fact in self.counted(PaymentCaptured)
                for sums in (fact.worked_out(_captured),)
            ]
        return self._captures

    def is_unread(self, kind: type[Any], by: int | None = None) -> bool:
        """Return whether a fact of a type, until an instant, has amounts that can't be read."""
        if not self._unread:
            return False
        return any(not self.readable(fact) for fact in self.counted(kind) if by is None or fact.at <= by)

    def unconverted(self) -> list[Unconverted]:
        """Return the messages whose amounts can't be read, converted since or not, in fact order."""
        return [Unconverted(fact, total, self._is_converted(fact)) for fact, total in self._unread]

    def _is_converted(self, fact: Fact[Any]) -> bool:
        """Return whether a readable message of the same identity counts instead of this one."""
        identity = IDENTITIES[type(fact.data)]
        group = next(group for group in self.by_identity(type(fact.data)) if fact in group)
        any_time = identity.counts is Counts.EARLIEST
        return any(self.readable(one) and (any_time or one.time >= fact.time) for one in group)

    def repeated(self) -> list[Fact[Any]]:
        """Return the messages that don't count because an earlier one of their identity has other content."""
        found: list[Fact[Any]] = []
        if not self._repeating:
            return found
        unread = {(fact.source, fact.id) for fact, _ in self._unread}
        for kind in self._repeating:
            messages = self._groups[kind]
            if IDENTITIES[kind].counts is not Counts.EARLIEST or len(self.counted(kind)) == len(messages):
                continue
            for group in self._by_identity(messages):
                if len(group) == 1:
                    continue
                counting = self.counting(group)
                none_is_read = (counting.source, counting.id) in unread
                found += [
                    fact
                    for fact in group[group.index(counting) + 1 :]
                    if self._original_data(fact) != self._original_data(counting)
                    and (none_is_read or (fact.source, fact.id) not in unread)
                ]
        return found

    def _original_data(self, fact: Fact[Any]) -> Any:
        """Return a message's data as it was sent, before its amounts were converted."""
        return self._stated.get((fact.source, fact.id), fact.data)


_NONE: list[Any] = []


def _agreed_at(placed: OrderPlaced) -> int | None:
    return None if placed.mandate is None else micros(placed.mandate.agreed_at)


def _quoted(placed: OrderPlaced) -> Sums:
    return sums_of(placed.quote)


def _captured(data: PaymentCaptured) -> Sums:
    return sums_of(data.breakdown)


def _key(fact: Fact[Any]) -> tuple[int, str, str]:
    return fact.key


def _key_of_unread(unread: tuple[Fact[Any], Money]) -> tuple[int, str, str]:
    return unread[0].key


def _in_effect(fact: Fact[Any], placed_at: int) -> Fact[Any]:
    """Return a fact as of when it takes effect: not before the order was placed."""
    if fact.at >= placed_at:
        return fact
    return Fact(placed_at, fact.source, fact.id, fact.data, fact.currency, fact.at)
