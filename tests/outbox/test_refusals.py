"""Which output Kafka won't have: what is said of it names that one, whenever the refusal comes."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalOperation, MessageSizeTooLargeError, TopicAuthorizationFailedError

from service.outbox.cursor import CURSOR_TOPIC, Cursor
from service.outbox.errors import RecordsRefusedError
from service.outbox.publish import publish
from service.outbox.reader import Row

TOPICS = ("purchasing.commands.refund.v1", "purchasing.decisions.v1", "purchasing.commands.refund.v1")
ROWS = [Row(n, topic, "ord-1", b"{}", timed=False) for n, topic in enumerate(TOPICS, 7)]
CURSOR = Cursor(str(uuid.uuid4()), 0, 9, "0" * 64)


class Producer:
    """Refuses a transaction once so many records are sent, as aiokafka's does: the next to send is not told why."""

    def __init__(self, error: Exception, after: int, told: int) -> None:
        self._error, self._after, self._told = error, after, told
        self._sent: list[asyncio.Future[Any]] = []
        self._txn_manager = SimpleNamespace(_transaction_waiter=None)

    async def begin_transaction(self) -> None:
        self._txn_manager._transaction_waiter = asyncio.get_running_loop().create_future()

    async def send(self, *_: Any, **__: Any) -> "asyncio.Future[Any]":
        if len(self._sent) == self._after:
            self._txn_manager._transaction_waiter.set_exception(self._error)
            raise IllegalOperation
        self._sent.append(asyncio.get_running_loop().create_future())
        if len(self._sent) == 4:
            self._sent[self._told].set_exception(self._error)
            for future in self._sent[: self._told]:
                future.set_result(None)
        return self._sent[-1]


@pytest.mark.parametrize(
    ("error", "after", "told", "place"),
    [
        (TopicAuthorizationFailedError({TOPICS[1]}), 3, 0, (8, TOPICS[1])),
        (TopicAuthorizationFailedError({TOPICS[1]}), 4, 0, (8, TOPICS[1])),
        (TopicAuthorizationFailedError({CURSOR_TOPIC}), 1, 0, (9, CURSOR_TOPIC)),
        (TopicAuthorizationFailedError({CURSOR_TOPIC}), 4, 0, (9, CURSOR_TOPIC)),
        (MessageSizeTooLargeError(), 4, 2, (9, TOPICS[2])),
        (MessageSizeTooLargeError(), 4, 3, (9, CURSOR_TOPIC)),
    ],
)
async def test_the_refused_record_is_named(error: Exception, after: int, told: int, place: tuple[int, str]) -> None:
    with pytest.raises(RecordsRefusedError, match=f"^position {place[0]} for {place[1]}: "):
        await publish(Producer(error, after, told), ROWS, CURSOR)
