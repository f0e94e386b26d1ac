"""Kafka clients with the settings of the service."""

from typing import Any

from aiokafka import AIOKafkaProducer

from service.kafka.connection import Kafka

TRANSACTION_TIMEOUT_MS = 10_000


REQUEST_TIMEOUT_MS = 5_000


BATCH_BYTES = 131_072


def new_producer(kafka: Kafka, transactional_id: str) -> Any:
    """Create a transactional producer; it is not started.

    The broker aborts a transaction that is open longer than TRANSACTION_TIMEOUT_MS, so that a dead relay without a
    successor does not hold back consumers.
    """
    return AIOKafkaProducer(
        **kafka,
        transactional_id=transactional_id,
        enable_idempotence=True,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        max_batch_size=BATCH_BYTES,
    )
