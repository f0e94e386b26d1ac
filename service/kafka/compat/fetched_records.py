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
"""Bytes of the records returned at once, before the last. Far more than a usual thousand; eight of the largest."""
HEADER_BYTES = 80
"""Memory of a header beside its name and value, in bytes."""
_LOG_APPEND_TIME = 1

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)

_librarys_fetched_records: Any = fetcher.Fetcher.fetched_records
_librarys_getall: Any = fetcher.FetchResult.getall
_librarys_unpack_records: Any = fetcher.PartitionRecords._unpack_records


def limit_fetched_records() -> None:
    """Patch the consumers of this process. Idempotent.

    Running consumers keep references, so only parts are replaced to which they have none.
    """
    fetcher.Fetcher.fetched_records = _fetched_records
    fetcher.FetchResult.getall = _getall
    fetcher.MemoryRecords = _Records
    fetcher.PartitionRecords = _PartitionRecords


async def _fetched_records(self: Any, *arguments: Any, **more: Any) -> Any:
    """Return at most one portion at once, from all partitions together."""
    token = _left.set([PORTION_BYTES])
    try:
        return await _librarys_fetched_records(self, *arguments, **more)
    finally:
        _left.reset(token)


def _getall(self: Any, max_records: int | None = None) -> list[Any]:
    """Return the rest of a portion from the records of one partition."""
    left = _left.get()
    if left is None:
        # Requested before the patch.
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
    """The records of a partition, and a generator over them that keeps no reference to this object.

    With a cycle between them, a consumer that closes or loses a partition early would leave its fetched records to the
    garbage collector. A poll for the oldest message leaves nearly all of its records: 0.5 MB per second.
    """

    def _unpack_records(self) -> Iterator[Any]:
        records: Iterator[Any] = _librarys_unpack_records(weakref.proxy(self))
        return records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The result of a fetch for a partition, batch by batch."""

    def next_batch(self, *limits: int) -> Any:
        data = self._next_slice
        batch = super().next_batch(*limits)
        return batch if batch is None or batch.magic < MAGIC else _Batch(batch, data)


class _Batch:
    """aiokafka's batch with another iteration over its records."""

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
            # At the last offset, because a record before the consumer's position counts as known.
            last = self._fast.next_offset - 1
            value = unreadable_batch(self._data, offset, error)
            yield DefaultRecord(last, self._fast.max_timestamp, _LOG_APPEND_TIME, None, value, [])

    def _records(self, data: memoryview) -> Iterator[Any]:
        same = data is self._data
        # The broker limits uncompressed batches.
        checks: Iterator[None] = repeat(None) if same or len(data) <= RECORD_MAX else each_within_limits(data)
        returned = 0
        try:
            for _, record in zip(checks, self._fast if same else DefaultRecordBatch(data)):  # noqa: B905 - one is endless
                yield record
                returned += 1
        except UnicodeDecodeError:
            # aiokafka's parser in C failed. The one in Python continues with a record that is checked already.
            rest = islice(AnyNameBatch(data), returned, None)
            for _, record in zip(chain((None,), checks), rest):  # noqa: B905
                yield record
