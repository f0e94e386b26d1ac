"""Messages that other teams' clients write: librdkafka with its own partitioner in binary mode, and kcat."""

import asyncio
import json
import shutil
import subprocess
import warnings

import pytest
from confluent_kafka import Producer

from tests.delivery.outside import case_events, order_id, topic_for
from tests.waiting import HANG_SECONDS

ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")


def binary(event):
    """The event in binary mode: attributes in headers, data alone in the value."""
    headers = [(f"ce_{name}", event[name].encode()) for name in ATTRIBUTES]
    return json.dumps(event["data"]).encode(), [*headers, ("content-type", b"application/json")]


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_librdkafka_in_binary_mode_with_its_own_partitioner_is_read(outside, compression):
    order = order_id()
    # librdkafka places keys by CRC-32, so these are other partitions than the Java client's.
    producer = Producer({"bootstrap.servers": outside.bootstrap, "compression.type": compression})
    placed = []
    for event in case_events("13", order):
        value, headers = binary(event)
        producer.produce(
            topic_for(event),
            # Compressible, or librdkafka sends it as it is.
            value + b" " * 2000,
            order.encode(),
            headers=headers,
            on_delivery=lambda error, message: placed.append((error, message.partition())),
        )
        assert producer.flush(30) == 0
    assert [error for error, _ in placed] == [None] * 6
    seen = await outside.until(order, lambda seen: any("refund" in one.topic for one in seen))
    (refund,) = [one.event["data"] for one in seen if one.topic == "purchasing.commands.refund.v1"]
    assert (refund["amount"], refund["line"]) == ({"currency": "CNY", "value": 96200}, "purchase")


async def test_kcat_is_read(outside):
    kcat = shutil.which("kcat")
    if kcat is None:
        warnings.warn("kcat is not installed (apt-get install kcat), so its message was not tried", stacklevel=1)
        return
    order = order_id()
    for event in case_events("11", order):
        await asyncio.to_thread(
            subprocess.run,
            [kcat, "-P", "-b", outside.bootstrap, "-t", topic_for(event), "-K", "\t"],
            input=f"{order}\t{json.dumps(event)}\n".encode(),
            check=True,
            timeout=HANG_SECONDS,
        )
    seen = await outside.until(order, lambda seen: any("refund" in one.topic for one in seen))
    assert [one.event["data"]["line"] for one in seen if "refund" in one.topic] == ["purchase"]
