"""Limits on what aiokafka's consumer returns: at most one transaction's records, and nothing that stops a partition.

By default it limits the number of records and not their size, expands compressed batches without a limit, stops at a
header's name that is not UTF-8, and leaves unread records to Python's garbage collector. So this module replaces two of
its classes and two methods, through undocumented members. `tests/kafka/compat/test_fetched_records.py` notices a
version without them.
"""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy

from service.kafka.compat.compressed_batches import (
    MAGIC,
    RECORD_MAX,
    UnreadableBatchError,
    each_within_limits,
    expanded,
    unreadable_batch,
)
from service.kafka.compat.header_names import AnyNameBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTION_BYTES = 8_000_000
"""Of records handed out at once, before the last. A usual thousand is far less; eight of the largest allowed."""
HEADER_BYTES = 80
"""What a header takes in memory beside its name and value."""
_LOG_APPEND_TIME = 1

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)

_librarys_fetched_records: Any = fetcher.Fetcher.fetched_records
_librarys_getall: Any = fetcher.FetchResult.getall
_librarys_unpack_records: Any = fetcher.PartitionRecords._unpack_records


def limit_fetched_records() -> None:
    """Patch the consumers of this process. Idempotent.

    Consumers may be at work already, so nothing is replaced of which they hold a part.
    """
    fetcher.Fetcher.fetched_records = _fetched_records
    fetcher.FetchResult.getall = _getall
    fetcher.MemoryRecords = _Records
    fetcher.PartitionRecords = _PartitionRecords


async def _fetched_records(self: Any, *arguments: Any, **more: Any) -> Any:
    """Hand out no more than a portion at once, of all partitions together."""
    token = _left.set([PORTION_BYTES])
    try:
        return await _librarys_fetched_records(self, *arguments, **more)
    finally:
        _left.reset(token)


def _getall(self: Any, max_records: int | None = None) -> list[Any]:
    """Hand out what is left of a portion, of what was fetched of one partition."""
    left = _left.get()
    if left is None:
        # Asked for before this was put in place.
        records: list[Any] = _librarys_getall(self, max_records)
        return records
    if not self.check_assignment(self._topic_partition) or not self.has_more():
        return []
    records = []
    while left[0] > 0 and (max_records is None or len(records) < max_records):
        record = next(self._partition_records, None)
        if record is None:
            self._update_position()
            self._partition_records = None
            return records
        records.append(record)
        left[0] -= len(record.key or b"") + len(record.value or b"") + HEADER_BYTES * len(record.headers)
    self._update_position()
    return records


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of a partition, and the generator that goes through them, which doesn't hold them for its part.

    Each holding the other, a consumer that was closed, or that gave a partition up, before all was read would leave
    what it had fetched to the collector. A look for the oldest message leaves nearly all of its: 0.5 MB a second.
    """

    def _unpack_records(self) -> Iterator[Any]:
        records: Iterator[Any] = _librarys_unpack_records(weakref.proxy(self))
        return records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """What a fetch returned for a partition, batch by batch."""

    def next_batch(self, *limits: int) -> Any:
        data = self._next_slice
        batch = super().next_batch(*limits)
        return batch if batch is None or batch.magic < MAGIC else _Batch(batch, data)


class _Batch:
    """aiokafka's batch, but for the way its records are gone through."""

    __slots__ = ("_data", "_fast")

    def __init__(self, fast: Any, data: memoryview) -> None:
        self._fast = fast
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __next__(self) -> Any:
        return next(self._fast)

    def __iter__(self) -> Iterator[Any]:
        offset = self._fast.base_offset
        try:
            for record in self._records(expanded(self._data)):
                yield record
                offset = record.offset + 1
        except UnreadableBatchError as error:
            # At the last offset: a record before where the consumer goes on would be taken for one that it had.
            last = self._fast.next_offset - 1
            value = unreadable_batch(self._data, offset, error)
            yield DefaultRecord(last, self._fast.max_timestamp, _LOG_APPEND_TIME, None, value, [])

    def _records(self, data: memoryview) -> Iterator[Any]:
        same = data is self._data
        # What came uncompressed is no larger than the broker allowed.
        checks: Iterator[None] = repeat(None) if same or len(data) <= RECORD_MAX else each_within_limits(data)
        handed = 0
        try:
            for _, record in zip(checks, self._fast if same else DefaultRecordBatch(data)):  # noqa: B905 - one is endless
                yield record
                handed += 1
        except UnicodeDecodeError:
            # By aiokafka's parser in C. The one in Python goes on; the record that it goes on with is checked already.
            rest = islice(AnyNameBatch(data), handed, None)
            for _, record in zip(chain((None,), checks), rest):  # noqa: B905
                yield record
