"""The state of this worker for health and metrics. Its parts are filled in while the worker starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from service.observability.health import Condition, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.observability.poller import Poller
    from service.orders.cache import Cache
    from service.outbox.status import RelayStatus


class Member(Protocol):
    """This worker as a member of the consumer group (`service.inbox.consumer.Inbox`)."""

    failures_in_a_row: int
    """Failed attempts to store the present batch."""
    failed_because: str | None
    assignments: int
    """How often the group assigned its partitions."""
    rebalancing_since: float | None
    """By the monotonic clock; None outside a rebalance."""

    @property
    def assigned(self) -> Mapping[str, int]:
        """This worker's number of partitions per topic."""


class WorkerState:
    """One worker. Parts are None until they exist. `waits_for` says what the start waits for."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.waits_for: str | None = "its parts to be created"
        self.inbox: Member | None = None
        self.relay: RelayReporter | None = None
        self.cache: Cache | None = None
        self.breakers: BreakersReporter | None = None

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
        figures = self.poller.database.value
        seen = frozenset() if figures is None else figures.open_breakers
        return seen if self.breakers is None else self.breakers.open_topics

    def missing(self) -> list[str]:
        """Return a sentence per reason why the worker is not ready."""
        return missing(self.condition())


class BreakersReporter(Protocol):
    """The circuit breakers (`service.inbox.circuit_breaker.CircuitBreakers`)."""

    open_topics: frozenset[str]


class RelayReporter(Protocol):
    """The relay (`service.outbox.relay.Relay`)."""

    def status(self) -> RelayStatus:
        """Return the state of the relay."""
