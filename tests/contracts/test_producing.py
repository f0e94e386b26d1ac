"""Helps for producers: what would be refused is an error before it is sent, and each client takes what it is given."""

import inspect
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from hypothesis import given
from purchasing_contracts.base import EventData
from purchasing_contracts.clients import CONFLUENT_SETTINGS, to_aiokafka, to_confluent, to_kafka_python
from purchasing_contracts.envelope import Event, decode
from purchasing_contracts.events.order import ReceiptConfirmed
from purchasing_contracts.events.payment import PaymentCaptured, TipPaid
from purchasing_contracts.money import Breakdown, Money
from purchasing_contracts.producing import EventRefusedError, new_event
from purchasing_contracts.records import from_notation, notation_of, record_of
from purchasing_contracts.shipped import examples
from purchasing_contracts.topics import TOPICS

from tests.contracts.strategies import events

with warnings.catch_warnings():
    # What the library does on import is deprecated by Python, more than a hundred times.
    warnings.simplefilter("ignore")
    from kafka import KafkaProducer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TIP = TipPaid(tip_id="tip-1", payment_id="pay-2", amount=Money(currency="CNY", value=5000))
EVENT = new_event(TIP, order_id="ord-1001", source="/payments", event_id="evt-1", time=NOW)
SHAPES = [to_confluent, to_aiokafka, to_kafka_python]


def test_an_event_is_built_as_the_service_will_read_it() -> None:
    shanghai = timezone(timedelta(hours=8))

    event = new_event(
        TIP, order_id="o", source="/p", event_id="e", time=NOW.astimezone(shanghai), traceparent="nonsense"
    )

    assert event == Event("e", "/p", TipPaid.TYPE, "o", NOW, TIP, None)


@pytest.mark.parametrize(
    ("changes", "reason", "place"),
    [
        ({"order_id": ""}, "schema", "/subject"),
        ({"order_id": "o" * 129}, "schema", "/subject"),
        ({"event_id": ""}, "not_cloudevent", "/id"),
        ({"source": "/\0"}, "schema", "/source"),
        ({"time": datetime(1999, 1, 1, tzinfo=UTC)}, "schema", "/time"),
        (
            {
                "data": PaymentCaptured(
                    payment_id="p",
                    breakdown=Breakdown(
                        goods=Money(currency="CNY", value=1),
                        to_warehouse_shipping=Money(currency="EUR", value=1),
                        service_fee=Money(currency="CNY", value=1),
                    ),
                )
            },
            "mixed_currencies",
            "/data/breakdown/to_warehouse_shipping/currency",
        ),
    ],
    ids=["no order", "a long order id", "no id", "NUL in the source", "another century", "two currencies"],
)
def test_an_event_that_would_be_quarantined_cannot_be_built(changes: dict[str, Any], reason: str, place: str) -> None:
    given_ = {"data": TIP, "order_id": "o", "source": "/p", "event_id": "e", "time": NOW, **changes}

    with pytest.raises(EventRefusedError) as raised:
        new_event(given_.pop("data"), **given_)

    assert (raised.value.refusal.reason, raised.value.refusal.place) == (reason, place)
    assert place in str(raised.value)


def test_a_time_without_offset_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"datetime\.now\(UTC\)"):
        new_event(TIP, order_id="o", source="/p", event_id="e", time=datetime(2026, 3, 2))  # noqa: DTZ001


@pytest.mark.parametrize("message", [cls for topic in TOPICS for cls in topic.messages if issubclass(cls, EventData)])
def test_every_event_can_be_built_from_its_example_and_sent_in_both_modes(message: Any) -> None:
    whole = examples(message.TYPE)["whole"].read_bytes()
    data = decode(next(t.name for t in TOPICS if message in t.messages), b"ord-1001", whole, []).data  # type: ignore[union-attr]

    event = new_event(data, order_id="ord-9", source="/us", event_id="e-1", time=NOW)

    for mode in ("structured", "binary"):
        record = record_of(event, mode)
        assert decode(record.topic, record.key, record.value, record.headers) == event


@given(events)
def test_an_event_given_to_a_client_is_read_unchanged(event: Event) -> None:
    for shape in SHAPES:
        for mode in ("structured", "binary"):
            sent = shape(event, mode)
            assert decode(sent["topic"], sent["key"], sent["value"], sent["headers"]) == event


def test_confluent_kafka_takes_the_arguments() -> None:
    producer = Producer({"bootstrap.servers": "localhost:1", "log_level": 0, **CONFLUENT_SETTINGS})
    given_up: list[Any] = []

    for mode in ("structured", "binary"):
        producer.produce(**to_confluent(EVENT, mode), on_delivery=lambda _, message: given_up.append(message.key()))
    producer.purge()
    producer.flush(5)

    assert given_up == [b"ord-1001", b"ord-1001"]


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        (AIOKafkaProducer.send, to_aiokafka),
        (AIOKafkaProducer.send_and_wait, to_aiokafka),
        (KafkaProducer.send, to_kafka_python),
    ],
    ids=["aiokafka.send", "aiokafka.send_and_wait", "kafka-python.send"],
)
def test_the_other_clients_take_the_arguments(method: Any, shape: Any) -> None:
    bound = inspect.signature(method).bind(None, **shape(EVENT))

    assert bound.arguments["key"] == b"ord-1001"
    assert bound.arguments["headers"] == [("content-type", b"application/cloudevents+json")]


def test_an_event_without_members_has_a_value_all_the_same() -> None:
    event = new_event(ReceiptConfirmed(), order_id="o", source="/p", event_id="e", time=NOW)

    assert to_confluent(event, "binary")["value"] == b"{}"


@given(events)
def test_a_record_is_the_same_after_it_was_noted_as_kcat_does(event: Event) -> None:
    for mode in ("structured", "binary"):
        record = record_of(event, mode)
        again = from_notation(notation_of(record))
        assert (again.topic, again.key, again.value, list(again.headers)) == (
            record.topic,
            record.key,
            record.value,
            list(record.headers),
        )
