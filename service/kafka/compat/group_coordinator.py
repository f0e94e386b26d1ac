"""Requests to a group's coordinator, and the task that keeps a consumer in its group."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from service.runtime.retry import Backoff, attempts

NO_COORDINATOR = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


T = TypeVar("T")


async def retry_without_coordinator(request: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a group's coordinator. On a new broker, or when it moves, there is none for a second."""
    async for _ in attempts(None, Backoff(first_seconds=0.2, longest_seconds=0.2)):
        with suppress(*NO_COORDINATOR):
            return await request()
    raise AssertionError("without an event attempts never end")


def coordination_task(consumer: Any) -> asyncio.Task[None] | None:
    """Return the task that keeps a consumer in its group. aiokafka has no public way to see that it ended."""
    task: asyncio.Task[None] | None = consumer._coordinator._coordination_task
    return task
