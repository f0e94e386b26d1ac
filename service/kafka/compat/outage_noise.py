"""Excess work and noise of aiokafka while a broker is away.

When a producer is discarded after an error, the event loop reports the exception of every future inside aiokafka that
nobody awaited, long after the relay has handled the error. And a consumer that knows of a partition without a leader,
such as one of a deleted topic, and loses its broker asks for metadata thousands of times per second, which takes a
core. `service.observability.logs` thins out the log lines.
"""

import asyncio
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

log = structlog.get_logger("service.kafka")

LEFT_OVER = ("Future exception was never retrieved", "Task exception was never retrieved")


_librarys_metadata_update: Any = AIOKafkaClient._metadata_update


def pause_between_attempts() -> None:
    """Make clients that reached no broker pause (100 ms, as configured) before they ask again. Idempotent."""
    AIOKafkaClient._metadata_update = _metadata_update


async def _metadata_update(self: Any, cluster: Any, topics: Any) -> bool:
    updated = bool(await _librarys_metadata_update(self, cluster, topics))
    if not updated:
        await asyncio.sleep(self._retry_backoff)
    return updated


def quiet_left_over_futures(loop: asyncio.AbstractEventLoop) -> None:
    """Log Kafka's errors in futures that nobody awaited at debug level; report other errors as before."""
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, KafkaError) and str(context.get("message", "")).startswith(LEFT_OVER):
            log.debug(
                "kafka_future_dropped",
                message="Kafka's client left an error in a future that nobody awaited.",
                kind=type(error).__name__,
            )
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
