"""Records with a header whose name is not UTF-8, which aiokafka can't read past.

Kafka's protocol calls a header's name a string, but brokers don't look, and several clients send whatever bytes they
are given. aiokafka then raises UnicodeDecodeError from `getmany`, for ever: one such record would stop its partition.
So record batches come from classes that, where aiokafka's parser (in C) gives up on a batch, read it once more with
its parser in Python, with such names kept as surrogates (`b"\\xff"` becomes `"\\udcff"`), byte for byte.

It needs members of aiokafka that are not documented; `tests/inbox/test_header_names.py` notices when a version has
others.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def tolerate_any_header_name() -> None:
    """From now on, consumers of this process read such records. Doing it twice does nothing twice."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types
    """What a fetch returned for a partition, batch by batch."""

    def next_batch(self, *limits: int) -> Any:
        data = self._next_slice
        batch = super().next_batch(*limits)
        return batch if batch is None or batch.magic < 2 else _Batch(batch, data)


class _Batch:
    """aiokafka's batch, but for the way its records are gone through."""

    __slots__ = ("_data", "_fast")

    def __init__(self, fast: Any, data: Any) -> None:
        self._fast = fast
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __next__(self) -> Any:
        return next(self._fast)

    def __iter__(self) -> Iterator[Any]:
        try:
            # All at once: a batch that fails in its middle must not be half handed out.
            return iter(list(self._fast))
        except UnicodeDecodeError:
            return iter(list(_AnyNameBatch(self._data)))


class _AnyNameBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """The parser in Python, on bytes that decode whatever they are."""

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self._buffer: bytearray = _Bytes(self._buffer)

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Bytes(bytearray):
    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _Bytes(part) if isinstance(index, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)
