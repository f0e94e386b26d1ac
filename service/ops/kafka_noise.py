"""What aiokafka leaves behind for the event loop to complain about.

When a producer is thrown away after an error, the loop reports the exception of every future inside aiokafka
that nobody awaited, long after the relay has dealt with that error. (Its flood of log lines while a broker is
away is thinned out in `service.ops.logs`.)
"""

import asyncio
import logging
from typing import Any

from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

LEFT_OVER = ("Future exception was never retrieved", "Task exception was never retrieved")


def calm(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop report Kafka's errors in futures that nobody awaited at debug level, and all else as
    before."""
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, KafkaError) and str(context.get("message", "")).startswith(LEFT_OVER):
            log.debug("left over: %s", type(error).__name__)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
