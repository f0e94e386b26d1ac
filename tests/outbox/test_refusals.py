"""The output that Kafka refuses: the report names it, whenever the refusal comes."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    IllegalOperation,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from service.outbox.cursor import CURSOR_TOPIC, Cursor
from service.outbox.errors import RecordsRefusedError
from service.outbox.publish import publish
from service.outbox.reader import Row

TOPICS = ("purchasing.commands.refund.v1", "purchasing.decisions.v1", "purchasing.commands.refund.v1")
ROWS = [Row(n, topic, "ord-1", b"{}", timed=False) for n, topic in enumerate(TOPICS, 7)]
BATCHES = 3
"""Two topics and the cursor's."""
CURSOR = Cursor(str(uuid.uuid4()), 0, 9, "0" * 64)


class Batch:
    """A record batch that takes anything."""

    def append(self, **_: Any) -> object:
        return self


class Producer:
    """Refuses a transaction after some batches, as aiokafka's does: the next send does not learn why."""

    def __init__(self, error: Exception, after: int, told: int) -> None:
        self._error, self._after, self._told = error, after, told
        self._sent: list[asyncio.Future[Any]] = []
        self._txn_manager = SimpleNamespace(_transaction_waiter=None)

    async def begin_transaction(self) -> None:
        self._txn_manager._transaction_waiter = asyncio.get_running_loop().create_future()

    async def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, _batch: Batch, _topic: str, *, partition: int) -> "asyncio.Future[Any]":
        assert partition in {0, 1, 2}
        return await self.send()

    async def send(self, *_: Any, **__: Any) -> "asyncio.Future[Any]":
        if len(self._sent) == self._after:
            self._txn_manager._transaction_waiter.set_exception(self._error)
            raise IllegalOperation
        self._sent.append(asyncio.get_running_loop().create_future())
        if len(self._sent) == BATCHES:
            self._sent[self._told].set_exception(self._error)
            for future in self._sent[: self._told]:
                future.set_result(None)
        return self._sent[-1]


@pytest.mark.parametrize(
    ("error", "after", "told", "place"),
    [
        (TopicAuthorizationFailedError({TOPICS[1]}), 2, 0, (8, TOPICS[1])),
        (TopicAuthorizationFailedError({TOPICS[1]}), BATCHES, 0, (8, TOPICS[1])),
        (TopicAuthorizationFailedError({CURSOR_TOPIC}), 1, 0, (9, CURSOR_TOPIC)),
        (TopicAuthorizationFailedError({CURSOR_TOPIC}), BATCHES, 0, (9, CURSOR_TOPIC)),
        (MessageSizeTooLargeError(), 1, 0, (8, TOPICS[1])),
        (MessageSizeTooLargeError(), BATCHES, 0, (7, TOPICS[0])),
        (MessageSizeTooLargeError(), BATCHES, 1, (8, TOPICS[1])),
        (MessageSizeTooLargeError(), BATCHES, 2, (9, CURSOR_TOPIC)),
    ],
)
async def test_the_refused_record_or_the_first_of_its_batch_is_named(
    error: Exception, after: int, told: int, place: tuple[int, str]
) -> None:
    with pytest.raises(RecordsRefusedError, match=f"^position {place[0]} for {place[1]}: "):
        await publish(Producer(error, after, told), ROWS, CURSOR)


class Missing(Producer):
    """Knows all topics but one."""

    async def partitions_for(self, topic: str) -> set[int]:
        if topic == TOPICS[1]:
            raise UnknownTopicOrPartitionError
        return await super().partitions_for(topic)


async def test_a_record_for_a_topic_that_is_not_there_is_named() -> None:
    with pytest.raises(RecordsRefusedError, match=f"^position 8 for {TOPICS[1]}: UnknownTopicOrPartitionError$"):
        await publish(Missing(AssertionError(), BATCHES, 0), ROWS, CURSOR)
