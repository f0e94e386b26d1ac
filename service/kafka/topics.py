"""The service's topics on a broker: create missing ones, and compare them to the registry.

The registry is `purchasing_contracts.topics`. Its number of replicas is for three brokers or more: an installation with
fewer, or with a setting of its own, has fewer. An existing topic is never changed: differences are reported, and a
person who knows the topic's other users decides.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from purchasing_contracts.topics import OUTBOX, TOPICS, Topic

from service.kafka.acls import SEE_SETTINGS
from service.kafka.compat.admin import describe_without_creating
from service.kafka.connection import Kafka
from service.runtime.acl_errors import to_grant

IN_SYNC_SETTING = "min.insync.replicas"
REPLICAS_OF_KAFKAS_OWN = 3
KAFKAS_OWN: Mapping[str, tuple[str, str]] = {
    "__consumer_offsets": ("groups whose offsets it has read nothing", "offsets.topic.replication.factor"),
    "__transaction_state": (
        "lanes whose transactions it has publish nothing",
        "transaction.state.log.replication.factor",
    ),
}
"""Topics that brokers create for themselves: what stops without them, and the brokers' setting for their replicas."""
ONE_BROKER = (
    "one broker answers: if there is no other, nothing is read or published while it is away, and with its disk "
    "what was published is lost; three brokers keep both"
)
VISIBLE_LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.05
EXISTS = 36  # Kafka's error code TOPIC_ALREADY_EXISTS
FORBIDDEN = 29  # and TOPIC_AUTHORIZATION_FAILED


class TopicsError(Exception):
    """The broker did not create a topic. The text names the topic and the broker's reason."""


def partitions_of(topic: Topic, lanes: int) -> int:
    """Return the number of partitions: one per lane for the cursor topic, else that of the registry."""
    return lanes if topic is OUTBOX else topic.partitions


def replicas_of(topic: Topic, brokers: int, replicas: int | None = None) -> int:
    """Return the topic's number of replicas: `replicas`, or the registry's, at most one per broker."""
    return replicas or max(1, min(topic.replicas, brokers))


def settings_of(topic: Topic, replicas: int) -> dict[str, str]:
    """Return the settings of the registry, with the in-sync replicas that are possible."""
    return {**topic.settings, IN_SYNC_SETTING: str(min(topic.in_sync, replicas))}


async def create_topics(
    kafka: Kafka, lanes: int, topics: Iterable[Topic] = TOPICS, replicas: int | None = None
) -> list[str]:
    """Create missing topics and wait until clients can use them. Returns their names.

    `replicas`: the installation's own number. Raises TopicsError, also if there are fewer brokers, and KafkaError
    without a broker.
    """
    wanted = list(topics)
    async with _admin(kafka) as admin:
        present = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in present]
        if not missing:
            return []
        brokers = await _brokers(admin)
        copies = [(topic, replicas_of(topic, brokers, replicas)) for topic in missing]
        answer = await admin.create_topics(
            [
                NewTopic(topic.name, partitions_of(topic, lanes), number, topic_configs=settings_of(topic, number))
                for topic, number in copies
            ]
        )
        refused = [_reason(error) for error in answer.topic_errors if error[1] not in (0, EXISTS)]
        if refused:
            raise TopicsError("the broker did not create " + "; ".join(refused))
        await _visible(admin, [topic.name for topic in missing])
    return [topic.name for topic in missing]


