"""The records that the consumer hands out of a fetch: no more at once than a transaction should have, past any
header."""

import asyncio
import gc
import weakref
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from service.kafka.compat import fetched_records as fetched
from service.kafka.compat.fetched_records import HEADER_BYTES, PORTION_BYTES, limit_fetched_records
from tests.batches import NAMES, NONE, ZSTD, compressed, record

MEGABYTE = 1_000_000
ALL = 1_000


class Fetched:
    """A consumer's fetcher with what was fetched of some partitions, connected to nothing."""

    def __init__(self, *partitions):
        self.states = {}
        self.fetcher = fetcher.Fetcher.__new__(fetcher.Fetcher)
        self.fetcher._subscriptions = SimpleNamespace(reassignment_in_progress=False)
        self.fetcher._wait_consume_future = None
        self.fetcher._notify = lambda _: None
        self.fetcher._records = {}
        for number, data in enumerate(partitions):
            where = TopicPartition("t", number)
            self.states[where] = SimpleNamespace(paused=False, position=0)
            self.states[where].consumed_to = lambda to, at=self.states[where]: setattr(at, "position", to)
            self.fetcher._records[where] = fetcher.FetchResult(
                where,
                assignment=SimpleNamespace(active=True, state_value=self.states.get),
                partition_records=fetcher.PartitionRecords(
                    where, fetcher.MemoryRecords(data), [], 0, None, None, True, fetcher.READ_COMMITTED
                ),
                backoff=0,
            )

    async def hand_out(self, at_most=ALL, within=0):
        """Offsets by partition."""
        found = await self.fetcher.fetched_records((), within, max_records=at_most)
        return {where.partition: [one.offset for one in records] for where, records in found.items()}

    @property
    def positions(self):
        return [state.position for state in self.states.values()]


def megabytes(*offsets, codec=ZSTD):
    return compressed([record(n - offsets[0], bytes(MEGABYTE)) for n in offsets], codec, offsets[0])


@pytest.mark.parametrize("codec", [NONE, ZSTD])
async def test_no_more_is_handed_out_at_once_than_a_portion_of_all_partitions_together(codec):
    consumer = Fetched(megabytes(*range(3), codec=codec), megabytes(*range(10), codec=codec), megabytes(0, codec=codec))
    assert await consumer.hand_out() == {0: [0, 1, 2], 1: [0, 1, 2, 3, 4]}
    assert consumer.positions == [3, 5, 0]
    assert await consumer.hand_out() == {1: [5, 6, 7, 8, 9], 2: [0]}
    assert consumer.positions == [3, 10, 1]
    assert await consumer.hand_out() == {}


async def test_aiokafka_itself_hands_out_all_that_a_batch_expands_to(log, unpatched):
    await log.append(megabytes(*range(10)))
    assert [len(portion) for portion in await log.read(10)] == [10]


async def test_a_batch_from_the_broker_is_handed_out_in_portions(log):
    await log.append(megabytes(*range(10)))
    assert [len(portion) for portion in await log.read(10)] == [8, 2]


async def test_a_record_larger_than_a_portion_is_handed_out_alone():
    consumer = Fetched(compressed([record(n, bytes(PORTION_BYTES + n)) for n in range(2)], NONE), megabytes(0))
    assert [await consumer.hand_out() for _ in range(3)] == [{0: [0]}, {0: [1]}, {1: [0]}]


