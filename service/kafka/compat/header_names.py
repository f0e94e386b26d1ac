"""Records with a header whose name is not UTF-8, which aiokafka can't read past.

Kafka's protocol calls a header's name a string, but brokers don't look, and several clients send whatever bytes they
are given. aiokafka then raises UnicodeDecodeError from `getmany`, for ever: one such record would stop its partition.
So where its parser in C gives up on a batch, its parser in Python goes on, with such names kept as surrogates
(`b"\\xff"` becomes `"\\udcff"`), byte for byte.
"""

from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy


class AnyNameBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka has no types
    """The parser in Python, of an uncompressed batch, on bytes that decode whatever they are."""

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self._buffer: bytearray = _Bytes(self._buffer)


class _Bytes(bytearray):
    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _Bytes(part) if isinstance(index, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)
