"""Check that the database is not older than Kafka, before the worker reads or decides anything.

The relay checks each lane before it publishes. That is too late here: a restored database would meanwhile store new
outputs at the positions of the lost ones, and the lost ones could not be put back.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka.errors import KafkaError

from service.kafka.connection import Kafka
from service.outbox.consistency import older_database
from service.outbox.cursor import CursorUnreadableError, read_tail
from service.outbox.reader import OutboxReader
from service.runtime.retry import SERVERS, attempts
from service.runtime.shutdown import Shutdown
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.errors import StoreUnavailableError
from service.store.postgres import PostgresStore
from service.worker.startup import StartError, waited_for

log = structlog.get_logger("service")

READ_SECONDS = 10.0
WAYS_ON = 'Nothing was read or published. service/docs/runbook.md, "Two stores", says how to go on.'


async def stores_agree(
    kafka: Kafka, url: str, store: PostgresStore, shutdown: Shutdown, waits: Callable[[str], None]
) -> bool:
    """Wait until both can be asked; False if the process was asked to stop first.

    Raises StartError, DatabaseMovedError.
    """
    async for _ in attempts(shutdown.requested, SERVERS):
        try:
            problems = await _older(kafka, url, store)
        except (KafkaError, TimeoutError, StoreUnavailableError) as error:
            reason = waited_for(error)
            waits(f"the cursor topic: {reason}")
            log.warning(
                "startup_waiting",
                message="Startup waits for something.",
                waiting_for="the cursor topic",
                because=reason,
            )
            continue
        if problems:
            raise StartError("\n".join([*problems, WAYS_ON]))
        return True
    return False


async def _older(kafka: Kafka, url: str, store: PostgresStore) -> list[str]:
    problems, installation = [], store.installation
    async with connected(url, store.timeline) as connection, translated():
        journal = OutboxReader(connection)
        for lane in installation.own:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    cursor = (await read_tail(kafka, lane)).cursor
            except CursorUnreadableError:
                # The lane reports it and stops.
                continue
            if cursor is not None and (cursor.outbox_id, cursor.lane) == (str(installation.outbox_id), lane):
                problems.append(await older_database(journal, cursor))
    return [problem for problem in problems if problem]
