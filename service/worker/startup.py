"""Prerequisites of a worker's start: wait for those that may come back, else report that a person is needed."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from aiokafka.errors import KafkaError

from service.kafka.cells import group_problem
from service.kafka.connection import Kafka
from service.kafka.topics import TopicProblem, topic_problems
from service.observability.reachability import broker_problem, database_problem
from service.runtime.error_classes import kafka_meaning
from service.runtime.errors import describe
from service.runtime.retry import SERVERS, attempts
from service.runtime.shutdown import Shutdown
from service.store.errors import StoreUnavailableError
from service.store.migrate import schema_problem
from service.store.postgres import PostgresStore
from service.store.timeline import Timeline

log = structlog.get_logger("service")

Waits = Callable[[str], None]
"""Called with what the start waits for, and why."""


class StartError(Exception):
    """The service can't start before a person acts. The text says what to do, one sentence per line."""


async def store_ready(url: str, shutdown: Shutdown, waits: Waits) -> PostgresStore | None:
    """Wait until PostgreSQL can be reached and open the store; None if the process was asked to stop first.

    The process ends if a later connection meets another timeline of the database. Raises StartError,
    SchemaError, NotAllowedError.
    """
    opened: list[PostgresStore] = []

    async def look() -> str | None:
        if reason := await database_problem(url):
            return reason
        timeline = Timeline(shutdown.because_of)
        try:
            if problem := await schema_problem(url, timeline):
                raise StartError(problem)
            opened.append(await PostgresStore.open(url, timeline=timeline))
        except StoreUnavailableError as error:
            # The database went away in between.
            return str(error)
        return None

    if not await _available(look, "PostgreSQL", shutdown, waits):
        return None
    return opened[0]


def refuse_foreign_group(group: str, store: PostgresStore) -> None:
    """Raise StartError if the consumer group is not that of the database's lanes."""
    if problem := group_problem(group, store.installation.own, store.installation.lanes):
        raise StartError(problem)


async def topics_ready(kafka: Kafka, lanes: int, replicas: int | None, shutdown: Shutdown, waits: Waits) -> bool:
    """Wait until the broker can be reached; False if the process was asked to stop first. Raises StartError."""
    if not await _available(partial(broker_problem, kafka), "Kafka", shutdown, waits):
        return False
    problems: list[TopicProblem] = []

    async def compare() -> str | None:
        try:
            problems[:] = await topic_problems(kafka, lanes, replicas=replicas)
        except KafkaError as error:
            return waited_for(error)
        return None

    if not await _available(compare, "Kafka", shutdown, waits):
        return False
    if stops := [problem.sentence for problem in problems if problem.stops]:
        raise StartError("\n".join(stops))
    for problem in problems:
        log.warning("topic_differs", message="A topic differs from the registry.", problem=problem.sentence)
    return True


def waited_for(error: BaseException) -> str:
    """Return the reason to wait, in one line. Raises StartError if only a person can help."""
    if isinstance(error, KafkaError) and kafka_meaning(error).is_for_a_person:
        raise StartError(f"Kafka refused a request: {describe(error)}.") from None
    return describe(error)


async def _available(problem: Callable[[], Awaitable[str | None]], what: str, shutdown: Shutdown, waits: Waits) -> bool:
    async for _ in attempts(shutdown.requested, SERVERS):
        reason = await problem()
        if reason is None:
            return True
        waits(f"{what}: {reason}")
        log.warning("startup_waiting", message="Startup waits for something.", waiting_for=what, because=reason)
    return False
