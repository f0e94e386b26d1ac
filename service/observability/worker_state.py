"""What this worker says of itself at any instant: the parts that health and metrics ask, filled in as it starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from service.observability.health import Condition, missing, starting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.observability.poller import Poller
    from service.orders.cache import Cache
    from service.outbox.status import RelayStatus


class Member(Protocol):
    """This worker in the input's consumer group: what `service.inbox.consumer.Inbox` is."""

    failures_in_a_row: int
    """How often the batch in hand could not be stored so far."""
    failed_because: str | None
    assignments: int
    """How often the group has given out its partitions."""
    rebalancing_since: float | None
    """By the monotonic clock; None while it has partitions, or knows that it has none."""

    @property
    def assigned(self) -> Mapping[str, int]:
        """How many partitions of each topic are this worker's."""


class WorkerState:
    """One worker. Parts are None until they exist; `waits_for` says what a start waits for."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.waits_for: str | None = "its parts"
        self.inbox: Member | None = None
        self.relay: RelayReporter | None = None
        self.cache: Cache | None = None
        self.breakers: BreakersReporter | None = None

    def waits(self, what: str) -> None:
        """It is starting, and waits for this."""
        self.waits_for = what

    def condition(self) -> Condition:
        """What health goes by."""
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

    def starting(self) -> list[str]:
        """What its start waits for, in a sentence; empty once it has started."""
        return [] if self.waits_for is None else [starting(self.waits_for)]

    def missing(self) -> list[str]:
        """What keeps it from being ready, a sentence each."""
        return missing(self.condition())


class BreakersReporter(Protocol):
    """What `service.inbox.circuit_breaker.Circuit breakers` is here."""

    open_topics: frozenset[str]


class RelayReporter(Protocol):
    """What `service.outbox.relay.Relay` is here."""

    def status(self) -> RelayStatus:
        """How the relay is doing."""