async def test_headers_count_for_what_they_take_in_memory():
    a_third = [(b"", None)] * (PORTION_BYTES // HEADER_BYTES // 3)
    consumer = Fetched(compressed([record(n, None, headers=a_third) for n in range(6)], ZSTD))
    assert await consumer.hand_out() == {0: [0, 1, 2, 3]}


async def test_no_more_records_are_handed_out_than_are_asked_for():
    consumer = Fetched(*(compressed([record(n, b"v") for n in range(5)], ZSTD) for _ in range(2)))
    assert await consumer.hand_out(at_most=7) == {0: [0, 1, 2, 3, 4], 1: [0, 1]}
    assert await consumer.hand_out(at_most=7) == {1: [2, 3, 4]}
    assert consumer.positions == [5, 5]


async def test_unread_records_are_freed_with_their_consumer():
    consumer = Fetched(compressed([record(n, b"v") for n in range(5)], NONE))
    assert await consumer.hand_out(at_most=1) == {0: [0]}
    [result] = consumer.fetcher._records.values()
    fetched_records = weakref.ref(result._partition_records)
    assert fetched_records() is not None
    gc.disable()
    try:
        del consumer, result
        assert fetched_records() is None
    finally:
        gc.enable()


async def unread(log):
    """Fetched records of a consumer that has read one of them and was stopped, and whether they are still there."""
    await log.append(compressed([record(n, b"v") for n in range(5)], NONE))
    consumer = log.consumer()
    await consumer.start()
    gc.disable()
    try:
        while not await consumer.getmany(timeout_ms=10_000, max_records=1):
            pass
        [result] = consumer._fetcher._records.values()
        fetched_records = weakref.ref(result._partition_records)
        await consumer.stop()
        del result
        consumer._fetcher._records.clear()
        return fetched_records()
    finally:
        gc.enable()


async def test_aiokafka_itself_leaves_what_it_fetched_to_the_collector(log, unpatched):
    assert await unread(log) is not None


async def test_records_that_nobody_read_are_freed_without_the_collector(log):
    assert await unread(log) is None


async def test_a_consumer_that_waits_for_records_meanwhile_gets_them(monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(fetcher.Fetcher, "fetched_records", fetched._librarys_fetched_records)
        before.setattr(fetcher.FetchResult, "getall", fetched._librarys_getall)
        waiting, whole = Fetched(), Fetched(megabytes(*range(10)))
        arrived = asyncio.get_running_loop().create_future()
        waiting.fetcher._create_fetch_waiter, waiting.fetcher._closed = lambda: arrived, False
        handing_out = asyncio.create_task(waiting.hand_out(within=60))
        await asyncio.sleep(0)
    limit_fetched_records()
    waiting.fetcher._records, waiting.states = whole.fetcher._records, whole.states
    arrived.set_result(None)
    assert await handing_out == {0: list(range(10))}


async def test_a_paused_partition_is_left_where_it_is():
    consumer = Fetched(megabytes(0), megabytes(0))
    consumer.states[TopicPartition("t", 0)].paused = True
    assert await consumer.hand_out() == {1: [0]}
    assert consumer.positions == [0, 1]


def named(names, codec=NONE, base_offset=0):
    """A record a header's name, key and value numbered."""
    headers = [[] if name is None else [(name, b"v"), (b"nothing", None)] for name in names]
    each = [record(n, b"v%d" % n, b"k%d" % n, one) for n, one in enumerate(headers)]
    return compressed(each, codec, base_offset)


def read(data):
    found, records = [], fetcher.MemoryRecords(data)
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        assert not one.is_control_batch
        found += [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in one]
        assert found[-1][0] == one.next_offset - 1
    return found


async def test_aiokafka_itself_stops_at_a_header_name_that_is_not_utf_8(log, unpatched):
    await log.append(named([b"\xff"]))
    async with log.consumer() as consumer:
        for _ in range(2):
            with pytest.raises(UnicodeDecodeError):
                await consumer.getmany(timeout_ms=10_000)


async def test_a_record_with_such_a_name_is_read_from_a_broker(log):
    await log.append(named([b"\xff"]), named([b"behind it"]))
    [first, second] = await log.records(2)
    assert [first.headers[0], second.headers[0]] == [("\udcff", b"v"), ("behind it", b"v")]


@pytest.mark.parametrize("codec", [NONE, *NAMES])
def test_a_record_with_such_a_name_and_its_neighbours_are_read(codec):
    found = read(named([None, b"plain", b"bad\xff\xfe", None], codec))
    assert [(key, value) for _, _, key, value, _ in found] == [(b"k%d" % n, b"v%d" % n) for n in range(4)]
    assert [offset for offset, *_ in found] == [0, 1, 2, 3]
    names = [[name for name, _ in headers] for *_, headers in found]
    assert names == [[], ["plain", "nothing"], ["bad\udcff\udcfe", "nothing"], []]
    assert found[2][4] == [("bad\udcff\udcfe", b"v"), ("nothing", None)]


def test_a_large_compressed_batch_with_such_names_is_read_to_its_end():
    headers = [(b"\xff", None)]
    each = [record(n, bytes(MEGABYTE), b"k", headers if n in {1, 3} else ()) for n in range(5)]
    assert [offset for offset, *_ in read(compressed(each, ZSTD))] == [0, 1, 2, 3, 4]


def test_batches_before_and_behind_such_a_name_are_read():
    log = b"".join(named([name], base_offset=nth) for nth, name in enumerate((b"a", b"\x80", b"b")))
    assert [headers[0][0] for *_, headers in read(log)] == ["a", "\udc80", "b"]


def test_both_readers_return_the_same_records():
    plain = named([b"name", None, "näme".encode()])
    assert read(plain) == [
        (r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in MemoryRecords(plain).next_batch()
    ]
