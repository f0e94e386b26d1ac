"""Play the stories with a Kafka, a PostgreSQL, the service as a process, and an ordinary client of the topics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.topics import TOPICS

from service.demo.narration import narrate
from service.demo.stories import TimePasses
from service.embedded import EmbeddedStack
from service.kafka.topics import create_topics
from service.store.connection import connect
from service.store.migrate import migrate
from service.store.substitute_clock import EVENTS, pass_time, set_clock
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from service.demo.stories import Step, Story
    from service.store.driver import Connection

GROUP = "purchasing"
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.05
GOODBYE_SECONDS = 20.0


class DemoError(Exception):
    """The demo can't continue. The text says why and where the logs are."""


async def play(
    stories: Sequence[Story],
    directory: Path,
    progress: Callable[[str], None],
    show: Callable[[list[str], str], Awaitable[None]],
) -> None:
    """Play the stories and show the lines of their timelines. Raises EmbeddedError and DemoError.

    `show` is given the lines and the URL of the database; service, broker and database run until it returns. Stops
    everything it started, also on an interrupt. Logs stay in `directory`.
    """
    async with EmbeddedStack(directory, temporary=True, progress=progress) as stack:
        dsn, bootstrap = stack.postgres.dsn, stack.kafka.bootstrap_servers
        progress("Creating tables and topics")
        await migrate(dsn, roles=True)
        await set_clock(dsn, EVENTS)
        connection = await connect(dsn, Timeline())
        lanes = await connection.fetchval("select lanes from installation")
        await create_topics({"bootstrap_servers": bootstrap}, lanes)
        progress("Starting the service (python -m service run)")
        async with _service(bootstrap, dsn, directory) as process, _Client(bootstrap, connection, process) as client:
            lines: list[str] = []
            for story in stories:
                progress(f"Playing {story.order_id}: {len(story.steps)} steps")
                lines += narrate(story, [(step, await client.take(step, story.order_id)) for step in story.steps])
            await show(lines, dsn)
        await connection.close()


@contextlib.asynccontextmanager
async def _service(bootstrap: str, dsn: str, directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service as a process that logs to `service.log`."""
    settings = {
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "PURCHASING_DATABASE_URL": dsn,
        "PURCHASING_CONSUMER_GROUP": GROUP,
        "PURCHASING_HTTP_PORT": "0",
        "PURCHASING_PROCESSES": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")}
    with (directory / "service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service", "run", env=kept | settings, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


class _Client:
    """An ordinary client of the topics. It queries the database only to know when everything was published."""

    def __init__(self, bootstrap: str, connection: Connection, process: asyncio.subprocess.Process) -> None:
        self._connection = connection
        self._process = process
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        self._seen: dict[int, int] = {}

    async def __aenter__(self) -> _Client:
        await self._producer.start()
        await self._admin.start()
        await self._consumer.start()
        out = [topic for topic in TOPICS if topic.direction == "out"]
        self._consumer.assign([TopicPartition(t.name, p) for t in out for p in range(t.partitions)])
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._producer.stop()
        await self._consumer.stop()
        await self._admin.close()

    async def take(self, step: Step, order_id: str) -> list[Any]:
        """Send a record or let time pass; return the outputs that the order published because of it."""
        if isinstance(step, TimePasses):
            await pass_time(self._connection, step.until)
            await self._until(self._nothing_due, "to decide what is due")
        else:
            await self._producer.send_and_wait(step.topic, value=step.value, key=step.key.encode())
            await self._until(self._all_handled, "to handle what was sent")
        published: dict[str, list[Any]] = defaultdict(list)

        async def all_read() -> bool:
            batches = await self._consumer.getmany(timeout_ms=200)
            for record in [record for batch in batches.values() for record in batch]:
                headers = dict(record.headers)
                lane, position = int(headers["lane"]), int(headers["position"])
                self._seen[lane] = max(position, self._seen.get(lane, 0))
                attributes, data = decode_published(record.value)
                published[attributes["subject"]].append(data)
            rows = await self._connection.fetch("select lane, position from lanes where position > 0")
            return all(self._seen.get(row["lane"], 0) >= row["position"] for row in rows)

        await self._until(all_read, "to publish its answers")
        return sorted(published[order_id], key=lambda data: getattr(data, "order_version", 0))

    async def _nothing_due(self) -> bool:
        """Return whether every passed deadline has fired."""
        due = "select exists (select from orders, test_clock where due_at < at and stuck is null)"
        return not await self._connection.fetchval(due)

    async def _all_handled(self) -> bool:
        """Return whether the service has committed all offsets of the event topics."""
        partitions = [TopicPartition(t.name, p) for t in TOPICS if t.direction == "in" for p in range(t.partitions)]
        ends = await self._consumer.end_offsets(partitions)
        try:
            committed = await self._admin.list_consumer_group_offsets(GROUP)
        except GroupCoordinatorNotAvailableError:
            return False  # a fresh broker is still creating its topic for groups
        return all(
            end == 0 or (partition in committed and committed[partition].offset >= end)
            for partition, end in ends.items()
        )

    async def _until(self, done: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await done():
                    if self._process.returncode is not None:
                        raise DemoError("The service ended by itself; its log, service.log, says why.")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            message = f"The service took more than {PATIENCE_SECONDS:.0f} s {what}; see service.log."
            raise DemoError(message) from None
