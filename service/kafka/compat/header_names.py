"""Records with a header name that is not UTF-8, which stop aiokafka.

Kafka's protocol defines a header's name as a string, but brokers do not check it, and several clients send any bytes.
aiokafka then raises UnicodeDecodeError from `getmany` for ever, so one such record would stop its partition. When its
parser in C fails on a batch, this module continues with its parser in Python, which keeps such names as surrogates
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
