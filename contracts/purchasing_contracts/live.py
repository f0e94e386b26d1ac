"""Read a live topic, without joining a group, committing, writing or creating anything.

Needs confluent-kafka: `pip install 'purchasing-contracts[live]'`.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Self

from purchasing_contracts.kafka.librdkafka import TokenCallback
from purchasing_contracts.kafka.tokens import TokenError
from purchasing_contracts.records import Record

ANSWER_LIMIT_SECONDS = 10.0
POLL_SECONDS = 0.5


class LiveError(Exception):
    """The topic can't be read. The text says why and what to do."""


class LiveTopic:
    """A topic on a broker. `settings` are librdkafka's: addresses, security and so on."""

    def __init__(self, topic: str, settings: Mapping[str, Any]) -> None:
        try:
            self._kafka: Any = import_module("confluent_kafka")
        except ImportError:
            needed = "reading a live topic needs confluent-kafka: pip install 'purchasing-contracts[live]'"
            raise LiveError(f"{needed}; or pipe `kcat -C -e -J` into `validate -`") from None
        self._topic = topic
        self._problem = ""
        ours = {
            # Required by the client and never used, because partitions are assigned and nothing is committed.
            "group.id": "purchasing-contracts-validate",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "isolation.level": "read_committed",
            "error_cb": self._note,
        }
        self._tokens = settings.get("oauth_cb")
        try:
            if isinstance(self._tokens, TokenCallback):
                self._tokens.fetch_first()
            self._consumer = self._kafka.Consumer({**settings, **ours}, logger=_Quiet())
        except TokenError as error:
            raise LiveError(str(error)) from None
        except (self._kafka.KafkaException, ValueError) as error:
            raise LiveError(f"the Kafka client refuses its settings: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def records(self, *, follow: bool = False) -> Iterator[Record]:
        """Yield the records from the beginning of the topic to its present end; with `follow`, without end.

        Raises `LiveError`.
        """
        open_, silent = self._assign(), 0.0
        while open_ or follow:
            message = self._consumer.poll(POLL_SECONDS)
            if message is None:
                silent += POLL_SECONDS
                if self._problem and silent >= ANSWER_LIMIT_SECONDS and not follow:
                    raise LiveError(f"the broker went away: {self._problem}")
                continue
            silent = 0.0
            error = message.error()
            if error is not None and error.code() == self._kafka.KafkaError._PARTITION_EOF:
                open_.discard(message.partition())
            elif error is not None:
                raise LiveError(f"{self._topic} can't be read: {error.str()}")
            else:
                yield self._record(message)

    def _assign(self) -> set[int]:
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=ANSWER_LIMIT_SECONDS).topics[self._topic]
        except self._kafka.KafkaException as error:
            # Only polling returns the reason.
            self._consumer.poll(0)
            raise LiveError(f"no broker answers: {self._problem or error.args[0].str()}") from None
        if metadata.error is not None:
            raise LiveError(f"{self._topic} can't be read: {metadata.error.str()}")
        beginning = self._kafka.OFFSET_BEGINNING
        partitions = [self._kafka.TopicPartition(self._topic, number, beginning) for number in metadata.partitions]
        self._consumer.assign(partitions)
        return set(metadata.partitions)

    def _record(self, message: Any) -> Record:
        return Record(
            self._topic,
            message.key(),
            message.value(),
            tuple(message.headers() or ()),
            message.partition(),
            message.offset(),
        )

    def _note(self, error: Any) -> None:
        # The error that all brokers are down comes after its reason.
        if not (self._problem and error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN):
            self._problem = getattr(self._tokens, "problem", "") or error.str()


class _Quiet:
    """Drops the client's log, which would repeat our errors on stderr."""

    def log(self, *_: object) -> None:
        """Drop a line."""
