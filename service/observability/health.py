"""Whether this worker can work, as a pure function of what is known of it.

| question | answered by | touches |
|---|---|---|
| `/livez`: should it be killed? | that it answers at all | nothing |
| `/startupz`: has it started? | that it has joined its group once | nothing: the looks of `poller` are what is read |
| `/readyz`: can it work now? | all below | nothing, likewise |

Ready does not mean busy: a worker to whom the group has given no partitions stands by, and is ready. A rebalance is no
reason while it takes no longer than REBALANCE_SECONDS, nor is one look that failed: leaders move.
"""

from dataclasses import dataclass

FAILURES_IN_A_ROW = 2
LOOK_AGE_SECONDS = 15.0
REBALANCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a worker. Ages are in seconds, None: never; `waits_for` is None once it has started."""

    waits_for: str | None = None
    joined: bool = True
    rebalancing_for: float | None = None
    broker_failures: int = 0
    broker_because: str | None = None
    broker_age: float | None = 0.0
    database_failures: int = 0
    database_because: str | None = None
    database_age: float | None = 0.0
    batch_failures: int = 0
    batch_because: str | None = None
    schema_problem: str | None = None
    open_breakers: frozenset[str] = frozenset()


def missing(condition: Condition) -> list[str]:
    """What keeps it from being ready, a sentence each; empty: it is."""
    found = []
    if condition.waits_for is not None:
        return [starting(condition.waits_for)]
    if not condition.joined:
        found.append("It has not joined its consumer group yet.")
    elif condition.rebalancing_for is not None and condition.rebalancing_for > REBALANCE_SECONDS:
        found.append(f"Its consumer group has been rebalancing for {condition.rebalancing_for:.0f} seconds.")
    if _away(condition.broker_failures, condition.broker_age):
        found.append(f"Kafka does not answer as it should: {_reason(condition.broker_because, condition.broker_age)}.")
    if _away(condition.database_failures, condition.database_age):
        found.append(
            f"PostgreSQL does not answer as it should: {_reason(condition.database_because, condition.database_age)}."
        )
    if condition.batch_failures >= FAILURES_IN_A_ROW:
        found.append(
            f"The batch in hand could not be stored {condition.batch_failures} times so far: {condition.batch_because}."
        )
    if condition.schema_problem is not None:
        found.append(f"The database's tables: {condition.schema_problem}.")
    if condition.open_breakers:
        found.append(
            f"The circuit breaker is open for {', '.join(sorted(condition.open_breakers))}: see `quarantine "
            f"list`, `breaker reset`."
        )
    return found


def starting(waits_for: str) -> str:
    """What is said while it starts."""
    return f"It is starting and waits for {waits_for}."


def _away(failures: int, age: float | None) -> bool:
    return age is None or failures >= FAILURES_IN_A_ROW or age > LOOK_AGE_SECONDS


def _reason(because: str | None, age: float | None) -> str:
    if because is not None:
        return because
    return "it was not looked at yet" if age is None else f"no answer for {age:.0f} seconds"
