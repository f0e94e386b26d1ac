"""Stop Kafka clients in bounded time.

aiokafka's own `stop()` waits for the broker, for ever if it is away. And a producer that had an error is useless: its
next transaction would fail on the same partition. So a producer is not stopped but discarded, through undocumented
members of aiokafka. `tests/kafka/compat/test_client_shutdown.py` notices a version without them.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from itertools import chain
from typing import Any

CANCELS = 50


def transaction_error(producer: Any) -> BaseException | None:
    """Return the error of a producer's present transaction, if it failed."""
    waiter = producer._txn_manager._transaction_waiter
    return waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None


async def throw_away(producer: Any, seconds: float = 2.0) -> None:
    """End all tasks of a producer in any state, within about that time. Nothing is flushed.

    The successor's initialisation or the broker's timeout aborts an open transaction.
    """
    producer._closed = True
    sender, accumulator = producer._sender, producer._message_accumulator
    # Its children first: a cancelled sender awaits them, and with the broker away they never end by
    # themselves.
    await _end([*_tasks_of(sender, accumulator), *filter(None, [sender.sender_task])])
    _retrieve(producer._txn_manager._transaction_waiter)
    for batch in chain.from_iterable(accumulator._batches.values()):
        for future in (batch.future, batch._drain_waiter, *(future for future, _ in batch._msg_futures)):
            _retrieve(future)
    await _within(producer.client.close(), seconds)


async def close_consumer(consumer: Any, seconds: float = 2.0) -> None:
    """Stop a consumer so that it leaves its group; after that time, or if that fails, end all its tasks by force."""
    if not await _within(consumer.stop(), seconds):
        # There are none in a consumer that was never started.
        owners = filter(None, (getattr(consumer, name, None) for name in ("_coordinator", "_fetcher")))
        await _end(_tasks_of(*owners))
        await _within(consumer._client.close(), seconds)


async def _within(work: Awaitable[Any], seconds: float) -> bool:
    """Return whether it succeeded within the time; if it still runs, cancel it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        # `stop()` may end by the cancellation of a task inside it.
        succeeded = task.done() and not task.cancelled() and task.exception() is None
    finally:
        await _end([task])
    return succeeded


async def _end(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel until done: aiokafka's tasks may survive one cancellation, because they await others in `except`."""
    left = [task for task in tasks if not _retrieve(task)]
    for _ in range(CANCELS):
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.sleep(0.01)
        left = [task for task in left if not _retrieve(task)]


def _retrieve(future: "asyncio.Future[Any] | None") -> bool:
    """Return whether it is done, and mark its exception as seen, because it was reported elsewhere."""
    if future is None:
        return True
    if future.done() and not future.cancelled():
        future.exception()
    return future.done()


def _tasks_of(*owners: object) -> list["asyncio.Future[Any]"]:
    found: list[asyncio.Future[Any]] = []
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        if frame is not None and any(frame.f_locals.get("self") is owner for owner in owners):
            found.append(task)
    return found
