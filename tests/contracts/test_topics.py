"""The registry of topics."""

import pytest
from purchasing_contracts.base import EventData, MessageData
from purchasing_contracts.events.order import OrderPlaced
from purchasing_contracts.published import PublishedData
from purchasing_contracts.topics import OUTBOX, TOPICS, class_of, topic_of

from tests.contracts.wire import EVENTS, PUBLISHED


def concrete(base: type[MessageData]) -> set[type[MessageData]]:
    """Those of the contract; other tests have versions of the service with messages of their own."""
    return {
        one for one in descendants(base) if "TYPE" in vars(one) and one.__module__.startswith("purchasing_contracts.")
    }


def descendants(base: type[MessageData]) -> set[type[MessageData]]:
    children = set(base.__subclasses__())
    return children.union(*(descendants(child) for child in children))


def test_every_class_of_message_is_on_exactly_one_topic() -> None:
    registered = [message for topic in TOPICS for message in topic.messages]

    assert len(registered) == len(set(registered))
    assert set(registered) == concrete(MessageData)


def test_events_are_read_and_what_is_published_is_written() -> None:
    for topic in TOPICS:
        for message in topic.messages:
            assert issubclass(message, EventData) == (topic.direction == "in")
        assert not any(issubclass(message, PublishedData) for message in topic.messages) or topic.direction == "out"


def test_topics_have_the_names_of_the_specification() -> None:
    assert {topic.name for topic in TOPICS if topic.direction == "in"} == {wire.topic for wire in EVENTS.values()}
    assert {topic.name for topic in TOPICS if topic.direction == "out"} == {wire.topic for wire in PUBLISHED.values()}
    assert [topic.name for topic in TOPICS if topic.direction == "internal"] == ["purchasing.internal.outbox.v1"]


def test_the_broker_stamps_what_is_read_because_deadlines_wait_for_it() -> None:
    stamped = {topic.name for topic in TOPICS if topic.settings.get("message.timestamp.type") == "LogAppendTime"}

    assert stamped == {topic.name for topic in TOPICS if topic.direction == "in"}


def test_only_the_relays_cursor_is_compacted() -> None:
    assert [topic for topic in TOPICS if "compact" in topic.settings["cleanup.policy"]] == [OUTBOX]


def test_a_class_and_its_type_lead_to_each_other() -> None:
    for topic in TOPICS:
        for message in topic.messages:
            assert class_of(message.TYPE) is message
            assert topic_of(message) is topic


def test_a_class_that_is_no_message_is_on_no_topic() -> None:
    assert class_of("purchasing.order.placed.v2") is None
    with pytest.raises(KeyError):
        topic_of(EventData)


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        topic_of(OrderPlaced).settings["retention.ms"] = "1"  # type: ignore[index]


def test_every_class_and_member_has_a_description() -> None:
    for topic in TOPICS:
        for message in topic.messages:
            assert message.__doc__
            for name, member in message.model_fields.items():
                assert member.description, f"{message.__name__}.{name}"
