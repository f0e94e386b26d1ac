"""A limit: consume and produce in transactions with nothing between. No rules, no database, one record out for one in.

`BENCH_CLIENT`: `aiokafka`, the service's own client, or `librdkafka`, the fastest there is for Python.

python -m tests.bench.pass_through
"""

import asyncio
import os
import signal
import threading
from typing import Any

import confluent_kafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.bench.load import IN

OUT = "purchasing.decisions.v1"
AT_ONCE = 1_000
SECONDS = 10.0


async def with_aiokafka(bootstrap: str, group: str) -> None:
    """Consume and produce until cancelled. Batches are as large as the service's."""
    consumer = AIOKafkaConsumer(
        *IN,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{group}.0", max_batch_size=131_072)
    await consumer.start()
    await producer.start()
    try:
        while True:
            batch = await consumer.getmany(timeout_ms=200, max_records=AT_ONCE)
            if not batch:
                continue
            async with producer.transaction():
                sent: list[Any] = []
                offsets: dict[TopicPartition, int] = {}
                for partition, records in batch.items():
                    sent += [await producer.send(OUT, record.value, record.key) for record in records]
                    offsets[partition] = records[-1].offset + 1
                await asyncio.gather(*sent)
                await producer.send_offsets_to_transaction(offsets, group)
    finally:
        await consumer.stop()
        await producer.stop()


def with_librdkafka(bootstrap: str, group: str, stop: threading.Event) -> None:
    """Run until it is stopped."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{group}.0"})
    producer.init_transactions(SECONDS)
    consumer.subscribe(list(IN))
    while not stop.is_set():
        messages = [one for one in consumer.consume(AT_ONCE, 0.02) if one.error() is None]
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            producer.produce(OUT, message.value(), message.key())
        positions = consumer.position(consumer.assignment())
        moved = [one for one in positions if one.offset >= 0]
        producer.send_offsets_to_transaction(moved, consumer.consumer_group_metadata(), SECONDS)
        producer.commit_transaction(SECONDS)
    consumer.close()


async def main() -> None:
    """Serve until it is stopped."""
    bootstrap, group = os.environ["BENCH_KAFKA"], os.environ["BENCH_GROUP"]
    loop = asyncio.get_running_loop()
    if os.environ["BENCH_CLIENT"] == "aiokafka":
        task = asyncio.create_task(with_aiokafka(bootstrap, group))
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        return
    stop = threading.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.to_thread(with_librdkafka, bootstrap, group, stop)


if __name__ == "__main__":
    asyncio.run(main())
