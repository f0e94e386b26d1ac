"""A proposal as it is found in the database, and whether its preview still holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from service.console.acts.models import EffectModel, MoveModel, PreviewModel
from service.console.acts.planning import replan_of
from service.console.acts.plans import new_planner
from service.operations.acts.money import Move, by_line, moves_of_stored, summed
from service.operations.acts.perform import NEED_ENGINE, stands
from service.operations.sentence import Sentence, sentence
from service.store.operators.act_operations import items, operation
from service.store.operators.proposals import Proposal, changed_orders, commands_since, proposal, repair_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    import asyncpg

    from service.console.parts import Parts
    from service.store.operators.act_operations import ItemRow

    Connection = asyncpg.Connection[asyncpg.Record]


class Found(NamedTuple):
    """A proposal with its items, or with those that are left of it."""

    proposal: Proposal
    items: Sequence[ItemRow]
    is_begun: bool

    @property
    def preview(self) -> PreviewModel:
        """The content that was shown when it was proposed."""
        return PreviewModel.model_validate_json(self.proposal.preview)

    @property
    def orders(self) -> set[str]:
        """The orders that these items move."""
        return {order_id for one in self.items for order_id in one.order_ids}

    @property
    def left(self) -> Found:
        """The same with the items that are not handled yet."""
        return self._replace(items=[one for one in self.items if one.outcome is None])


async def find(connection: Connection, proposal_id: UUID) -> Found | None:
    """Return a proposal; None: there is none of this id. Raises StoreError."""
    one = await proposal(connection, proposal_id)
    if one is None:
        return None
    return Found(one, await items(connection, proposal_id), await operation(connection, proposal_id) is not None)


async def preview_now(console: Parts, connection: Connection, found: Found) -> PreviewModel | None:
    """Return what would follow now of the same items; None: there is nothing left to do. Raises StoreError."""
    one = found.proposal
    planner = await new_planner(console, connection)
    plan = await replan_of(planner, one.act, json.loads(one.given), found.items, await repair_of(connection, one.id))
    return None if plan is None else plan.preview(planner.clock)


async def preview_of_left(connection: Connection, found: Found) -> PreviewModel:
    """Return what was previewed of the items that are left: an order may have others, of which the money moved already.

    Raises StoreError.
    """
    shown, orders = found.preview, found.orders
    already: dict[str, list[tuple[str, bytes]]] = {}
    for order_id, topic, value in await commands_since(connection, found.proposal.id, orders):
        already.setdefault(order_id, []).append((topic, value))
    effects = [
        one.model_copy(update={"moves": _less(one.moves, moves_of_stored(already.get(one.order_id, ())))})
        for one in shown.effects
        if one.order_id in orders
    ]
    total = by_line(Move(**move.model_dump()) for one in effects for move in one.moves)
    return shown.model_copy(update={"effects": effects, "moves": [MoveModel.of(one) for one in total]})


def _less(previewed: Collection[MoveModel], already: Collection[Move]) -> list[MoveModel]:
    gone = [one._replace(commands=-one.commands, amount=None if one.amount is None else -one.amount) for one in already]
    left = summed([*(Move(**one.model_dump()) for one in previewed), *gone])
    return [MoveModel.of(one._replace(commands=max(1, one.commands))) for one in left if _size(one)]


def _size(move: Move | MoveModel) -> int:
    """Return what two moves are compared by: a sum may be commanded at once or in parts."""
    return move.commands if move.amount is None else move.amount


async def moved(console: Parts, connection: Connection, found: Found, shown: PreviewModel) -> list[str]:
    """Return the orders for which other money would move than was shown: the rules also decide by the clock.

    Takes long, so it belongs outside a transaction. Raises StoreError.
    """
    if found.proposal.act not in NEED_ENGINE:
        return []
    now = await preview_now(console, connection, found)
    before, after = _money(shown.effects), {} if now is None else _money(now.effects)
    return sorted(order for order in before.keys() | after.keys() if before.get(order) != after.get(order))


def _money(effects: Sequence[EffectModel]) -> dict[str, dict[tuple[str, str | None, str], int]]:
    return {
        effect.order_id: {(one.type, one.currency, one.line): _size(one) for one in effect.moves}
        for effect in effects
        if effect.moves
    }


def time_moved(orders: Sequence[str]) -> Sentence:
    """Return that time lets other money move for these orders."""
    return sentence(
        "Nothing was done: by the time that has passed, other money would move for {number} of its orders.",
        number=len(orders),
    )


async def changed(
    connection: Connection, found: Found, moved_orders: Sequence[str]
) -> tuple[Sequence[str], Sentence | None]:
    """Return for which orders the preview holds no longer, and why (None: it holds). Raises StoreError."""
    given = json.loads(found.proposal.given)
    if orders := await changed_orders(connection, found.proposal.id, None):
        return orders, sentence(
            "Nothing was done: {number} of its orders have changed since the preview.", number=len(orders)
        )
    if await stands(found.proposal.act, given, connection) != given.get("stands", ""):
        return [], sentence("Nothing was done: pauses or circuit breakers have changed since the preview.")
    return (moved_orders, time_moved(moved_orders)) if moved_orders else ([], None)
