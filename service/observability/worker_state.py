"""The state of this worker for health and metrics. Its parts are filled in while the worker starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.observability.health import Condition, missing, starting

if TYPE_CHECKING:
    from service.inbox.circuit_breaker import CircuitBreakers
    from service.inbox.consumer import Inbox
    from service.observability.poller import Poller
    from service.orders.cache import Cache
    from service.outbox.relay import Relay


class WorkerState:
    """One worker. Parts are None until they exist. `waits_for` says what the start waits for."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.waits_for: str | None = "its parts to be created"
        self.inbox: Inbox | None = None
        self.relay: Relay | None = None
        self.cache: Cache | None = None
        self.breakers: CircuitBreakers | None = None

    def waits(self, what: str) -> None:
        """Note what the start waits for."""
        self.waits_for = what

    def condition(self) -> Condition:
        """Return the input of `health`."""
        poller, inbox = self.poller, self.inbox
        since = None if inbox is None else inbox.rebalancing_since
        return Condition(
            waits_for=self.waits_for,
            joined=inbox is not None and inbox.assignments > 0,
            rebalancing_for=None if since is None else time.monotonic() - since,
            broker_failures=poller.broker.failures,
            broker_because=poller.broker.because,
            broker_age=poller.broker.age(),
            database_failures=poller.database.failures,
            database_because=poller.database.because,
            database_age=poller.database.age(),
            batch_failures=0 if inbox is None else inbox.failures_in_a_row,
            batch_because=None if inbox is None else inbox.failed_because,
            schema_problem=poller.schema_problem,
            open_breakers=self._open_topics(),
        )

    def _open_topics(self) -> frozenset[str]:
        if self.breakers is not None:
            return self.breakers.open_topics
        figures = self.poller.database.value
        return frozenset() if figures is None else frozenset(row["topic"] for row in figures.open_breakers)

    def starting(self) -> list[str]:
        """The reason why its start waits, in a sentence; empty once it has started."""
        return [] if self.waits_for is None else [starting(self.waits_for)]

    def missing(self) -> list[str]:
        """Return a sentence per reason why the worker is not ready."""
        return missing(self.condition())
