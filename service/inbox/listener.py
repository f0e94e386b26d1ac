"""What FastStream and aiokafka call: when the group gives out its partitions, and when they have something to log."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

log = structlog.get_logger("service.inbox")
faststream = logging.getLogger("service.inbox.faststream")


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """What is done when the group gives out its partitions. `given_out` hears `done=False` first, `done=True` then."""

    def __init__(
        self,
        topics: Iterable[str],
        settle_all: Callable[[set[TopicPartition]], Awaitable[None]],
        given_out: Callable[..., None],
    ) -> None:
        self._topics = tuple(topics)
        self._settle_all = settle_all
        self._given_out = given_out

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        """Only noted: a batch in hand is stored all the same, and its next owner finds the facts known."""
        self._given_out(done=False)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Settle where each partition goes on."""
        # Before anything waits: a new assignment forgets what was paused, and fetches once it has positions.
        self._given_out(done=True)
        by_topic = {topic: sorted(p.partition for p in assigned if p.topic == topic) for topic in self._topics}
        log.info("partitions_assigned", message="Partitions assigned.", **by_topic)
        await self._settle_all(assigned)


class LibraryLog:
    """What FastStream logs, without the texts of errors that it puts into its messages, and without its
    chat.
    """

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, **_extra: object) -> None:
        """Log what is of interest."""
        text = str(msg)
        if isinstance(exc_info, BaseException):
            text = text.partition(":")[0]
        if level >= logging.WARNING and not text.startswith("Auto create topics is disabled"):
            faststream.log(level, text, exc_info=exc_info)
