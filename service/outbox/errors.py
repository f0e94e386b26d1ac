"""Errors of the relay, and how it handles them.

| error | handling |
|---|---|
| `LaneStopped` | Kafka and the database contradict each other: the lane stops until it is assigned again |
| refused records | each gets a transaction of its own; one that is refused alone stops the lane, which retries |
| fenced | another process initialised this lane later: give it up until the group confirms that this process owns it |
| any other | close the producer, start the lane again after a delay |

aiokafka raises more than KafkaError (an AssertionError after a fence, for example), so the relay catches Exception.
"""

from collections.abc import Awaitable

from aiokafka import errors as kafka

from service.runtime.error_classes import ErrorClass, kafka_errors
from service.runtime.errors import catch_unexpected

REFUSALS: tuple[type[BaseException], ...] = (
    *kafka_errors(ErrorClass.VALUE),
    # About the record's topic: other topics may work.
    kafka.TopicAuthorizationFailedError,
    kafka.UnknownTopicOrPartitionError,
    kafka.InvalidTopicError,
)
"""Kafka refuses this record, however often it is sent."""


FENCES = kafka_errors(ErrorClass.FENCED)


class LaneStopped(Exception):  # noqa: N818 - a state of the lane that is raised to get there
    """The lane publishes no more. The text says why and at which position; it never contains the output's content."""


class RecordsRefusedError(Exception):
    """Kafka refused a record of a transaction.

    If the transaction had one record (`alone`), it is the one at `position`. Otherwise it is that one or another one of
    the same transaction, which ended at position `until`. `topic`: the topic of the refused record, which may be the
    cursor's. `because`: the error's name.
    """

    def __init__(self, position: int, topic: str, because: str, *, alone: bool, until: int) -> None:
        super().__init__(f"position {position} for {topic}: {because}")
        self.alone = alone
        self.until = until


async def outcome(work: Awaitable[None]) -> Exception | None:
    """Await the work and return the exception it raised, or None. Cancellation is not caught."""
    raised: list[Exception] = []
    with catch_unexpected(raised.append):
        await work
    return raised[0] if raised else None


def is_fence(error: BaseException) -> bool:
    """Whether another process initialised this transactional id, or the broker aborted the transaction: the producer's
    epoch is over."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FENCES):
            return True
        # aiokafka raises this when a producer is used after it was fenced.
        if isinstance(seen, AssertionError) and "Invalid state transition" in str(seen):
            return True
        seen = seen.__cause__
    return False
