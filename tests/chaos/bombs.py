"""Small batches that grow: compressed, a megabyte of one byte takes a kilobyte, and a broker limits the compressed
size."""

from aiokafka import AIOKafkaProducer
from purchasing_contracts.events.payment import PaymentCaptured
from purchasing_contracts.topics import topic_of

from tests.chaos.records import NUMBER, Sent

TOPIC = topic_of(PaymentCaptured).name
MEGABYTE = 1_000_000


async def drop(bootstrap: str, first: int, records: int, compression: str = "gzip", partition: int = 0) -> list[Sent]:
    """Send one batch of so many records of a megabyte of zeros each, numbered from `first`; returns them."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=compression,
        max_batch_size=(records + 1) * (MEGABYTE + 1_000),
        max_request_size=(records + 1) * (MEGABYTE + 1_000),
        request_timeout_ms=120_000,
    )
    await producer.start()
    try:
        batch = producer.create_batch()
        zeros = b"\0" * MEGABYTE
        sent = [Sent(TOPIC, None, zeros, (), "bad", "a bomb") for _ in range(records)]
        for number, one in enumerate(sent, first):
            headers = [(NUMBER, str(number).encode())]
            added = batch.append(timestamp=None, key=one.key, value=one.value, headers=headers)
            assert added is not None, number
        future = await producer.send_batch(batch, TOPIC, partition=partition)
        await future
    finally:
        await producer.stop()
    return sent
