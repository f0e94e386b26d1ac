"""Folded orders, kept for their next batch."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from service.orders.state import OrderState

FACTS_MAX = 100_000
"""About 3 KB each: 300 MB in all."""


class Cache:
    """The least recently used go first once there are more than `facts_max` facts in all (an order of none counts one).

    A state is valid while its token equals that of the order's row under the lock: another worker's batch, an older
    backup or a failed commit leave another token there. Whoever fills it does so after COMMIT has returned.
    """

    def __init__(self, facts_max: int = FACTS_MAX) -> None:
        self._facts_max = facts_max
        self._states: OrderedDict[str, OrderState] = OrderedDict()
        self._facts = 0
        self.hits = 0
        """How often a state was found."""
        self.misses = 0

    @property
    def facts(self) -> int:
        """How many facts are kept."""
        return self._facts

    def __len__(self) -> int:
        """Return how many orders are kept."""
        return len(self._states)

    def get(self, order_id: str, version: UUID) -> OrderState | None:
        """Return the order's state if it is that of this token."""
        state = self._states.get(order_id)
        if state is None or state.version != version:
            self.misses += 1
            return None
        self.hits += 1
        self._states.move_to_end(order_id)
        return state

    def fill(self, states: Iterable[tuple[str, OrderState]]) -> None:
        """Keep these states, and let go of the least recently used beyond the limit."""
        for order_id, state in states:
            self._forget(order_id)
            self._states[order_id] = state
            self._facts += _size(state)
        while self._facts > self._facts_max and self._states:
            _, oldest = self._states.popitem(last=False)
            self._facts -= _size(oldest)

    def drop(self, order_ids: Iterable[str]) -> None:
        """Forget these orders."""
        for order_id in order_ids:
            self._forget(order_id)

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()
        self._facts = 0

    def _forget(self, order_id: str) -> None:
        state = self._states.pop(order_id, None)
        if state is not None:
            self._facts -= _size(state)


def _size(state: OrderState) -> int:
    return len(state.facts) or 1
