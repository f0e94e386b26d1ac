"""Compressed batches are expanded within limits: beyond them they are quarantined whole, and what lies behind is
read."""

from dataclasses import replace

import cramjam
import pytest
from aiokafka.record.memory_records import MemoryRecords
from purchasing_contracts.envelope import Refusal

from service.inbox.parser import inbound_record_of
from service.kafka.compat import compressed_batches
from service.kafka.compat.compressed_batches import EXPANDED_MAX, RECORD_MAX, UnreadableBatch, expanded, is_batch
from service.kafka.compat.fetched_records import _Records
from service.operations.quarantine.resolution import inbound_record_of as record_to_replay
from service.store.operators.quarantine import Content, QuarantinedRecord
from tests import batches
from tests.batches import COMPRESS, GZIP, LZ4, NAMES, SNAPPY, ZSTD, batch, record
from tests.inbox.test_parser import RECORD

each_codec = pytest.mark.parametrize("codec", NAMES, ids=NAMES.values())
GOOD = [record(n, b"value %d" % n, b"k", [(b"name", b"v"), (b"none", None)]) for n in range(3)]


def read(data):
    found, records = [], _Records(data)
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        found += one
    return found


def plain(records):
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]


@each_codec
def test_a_batch_is_read_as_aiokafka_reads_it(codec):
    data = batches.compressed(GOOD, codec, base_offset=7)
    assert plain(read(data)) == plain(MemoryRecords(data).next_batch())
    assert len(read(data)) == 3


def test_snappy_is_read_without_the_framing_of_javas_library():
    data = batch(bytes(cramjam.snappy.compress_raw(b"".join(GOOD))), 3, SNAPPY)
    assert [one.value for one in read(data)] == [b"value 0", b"value 1", b"value 2"]


def test_gzip_is_read_as_a_broker_reads_it_member_by_member_and_nothing_behind():
    packed = COMPRESS[GZIP](GOOD[0]) + COMPRESS[GZIP](GOOD[1] + GOOD[2]) + b"whatever is behind"
    assert [one.value for one in read(batch(packed, 3, GZIP))] == [b"value 0", b"value 1", b"value 2"]


def test_an_uncompressed_batch_is_not_looked_into():
    data = memoryview(batches.compressed(GOOD, batches.NONE))
    assert expanded(data) is data


@each_codec
def test_a_batch_beyond_the_limit_is_quarantined_and_later_records_are_read(codec, monkeypatch):
    monkeypatch.setattr(compressed_batches, "EXPANDED_MAX", 1_000_000)
    large = batches.compressed([record(n, bytes(100_000)) for n in range(10)], codec, base_offset=20)
    last, *behind = read(large + batches.compressed(GOOD, codec, base_offset=30))
    assert [one.value for one in behind] == [b"value 0", b"value 1", b"value 2"]
    # Its last offset: there the consumer goes on from, and from the middle too the batch is quarantined.
    assert (last.offset, last.value) == (29, large)

    inbound_record = inbound_record_of(replace(RECORD, offset=29, value=last.value))
    assert (inbound_record.offset, inbound_record.key, inbound_record.value, inbound_record.headers) == (
        20,
        None,
        large,
        (),
    )
    assert isinstance(inbound_record.decoded, Refusal)
    assert (inbound_record.decoded.reason, inbound_record.decoded.place) == ("too_large", "")
    assert inbound_record.decoded.because == (
        "the records at offsets 20 to 29 came in a compressed batch that expands to more than 1,000,000 bytes"
    )


async def test_aiokafka_itself_expands_whatever_a_broker_took(log, unpatched):
    bomb = batches.bomb(20, 1_000_000)
    await log.append(bomb)
    assert sum(len(one.value) for one in await log.records(20)) > 1_000 * len(bomb)


