"""Requests to a group's coordinator, and the tasks that keep a consumer in its group and fetch for it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from service.runtime.retry import Backoff, attempts

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

NO_COORDINATOR = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


T = TypeVar("T")


async def retry_without_coordinator(request: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a group's coordinator. On a new broker, or when it moves, there is none for a second."""
    async for _ in attempts(None, Backoff(first_seconds=0.2, longest_seconds=0.2)):
        with suppress(*NO_COORDINATOR):
            return await request()
    raise AssertionError("without an event attempts never end")


def lasting_tasks(consumer: Any) -> list[asyncio.Task[None]]:
    """Return the tasks that keep a consumer in its group, fetch records and send heartbeats, as far as it has them now.

    aiokafka has no public way to see that one of them failed: without the first every poll raises, without the second
    no poll returns a record, and without the third, which is a new one in each generation of the group, the broker
    removes the member and nothing makes it join again.
    """
    coordinator = consumer._coordinator
    tasks = (
        coordinator._coordination_task,
        getattr(consumer._fetcher, "_fetch_task", None),
        getattr(coordinator, "_heartbeat_task", None),
    )
    return [task for task in tasks if task is not None]
