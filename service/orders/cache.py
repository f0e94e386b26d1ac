"""Cache of folded orders between batches."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from service.orders.state import OrderState

FACTS_MAX = 100_000
"""A fact takes about 3 KB, and an order's bookmark as much as a fact, so 300 MB in all."""


class Cache:
    """Least-recently-used cache of order states, limited to `facts_max` facts in all (an order's bookmark counts as
    one).

    A state is valid while its token equals the one in the order's row, read under the lock. Another worker's batch, an
    older backup or a failed commit leaves another token there. Fill the cache only after COMMIT has returned.
    """

    def __init__(self, facts_max: int = FACTS_MAX) -> None:
        self._facts_max = facts_max
        self._states: OrderedDict[str, OrderState] = OrderedDict()
        self._size = 0
        """Facts and bookmarks."""
        self.hits = 0
        """Number of states found."""
        self.misses = 0

    @property
    def facts(self) -> int:
        """Number of facts in the cache."""
        return self._size - len(self._states)

    def __len__(self) -> int:
        """Return the number of orders in the cache."""
        return len(self._states)

    def get(self, order_id: str, version: UUID) -> OrderState | None:
        """Return the order's state if it has this token."""
        state = self._states.get(order_id)
        if state is None or state.version != version:
            self.misses += 1
            return None
        self.hits += 1
        self._states.move_to_end(order_id)
        return state

    def fill(self, states: Iterable[tuple[str, OrderState]]) -> None:
        """Add these states, then evict the least recently used ones beyond the limit."""
        for order_id, state in states:
            self._forget(order_id)
            self._states[order_id] = state
            self._size += _size(state)
        while self._size > self._facts_max and self._states:
            _, oldest = self._states.popitem(last=False)
            self._size -= _size(oldest)

    def drop(self, order_ids: Iterable[str]) -> None:
        """Remove these orders."""
        for order_id in order_ids:
            self._forget(order_id)

    def clear(self) -> None:
        """Remove all orders."""
        self._states.clear()
        self._size = 0

    def _forget(self, order_id: str) -> None:
        state = self._states.pop(order_id, None)
        if state is not None:
            self._size -= _size(state)


def _size(state: OrderState) -> int:
    return len(state.facts) + 1
