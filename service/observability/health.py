"""Health of this worker, as a pure function of its state.

| question | answer | asks |
|---|---|---|
| `/livez`: should it be killed? | it answers at all | nothing |
| `/startupz`: has it started? | it joined its group once | nothing; reads the results of `poller` |
| `/readyz`: can it work now? | all conditions below | nothing; reads the results of `poller` |

Ready does not mean busy: a worker without partitions stands by and is ready. A rebalance of less than REBALANCE_SECONDS
and a single failed poll do not count, because leaders move.
"""

from dataclasses import dataclass

FAILURES_IN_A_ROW = 2
LOOK_AGE_SECONDS = 15.0
REBALANCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of a worker. Ages are in seconds; None: never. `waits_for` is None after the start."""

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
    """Return a sentence per reason why the worker is not ready; empty if it is ready."""
    found = []
    if condition.waits_for is not None:
        return [starting(condition.waits_for)]
    if not condition.joined:
        found.append("It has not joined its consumer group yet.")
    elif condition.rebalancing_for is not None and condition.rebalancing_for > REBALANCE_SECONDS:
        found.append(f"Its consumer group has been rebalancing for {condition.rebalancing_for:.0f} seconds.")
    if _away(condition.broker_failures, condition.broker_age):
        found.append(f"Kafka gives no usable answer: {_reason(condition.broker_because, condition.broker_age)}.")
    if _away(condition.database_failures, condition.database_age):
        found.append(
            f"PostgreSQL gives no usable answer: {_reason(condition.database_because, condition.database_age)}."
        )
    if condition.batch_failures >= FAILURES_IN_A_ROW:
        found.append(
            f"Storing the present batch has failed {condition.batch_failures} times: {condition.batch_because}."
        )
    if condition.schema_problem is not None:
        found.append(f"The database's tables: {condition.schema_problem}.")
    if condition.open_breakers:
        found.append(
            f"The circuit breaker is open for {', '.join(sorted(condition.open_breakers))}: look at `quarantine list`, "
            "then run `breaker reset`."
        )
    return found


def starting(waits_for: str) -> str:
    """Return the sentence for a worker that is starting."""
    return f"It is starting and waits for {waits_for}."


def _away(failures: int, age: float | None) -> bool:
    return age is None or failures >= FAILURES_IN_A_ROW or age > LOOK_AGE_SECONDS


def _reason(because: str | None, age: float | None) -> str:
    if because is not None:
        return because
    return "it was not asked yet" if age is None else f"no answer for {age:.0f} seconds"