async def test_a_batch_from_the_broker_beyond_the_limit_is_quarantined(log, monkeypatch):
    monkeypatch.setattr(compressed_batches, "EXPANDED_MAX", 1_000_000)
    await log.append(batches.bomb(20, 1_000_000), batches.compressed(GOOD, ZSTD))
    large, *behind = await log.records(4)
    assert (large.offset, type(large.value)) == (19, UnreadableBatch)
    assert [one.value for one in behind] == [b"value 0", b"value 1", b"value 2"]


@each_codec
def test_a_batch_may_expand_up_to_the_limit(codec, monkeypatch):
    records = [record(n, bytes(100_000)) for n in range(10)]
    monkeypatch.setattr(compressed_batches, "EXPANDED_MAX", sum(map(len, records)))
    assert len(read(batches.compressed(records, codec))) == 10
    monkeypatch.setattr(compressed_batches, "EXPANDED_MAX", sum(map(len, records)) - 1)
    assert len(read(batches.compressed(records, codec))) == 1


def test_a_batch_that_expands_a_thousand_times_is_quarantined():
    (one,) = read(batches.bomb(300, 1_000_000))
    assert one.offset == 299
    assert isinstance(one.value, UnreadableBatch)
    assert len(one.value) < 300_000
    assert f"{EXPANDED_MAX:,}" in one.value.refusal.because


def test_a_record_that_is_too_large_is_quarantined_with_the_rest_of_its_batch():
    large = record(3, bytes(RECORD_MAX + 1))
    data = batches.compressed([*GOOD, large, record(4, b"behind it")], ZSTD, base_offset=10)
    *before, rest = read(data)
    assert [one.value for one in before] == [b"value 0", b"value 1", b"value 2"]
    assert (rest.offset, rest.value, rest.value.offset) == (14, data, 13)
    assert rest.value.refusal.reason == "too_large"


def test_records_up_to_that_size_are_each_read():
    size = RECORD_MAX - len(record(0, b"")) - 6
    assert [len(one.value) for one in read(batches.compressed([record(n, bytes(size)) for n in range(2)], LZ4))] == [
        size,
        size,
    ]


BROKEN = {
    "gzip, cut off": batch(COMPRESS[GZIP](b"".join(GOOD))[:-9], 3, GZIP),
    "gzip, none": batch(b"garbage", 3, GZIP),
    "snappy, none": batch(b"\xff\xff\xff\xff\xff\xff", 3, SNAPPY),
    "snappy, cut off": batch(COMPRESS[SNAPPY](b"".join(GOOD))[:-3], 3, SNAPPY),
    "snappy, a length that is none": batch(COMPRESS[SNAPPY](b"")[:16] + b"\xff\xff\xff\xff", 3, SNAPPY),
    "lz4, with something behind": batch(COMPRESS[LZ4](b"".join(GOOD)) + b"garbage", 3, LZ4),
    "zstd, cut off": batch(COMPRESS[ZSTD](b"".join(GOOD))[:-3], 3, ZSTD),
    "no codec that is known": batch(b"".join(GOOD), 3, 5),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_batch_is_quarantined_and_later_records_are_read(data):
    one, *behind = read(data + batches.compressed(GOOD, ZSTD, base_offset=3))
    assert (one.offset, one.value, one.value.refusal.reason) == (2, data, "not_json")
    assert len(behind) == 3


def test_a_batch_quarantined_whole_is_distinguished_from_a_message():
    data = batches.compressed(GOOD, ZSTD)
    assert is_batch(data)
    for other in (None, b"", b"{}", b'{"specversion": "1.0"}' * 10, data[:-1], data[:70], data + b"x", bytes(200)):
        assert not is_batch(other)


def quarantined_record(reason):
    digest = bytes(32)
    return QuarantinedRecord("t", 0, 20, digest, digest, reason, "", 9, None, None, None, None, None, None)


@pytest.mark.parametrize("reason", ["too_large", "not_json"])
def test_its_replay_names_the_remedy(reason):
    data = batches.compressed(GOOD, ZSTD)
    decoded = record_to_replay(quarantined_record(reason), Content(None, data, ())).decoded
    assert (decoded.reason, decoded.place) == (reason, "")
    assert "sent again" in decoded.because
