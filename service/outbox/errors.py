"""What can go wrong in the relay, and what is then done.

| what | then |
|---|---|
| `LaneStopped` | Kafka and database contradict each other: it stands until assigned anew |
| records refused | each gets a transaction of its own; the one refused alone stops the lane, which tries on |
| fenced | somebody initialised this lane after us: given up until the group says anew that it is ours |
| anything else | the producer is thrown away, the lane starts over after a pause |

aiokafka raises more than KafkaError (an AssertionError after a fence, for one), so nothing narrower than
Exception will do.
"""

from collections.abc import Awaitable

from aiokafka import errors as kafka

from service.runtime.error_classes import ErrorClass, kafka_errors
from service.runtime.errors import catch_unexpected

REFUSALS: tuple[type[BaseException], ...] = (
    *kafka_errors(ErrorClass.VALUE),
    # Of the record's topic: others may well be had.
    kafka.TopicAuthorizationFailedError,
    kafka.UnknownTopicOrPartitionError,
    kafka.InvalidTopicError,
)
"""Kafka won't have this record, however often it is sent."""


FENCES = kafka_errors(ErrorClass.FENCED)


class LaneStopped(Exception):  # noqa: N818 - a state of the lane that is raised to get there
    """The lane publishes nothing more; the text says why and at which position, and never what the output
    says."""


class RecordsRefusedError(Exception):
    """Kafka refused a record of a transaction: the one at `position`, if it was `alone`, else that one or one
    sent with it in one transaction, which went `until` that position. `topic` is the record's (the cursor's,
    where that was refused), `because` the error's name."""

    def __init__(self, position: int, topic: str, because: str, *, alone: bool, until: int) -> None:
        super().__init__(f"position {position} for {topic}: {because}")
        self.alone = alone
        self.until = until


async def outcome(work: Awaitable[None]) -> Exception | None:
    """Wait for it and return what it raised. Cancellation passes through."""
    raised: list[Exception] = []
    with catch_unexpected(raised.append):
        await work
    return raised[0] if raised else None


def is_fence(error: BaseException) -> bool:
    """Whether somebody else initialised this transactional id, or the broker gave our transaction up: our
    epoch is over."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FENCES):
            return True
        # What aiokafka says to whoever uses a producer after it was fenced.
        if isinstance(seen, AssertionError) and "Invalid state transition" in str(seen):
            return True
        seen = seen.__cause__
    return False
