"""A reader of Kafka with another client library (librdkafka): records, ends of partitions, a group's offsets."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from confluent_kafka import Consumer, ConsumerGroupState, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

LIMIT = 60.0
RETRY_SECONDS = 0.5

T = TypeVar("T")


class Read(NamedTuple):
    """One record, with its headers as a mapping (the last of each name), and when it was made, or appended if the
    topic has the broker's time, in milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes | None]
    at_ms: int = 0


def _patiently(ask: Callable[[], T]) -> T:
    """Ask again while a broker that was just started lacks leaders or coordinators. Raises KafkaException."""
    until = time.monotonic() + LIMIT
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)


class Outsider:
    """A reader of a broker. Every method raises AssertionError or KafkaException if an answer does not come within
    LIMIT."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def partitions(self, topics: tuple[str, ...]) -> list[TopicPartition]:
        found = _patiently(lambda: self._admin.list_topics(timeout=LIMIT)).topics
        return [TopicPartition(name, number) for name in topics for number in found[name].partitions]

    def ends(self, topics: tuple[str, ...], *, committed: bool) -> dict[tuple[str, int], int]:
        """The end of each partition, for readers of committed records or of all."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        wanted = {partition: OffsetSpec.latest() for partition in self.partitions(topics)}

        def ask() -> dict[tuple[str, int], int]:
            answers = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=LIMIT)
            return {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}

        return _patiently(ask)

    def committed(self, group: str, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
        """The offsets that the group committed, -1001 where it committed none."""
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group, "enable.auto.commit": False})
        try:
            partitions = self.partitions(topics)
            found = _patiently(lambda: consumer.committed(partitions, timeout=LIMIT))
            return {(tp.topic, tp.partition): tp.offset for tp in found}
        finally:
            consumer.close()

    def shares(self, group: str) -> list[int]:
        """The number of partitions of each member of the group; none during a rebalance, when no share is certain."""
        answer = _patiently(
            lambda: self._admin.describe_consumer_groups([group], request_timeout=LIMIT)[group].result()
        )
        if answer.state != ConsumerGroupState.STABLE:
            return []
        return [len(member.assignment.topic_partitions) for member in answer.members]

    def records(self, topics: tuple[str, ...]) -> Iterator[Read]:
        """All committed records of these topics now, in order within each partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"chaos-{uuid.uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 65_536,
                "log_level": 0,
            }
        )
        partitions = self.partitions(topics)
        for partition in partitions:
            partition.offset = 0
        consumer.assign(partitions)
        left = {(tp.topic, tp.partition) for tp in partitions}
        try:
            while left:
                message = consumer.poll(LIMIT)
                assert message is not None, f"no end of {sorted(left)} within {LIMIT} s: a transaction hangs"
                place = (message.topic(), message.partition())
                if message.error():
                    assert message.error().name() == "_PARTITION_EOF", message.error()
                    left.discard(place)
                    continue
                headers = dict(message.headers() or ())
                yield Read(*place, message.offset(), message.key(), message.value(), headers, message.timestamp()[1])
        finally:
            consumer.close()
