"""A plan of a proposal: which items, which orders, and what would follow. Nothing is done by planning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.console.acts.models import EffectModel, MoveModel, NoteModel, PreviewModel, RefusedModel
from service.operations.acts.effects import Effect, effects_on
from service.operations.acts.kinds import Act
from service.operations.acts.money import by_line
from service.operations.sentence import Sentence, sentence
from service.store.driver_errors import translated
from service.store.operators.holds import halted
from service.store.operators.proposals import NewItem, RepairRow
from service.store.order_history import OrderHistories, OrderHistory
from service.store.search import is_searchable
from service.terms.table import read_book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from service.console.parts import Parts
    from service.operations.acts.money import Move
    from service.operations.acts.records import RefusedAgain
    from service.rules.terms import TermsBook
    from service.store.rows import StoreTime

ITEMS_MAX = 1_000
"""Of one proposal: what is more is proposed after these."""
AT_ONCE = 20
"""Orders on which the rules work before another page's may have its turn."""


class PlanError(Exception):
    """Nothing can be proposed. Its sentence says why."""

    def __init__(self, reason: Sentence) -> None:
        """Take the sentence."""
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Plan:
    """The items of an act, and its effects."""

    items: list[NewItem]
    orders: set[str] = field(default_factory=set)
    """Orders of which a change makes the preview stale."""
    effects: Sequence[Effect] = ()
    refused: Sequence[RefusedAgain] = ()
    notes: list[Sentence] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    moves: Sequence[Move] | None = None
    """The money, if it is not the sum of the effects."""
    changed_places: Sequence[str] = ()
    repair: RepairRow | None = None
    is_after_refund_limit: bool = False

    def preview(self, clock: StoreTime) -> PreviewModel:
        """Return what the proposal shows."""
        return PreviewModel(
            at=clock.now,
            moves=[MoveModel.of(one) for one in self.total()],
            effects=[EffectModel.of(one) for one in self.effects],
            refused=[RefusedModel.of(one) for one in self.refused],
            notes=[NoteModel.of(one) for one in self.notes],
            changed_places=list(self.changed_places),
        )

    def total(self) -> list[Move]:
        """Return the money that would move, by currency and line."""
        moves = [move for one in self.effects for move in one.moves] if self.moves is None else self.moves
        return by_line(moves)


@dataclass(frozen=True, slots=True)
class Planner:
    """The parts that planning works with: an operator's connection, and the rules."""

    console: Parts
    connection: asyncpg.Connection[asyncpg.Record]
    book: TermsBook
    clock: StoreTime

    @property
    def histories(self) -> OrderHistories:
        """The journals, by the operator's connection."""
        return OrderHistories(self.connection)

    async def compute(self, histories: Sequence[OrderHistory]) -> list[Effect]:
        """Return what would follow for orders that decide again."""
        found: list[Effect] = []
        for first in range(0, len(histories), AT_ONCE):
            some = histories[first : first + AT_ONCE]
            found += await self.console.stories.compute(effects_on, some, self.book, self.clock)
        return found


async def new_planner(console: Parts, connection: asyncpg.Connection[asyncpg.Record]) -> Planner:
    """Read the terms and the clock. Raises StoreError."""
    async with translated():
        book = await read_book(connection)
    return Planner(console, connection, book, await OrderHistories(connection).clock())


async def plan_of_orders(planner: Planner, act: str, form: Mapping[str, str]) -> Plan:
    """Plan to hold, release or retry orders: those named, one per line, or all that are stuck or held.

    Raises PlanError, StoreError.
    """
    named = [line.strip() for line in form.get("orders", "").splitlines() if line.strip()]
    notes = []
    if named == ["*"] and act in (Act.RELEASE, Act.RETRY):
        named, more = await _all_halted(planner, act)
        if more:
            notes.append(sentence("There are more: these are the first {number}.", number=ITEMS_MAX))
    if not named:
        raise PlanError(sentence("Name at least one order."))
    if len(named) > ITEMS_MAX:
        raise PlanError(sentence("Name at most {number} at once.", number=ITEMS_MAX))
    order_ids = list(dict.fromkeys(named))
    histories = [await _known(planner, order_id) for order_id in order_ids]
    idle = [one.order_id for one in histories if not _can(act, one)]
    if idle:
        notes.append(sentence("There is nothing to do for these: {orders}.", orders=", ".join(idle[:10])))
    plan = Plan([NewItem(one, (one,)) for one in order_ids], set(order_ids), notes=notes)
    if act == Act.HOLD:
        plan.moves = ()
        plan.effects = [Effect(one.order_id) for one in histories]
        plan.notes.append(sentence("No money moves by this. What was decided before still goes out."))
    else:
        plan.effects = await planner.compute([one for one in histories if _can(act, one)])
    return plan


def _can(act: str, history: OrderHistory) -> bool:
    if act == Act.HOLD:
        return not history.held
    return history.held if act == Act.RELEASE else history.stuck is not None and not history.held


async def _known(planner: Planner, order_id: str) -> OrderHistory:
    history = await planner.histories.of(order_id) if is_searchable(order_id) else None
    if history is None:
        raise PlanError(sentence("No message about order {order} was received.", order=order_id))
    return history


async def _all_halted(planner: Planner, act: str) -> tuple[list[str], bool]:
    """Return the first orders that are held, or stuck, and whether there are more."""
    async with translated():
        rows = await halted(planner.connection, "", ITEMS_MAX * 2)
    found = [one.order_id for one in rows if (one.held_at is not None if act == Act.RELEASE else one.stuck is not None)]
    return found[:ITEMS_MAX], len(found) > ITEMS_MAX
