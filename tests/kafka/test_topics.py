"""Topics of a broker compared with the registry: differences are reported, and nothing is changed."""

import uuid
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from purchasing_contracts.topics import OUTBOX, TOPICS, Topic

from service.kafka.topics import TopicState, create_topics, differences, replicas_of, shortages, topic_problems
from tests.delivery.service import eventually

READ = TOPICS[0]
AS_IT_SHOULD = {**READ.settings, "min.insync.replicas": "2"}


def said(topic: Topic, found: TopicState | None, lanes: int = 4, replicas: int = 3) -> list[str]:
    return [problem.sentence.removeprefix(f"{topic.name} ") for problem in differences(topic, found, lanes, replicas)]


async def test_differences_at_the_broker_are_reported_setting_by_setting(kafka):
    topic = replace(READ, name=f"altered-{uuid.uuid4().hex[:8]}")
    settings = {"cleanup.policy": "compact", "retention.ms": "60000", "min.insync.replicas": "2"}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic.name, 3, 1, topic_configs=settings)])

    async def visible() -> bool:
        return topic.name in await admin.list_topics()

    await eventually(visible, f"{topic.name} at the broker")
    await admin.close()
    where = {"bootstrap_servers": kafka}

    assert await create_topics(where, 4, [topic]) == []
    assert [(problem.sentence, problem.stops) for problem in await topic_problems(where, 4, [topic])] == [
        (f"{topic.name} has 3 partitions and should have 6", False),
        (f"{topic.name} has cleanup.policy=compact and should have delete", False),
        (f"{topic.name} has message.timestamp.type=CreateTime and should have LogAppendTime", False),
        (f"{topic.name} has retention.ms=60000 and should have {topic.settings['retention.ms']}", False),
        # There is one broker: asked for two replicas, it takes no record.
        (f"{topic.name} has min.insync.replicas=2 and should have 1", False),
    ]


async def test_created_topics_have_their_settings(kafka):
    topic = replace(READ, name=f"created-{uuid.uuid4().hex[:8]}")
    where = {"bootstrap_servers": kafka}
    assert await create_topics(where, 4, [topic]) == [topic.name]
    assert await topic_problems(where, 4, [topic]) == []


@pytest.mark.parametrize(("brokers", "replicas"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_topics_are_replicated_three_times_where_there_are_brokers_for_it(brokers, replicas):
    assert replicas_of(READ, brokers) == replicas


def test_an_installation_may_have_a_number_of_replicas_of_its_own():
    assert replicas_of(READ, brokers=3, replicas=2) == 2


def test_with_one_broker_the_missing_durability_is_reported():
    (sentence,) = shortages({"__consumer_offsets": 1, "__transaction_state": 1}, brokers=1)
    assert sentence.startswith(
        "one broker answers: if there is no other, nothing is read or published while it is away"
    )


def test_kafkas_own_topics_with_too_few_replicas_are_named_with_what_stops():
    (sentence,) = shortages({"__consumer_offsets": 3, "__transaction_state": 1}, brokers=3)
    assert sentence == (
        "__transaction_state has 1 replicas and should have 3: while a broker is away, lanes whose transactions it has "
        "publish nothing; set the brokers' transaction.state.log.replication.factor, and give the topic more replicas "
        "with kafka-reassign-partitions"
    )
    assert list(shortages({"__consumer_offsets": 2, "__transaction_state": 2}, brokers=3, replicas=2)) == []
    # Topics that this user may not see.
    assert list(shortages({}, brokers=3)) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (TopicState(6, 3, AS_IT_SHOULD), []),
        (TopicState(9, 5, AS_IT_SHOULD), []),
        (TopicState(6, 2, AS_IT_SHOULD), ["has 2 replicas and should have 3"]),
        (TopicState(6, 1, AS_IT_SHOULD | {"min.insync.replicas": "1"}), ["has 1 replicas and should have 3"]),
        (
            TopicState(6, 3, AS_IT_SHOULD | {"min.insync.replicas": "1"}),
            ["has min.insync.replicas=1 and should have 2"],
        ),
        (
            TopicState(6, 3, AS_IT_SHOULD | {"min.insync.replicas": "3"}),
            ["has min.insync.replicas=3 and should have 2"],
        ),
        # This user may not read settings, which is reported once for all topics.
        (TopicState(6, 3, {}), []),
        (None, ["does not exist: create it with `topics create`"]),
    ],
)
def test_replicas_are_compared_by_the_brokers_there_are(found, expected):
    assert said(READ, found) == expected


def test_where_there_is_one_broker_one_replica_is_as_it_should_be():
    assert said(READ, TopicState(6, 1, AS_IT_SHOULD | {"min.insync.replicas": "1"}), replicas=1) == []


def test_the_cursor_topic_has_one_partition_per_lane_and_keeps_its_records():
    settings = {"cleanup.policy": "delete", "min.insync.replicas": "2"}
    for partitions in (3, 5):
        problems = list(differences(OUTBOX, TopicState(partitions, 3, settings), 4, 3))
        assert [problem.stops for problem in problems] == [True, True]
        assert f"has {partitions} partitions and needs 4, one for each lane" in problems[0].sentence
        assert "has cleanup.policy=delete and should have compact" in problems[1].sentence
