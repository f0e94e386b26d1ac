"""Callbacks of FastStream and aiokafka: rebalances, and log records."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

log = structlog.get_logger("service.inbox")
faststream = logging.getLogger("service.inbox.faststream")


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Handles rebalances. Calls `given_out(done=False)` when one starts and `given_out(done=True)` when it ends."""

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
        """Note the rebalance only: the current batch is stored anyway, and the next owner knows its facts."""
        self._given_out(done=False)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Settle the offset of each assigned partition."""
        # First of all: a new assignment forgets paused partitions, and fetches from them once it has positions.
        self._given_out(done=True)
        by_topic = {topic: sorted(p.partition for p in assigned if p.topic == topic) for topic in self._topics}
        log.info("partitions_assigned", message="Partitions assigned.", **by_topic)
        await self._settle_all(assigned)


class LibraryLog:
    """Filter for FastStream's log: no texts of errors, which it puts into its messages, and no routine lines."""

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, **_extra: object) -> None:
        """Log warnings and errors."""
        text = str(msg)
        if isinstance(exc_info, BaseException):
            text = text.partition(":")[0]
        if level >= logging.WARNING and not text.startswith("Auto create topics is disabled"):
            faststream.log(level, text, exc_info=exc_info)