async def partitions_there(admin: Any, topics: Iterable[str]) -> list[TopicPartition]:
    """Return all partitions of the topics, sorted. Raises KafkaError, also if a topic has none."""
    found: list[TopicPartition] = []
    for topic in await describe_without_creating(admin, list(topics)):
        if topic["error_code"] or not topic["partitions"]:
            raise for_code(topic["error_code"] or UnknownTopicOrPartitionError.errno)(topic["topic"])
        found += [TopicPartition(topic["topic"], one["partition"]) for one in topic["partitions"]]
    return sorted(found)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic on the broker. `settings` are empty if the user may not read them."""

    partitions: int
    replicas: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicProblem:
    """One difference between a topic and the registry. `sentence` says what differs and what to do.

    `stops`: the service can't work: the topic is missing, or the cursor topic does not match the lanes or may lose
    cursors. Other differences, such as a shorter retention, may be intended.
    """

    sentence: str
    stops: bool

    def __str__(self) -> str:
        return self.sentence


async def topic_problems(
    kafka: Kafka, lanes: int, topics: Iterable[Topic] = TOPICS, replicas: int | None = None
) -> list[TopicProblem]:
    """Return all differences from the registry; empty if there are none.

    `replicas`: the installation's own number. More partitions are fine, except for the cursor topic, which has one per
    lane. More replicas are fine too. Raises KafkaError without a broker.
    """
    wanted = list(topics)
    async with _admin(kafka) as admin:
        brokers = await _brokers(admin)
        present = dict(await _partitions(admin, wanted))
        settings = await _settings(admin, [topic for topic in wanted if topic.name in present])
        unseen = await _unseen(admin, [topic.name for topic in wanted if topic.name not in present])
    found = {
        name: TopicState(len(partitions), min(len(one["replicas"]) for one in partitions), settings.get(name, {}))
        for name, partitions in present.items()
    }
    problems = [TopicProblem(to_grant(topic.name), stops=True) for topic in wanted if topic.name in unseen]
    for topic in wanted:
        if topic.name not in unseen:
            wanted_replicas = replicas_of(topic, brokers, replicas)
            problems += differences(topic, found.get(topic.name), lanes, wanted_replicas)
    if any(name not in settings for name in present):
        problems.append(TopicProblem(SEE_SETTINGS, stops=False))
    return problems


def differences(topic: Topic, found: TopicState | None, lanes: int, replicas: int) -> Iterator[TopicProblem]:
    """Yield the differences of one topic. `found` is None if the broker does not have it."""
    if found is None:
        yield TopicProblem(f"{topic.name} does not exist: create it with `topics create`", stops=True)
        return
    needed = partitions_of(topic, lanes)
    if topic is OUTBOX and found.partitions != needed:
        sentence = (
            f"{topic.name} has {found.partitions} partitions and needs {needed}, one for each lane of the database"
        )
        yield TopicProblem(sentence, stops=True)
    elif found.partitions < needed:
        yield TopicProblem(f"{topic.name} has {found.partitions} partitions and should have {needed}", stops=False)
    if found.replicas < replicas:
        sentence = f"{topic.name} has {found.replicas} replicas and should have {replicas}"
        yield TopicProblem(sentence, stops=False)
    for name, value in settings_of(topic, found.replicas).items():
        has = found.settings.get(name)
        # Settings that the user may not read are reported once for all topics.
        if has is not None and has != value:
            fatal = topic is OUTBOX and name == "cleanup.policy"
            yield TopicProblem(f"{topic.name} has {name}={has} and should have {value}", stops=fatal)


async def durability_problems(kafka: Kafka, replicas: int | None = None) -> list[str]:
    """Return, as sentences, what the brokers can't promise; `replicas`: the installation's own number.

    Kafka's own topics are left out if this user may not see them. Raises KafkaError without a broker.
    """
    async with _admin(kafka) as admin:
        brokers = await _brokers(admin)
        described = await describe_without_creating(admin, list(KAFKAS_OWN))
    found = {
        topic["topic"]: min(len(one["replicas"]) for one in topic["partitions"])
        for topic in described
        if not topic["error_code"] and topic["partitions"]
    }
    return list(shortages(found, brokers, replicas))


def shortages(found: Mapping[str, int], brokers: int, replicas: int | None = None) -> Iterator[str]:
    """Yield what so many brokers, and Kafka's own topics with these numbers of replicas, can't promise."""
    if brokers == 1:
        yield ONE_BROKER
    needed = min(replicas or REPLICAS_OF_KAFKAS_OWN, brokers)
    for name, (stops, setting) in KAFKAS_OWN.items():
        if found.get(name, needed) < needed:
            yield (
                f"{name} has {found[name]} replicas and should have {needed}: while a broker is away, {stops}; set the "
                f"brokers' {setting}, and give the topic more replicas with kafka-reassign-partitions"
            )


@asynccontextmanager
async def _admin(kafka: Kafka) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _brokers(admin: Any) -> int:
    return len((await admin.describe_cluster())["brokers"])


async def _visible(admin: Any, names: list[str]) -> None:
    # The controller has created them; the brokers that clients ask learn of it a moment later.
    async with asyncio.timeout(VISIBLE_LIMIT_SECONDS):
        while True:
            described = await admin.describe_topics(names)
            partitions = [partition for topic in described for partition in topic["partitions"]]
            if all(topic["error_code"] == 0 for topic in described) and all(
                partition["leader"] >= 0 for partition in partitions
            ):
                return
            await asyncio.sleep(POLL_SECONDS)


async def _partitions(admin: Any, topics: list[Topic]) -> list[tuple[str, list[Any]]]:
    present = set(await admin.list_topics())
    names = [topic.name for topic in topics if topic.name in present]
    described = await admin.describe_topics(names) if names else []
    return [(topic["topic"], topic["partitions"]) for topic in described]


async def _settings(admin: Any, topics: list[Topic]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found = {}
    for answer in await admin.describe_configs(resources):
        for code, _message, _kind, name, entries in answer.resources:
            if code == 0:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _unseen(admin: Any, names: list[str]) -> set[str]:
    """Return the topics that this user may not see; the others do not exist."""
    if not names:
        return set()
    return {
        topic["topic"] for topic in await describe_without_creating(admin, names) if topic["error_code"] == FORBIDDEN
    }


def _reason(error: tuple[Any, ...]) -> str:
    name, code, *message = error
    text = message[0] if message and message[0] else for_code(code).__name__
    return f"{name}: {text}"
