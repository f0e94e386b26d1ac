"""A sender with librdkafka, at a rate, through all faults of the broker."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaException, Producer

from tests.chaos.records import NUMBER, Sent

FLUSH_SECONDS = 180.0
STEP_SECONDS = 0.02


class Sender:
    """A sender that numbers its records; `sent` has all of them, by number."""

    def __init__(self, bootstrap: str) -> None:
        self.sent: list[Sent] = []
        self.failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                # No duplicates through restarts of the broker, because malformed records are counted one by one.
                "enable.idempotence": True,
                "delivery.timeout.ms": 600_000,
                "linger.ms": 5,
                "message.max.bytes": 1_060_000,
                "queue.buffering.max.kbytes": 524_288,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    async def send(self, records: Iterable[Sent], rate: float) -> None:
        """Send all records, so many per second."""
        begun = time.monotonic()
        for n, record in enumerate(records):
            while not self._queued(record, len(self.sent)):  # noqa: ASYNC110 - librdkafka has no event for it
                await asyncio.sleep(STEP_SECONDS)
            self.sent.append(record)
            ahead = n / rate - (time.monotonic() - begun)
            if ahead > STEP_SECONDS or n % 500 == 0:
                self._producer.poll(0)
                await asyncio.sleep(max(0.0, ahead))

    async def finish(self, delivered: Callable[[], set[int]]) -> None:
        """Wait until the broker has everything, and send the records that the topics lack again, with their numbers.

        Call it when no fault is left. Raises AssertionError as `flush` does. librdkafka may lose a record of an
        idempotent producer in a fault, and report it as delivered all the same (confluentinc/librdkafka#4134). The
        service's promise about a record begins when the topic has it.
        """
        await self.flush()
        for number in sorted(set(range(len(self.sent))) - await asyncio.to_thread(delivered)):
            assert self._queued(self.sent[number], number), "the queue is full although everything was sent"
        await self.flush()

    async def flush(self) -> None:
        """Wait until the broker has everything. Raises AssertionError if it does not."""
        until = time.monotonic() + FLUSH_SECONDS
        while self._producer.flush(0):
            assert time.monotonic() < until, f"{len(self._producer)} records could not be sent"
            await asyncio.sleep(STEP_SECONDS)
        assert not self.failures, self.failures[:5]

    def _queued(self, record: Sent, number: int) -> bool:
        try:
            self._producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=[*record.headers, (NUMBER, str(number).encode())],
                on_delivery=self._on_delivery,
            )
        except BufferError:
            self._producer.poll(0)
            return False
        return True

    def _on_delivery(self, error: Any, _message: Any) -> None:
        if error is not None:
            self.failures.append(str(KafkaException(error)))
