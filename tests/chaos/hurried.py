"""The service with its timeouts cut to a fraction, so that a freeze longer than all of them takes seconds.

`python -m tests.chaos.hurried run` is `python -m service run` otherwise. The long run uses the service as it is.
"""

import dataclasses
import sys

from service.cli import main
from service.inbox import consumer
from service.kafka import clients
from service.outbox import relay
from service.store import postgres
from service.worker import components

SESSION_MS = 2_000
LONGEST_SECONDS = 4.0
"""Longer than those of these timeouts that a frozen process exceeds."""
UNANSWERED_SECONDS = 8.0
"""Longer than the last two of these timeouts."""


def hurry() -> None:
    """Shorten the timeouts: 6 s (relay's session), 10 s (inbox's session, transactions, idle sessions), 30 s, and 30
    and 40 s (a silent database)."""
    consumer.SESSION_TIMEOUT_MS = SESSION_MS
    consumer.HEARTBEAT_MS = SESSION_MS // 5
    assert relay.Relay.__init__.__kwdefaults__ is not None
    relay.Relay.__init__.__kwdefaults__["session_ms"] = SESSION_MS
    clients.TRANSACTION_TIMEOUT_MS = 3_000
    components.RELAY_STATEMENT_SECONDS = 6.0
    short = {"lock": 2_000, "idle": 3_000, "transaction": 10_000, "client": 6_000}
    names = [field.name for field in dataclasses.fields(postgres.SessionLimits)]
    postgres.SessionLimits.__init__.__defaults__ = tuple(short[name] for name in names)


if __name__ == "__main__":
    hurry()
    sys.exit(main())
