"""The parser: the parts of a record that FastStream sees, and those that the engine gets."""

from dataclasses import replace

import pytest
from aiokafka import ConsumerRecord
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.parser import AioKafkaBatchParser
from purchasing_contracts.envelope import Refusal

from service.inbox.parser import inbound_record_of, parse_batch, pass_through

TOPIC = "purchasing.events.order.v1"
RECORD = ConsumerRecord(
    topic=TOPIC,
    partition=3,
    offset=41,
    timestamp=1_772_000_000_123,
    timestamp_type=1,
    key=b"ord-1",
    value=b"no JSON",
    checksum=None,
    serialized_key_size=5,
    serialized_value_size=7,
    headers=(),
)

HOSTILE_HEADERS = {
    "none": (),
    "a null value": (("ce_id", None),),
    "not UTF-8": (("ce_id", b"\xff\xfe"),),
    "a null reply_to": (("reply_to", None),),
    "reply_to a topic": (("reply_to", b"purchasing.commands.refund.v1"),),
    "a null content type": (("content-type", None),),
    "a correlation id that is not UTF-8": (("correlation_id", b"\x80"),),
    "the same name twice": (("a", b"1"), ("a", None)),
    "an empty name": (("", b""),),
    "a hundred thousand bytes": (("a", b"\xff" * 100_000),),
}


async def parsed(records):
    original = AioKafkaBatchParser(msg_class=KafkaAckableMessage, regex=None)
    return await parse_batch(records, original.parse_batch)


@pytest.mark.parametrize("headers", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
async def test_a_record_gets_through_with_any_headers(headers):
    record = replace(RECORD, headers=headers)
    message = await parsed((record, RECORD))
    assert message.raw_message == (record, RECORD)
    assert message.reply_to == ""
    assert await pass_through(message) is message


async def test_this_is_needed_because_the_librarys_parser_fails_on_them():
    original = AioKafkaBatchParser(msg_class=KafkaAckableMessage, regex=None)
    for name in ("a null value", "not UTF-8"):
        with pytest.raises((AttributeError, UnicodeDecodeError)):
            await original.parse_batch((replace(RECORD, headers=HOSTILE_HEADERS[name]),))


@pytest.mark.parametrize("headers", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_the_engine_gets_the_record_byte_for_byte(headers):
    inbound_record = inbound_record_of(replace(RECORD, headers=headers))
    assert (inbound_record.topic, inbound_record.partition, inbound_record.offset) == (TOPIC, 3, 41)
    assert (inbound_record.key, inbound_record.value, tuple(inbound_record.headers)) == (b"ord-1", b"no JSON", headers)
    assert isinstance(inbound_record.decoded, Refusal)


@pytest.mark.parametrize(("key", "value"), [(None, None), (None, b"{}"), (b"\xff", b"{}"), (b"", b"")])
def test_a_record_without_a_key_or_a_value_is_an_arrival_like_any_other(key, value):
    inbound_record = inbound_record_of(replace(RECORD, key=key, value=value))
    assert (inbound_record.key, inbound_record.value) == (key, value)
    assert isinstance(inbound_record.decoded, Refusal)
