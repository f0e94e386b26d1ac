"""Compressed record batches, expanded within limits.

A broker limits the compressed size of a batch: a megabyte may contain gigabytes, and aiokafka expands it into memory
without a limit. So this module expands batches into limited memory and gives aiokafka's parser the uncompressed batch.
A batch that can't be expanded, or exceeds the limits, is quarantined as it is in the log (`UnreadableBatch`), in place
of its records.
"""

from __future__ import annotations

import zlib
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import TYPE_CHECKING

import cramjam
from aiokafka.record.default_records import DefaultRecordBase, DefaultRecordBatch
from aiokafka.record.util import decode_varint
from purchasing_contracts.messages import Refusal

if TYPE_CHECKING:
    import struct
    from collections.abc import Callable, Iterator

    from purchasing_contracts.quarantine import Reason

EXPANDED_MAX = 128_000_000
"""The limit of an expanded batch in bytes. One megabyte, a topic's limit, expands to 75 million of repetitive JSON."""

RECORD_MAX = 2_000_000
"""The limit of a record in a compressed batch, in bytes. It is twice the contract's limit, so that a record which is a
little too large is quarantined by itself. A record of headers alone takes forty times its size in memory."""

HEADER: struct.Struct = DefaultRecordBase.HEADER_STRUCT
MAGIC = 2
_MAGIC_AT = 16
_ATTRIBUTES_AT = DefaultRecordBase.ATTRIBUTES_OFFSET + 1
_CODEC: int = DefaultRecordBase.CODEC_MASK

_GZIP = b"\x1f\x8b"
_GZIP_PIECE = 1_000_000
_XERIAL = b"\x82SNAPPY\0"
_XERIAL_HEADER = 16
_NO_ROOM = "failed to write whole buffer"


class UnreadableBatchError(Exception):
    """Quarantine the batch, or the rest of it, as it is. The text says why and continues "a compressed batch"."""

    def __init__(self, reason: Reason, because: str) -> None:
        super().__init__(because)
        self.reason: Reason = reason


class UnreadableBatch(bytes):
    """A compressed batch as in the log, in place of its records from `offset` on."""

    offset: int
    refusal: Refusal


def unreadable_batch(batch: memoryview, offset: int, error: UnreadableBatchError) -> UnreadableBatch:
    """Return the batch to quarantine in place of its records from `offset` on."""
    base, *_, last, _, _, _, _, _, _ = HEADER.unpack_from(batch)
    found = UnreadableBatch(batch)
    found.offset = offset
    because = f"the records at offsets {offset} to {base + last} came in a compressed batch that {error}"
    found.refusal = Refusal(error.reason, "", None, because)
    return found


def is_batch(value: bytes | None) -> bool:
    """Return whether the value is such a batch, by its beginning and its checksum."""
    if value is None or len(value) < HEADER.size or value[_MAGIC_AT] != MAGIC or not value[_ATTRIBUTES_AT] & _CODEC:
        return False
    return bool(DefaultRecordBatch(value).validate_crc())


def expanded(batch: memoryview) -> memoryview:
    """Return the batch uncompressed. Raises UnreadableBatchError."""
    codec = batch[_ATTRIBUTES_AT] & _CODEC
    if not codec:
        return batch
    # The system provides this memory only where it is written.
    room = memoryview(mmap(-1, HEADER.size + EXPANDED_MAX, flags=MAP_PRIVATE | MAP_ANONYMOUS))
    room[: HEADER.size] = batch[: HEADER.size]
    room[_ATTRIBUTES_AT] &= ~_CODEC & 0xFF
    try:
        size = _EXPAND[codec](batch[HEADER.size :], room[HEADER.size :])
    except _FullError:
        raise UnreadableBatchError("too_large", f"expands to more than {EXPANDED_MAX:,} bytes") from None
    except (KeyError, zlib.error, cramjam.DecompressionError):
        raise UnreadableBatchError("not_json", "can't be expanded") from None
    return room[: HEADER.size + size]


def each_within_limits(batch: memoryview) -> Iterator[None]:
    """Skip through the records of an expanded batch. Raises UnreadableBatchError before one that is too large."""
    at = HEADER.size
    while at < len(batch):
        size, at = decode_varint(batch, at)
        if size > RECORD_MAX:
            raise UnreadableBatchError("too_large", f"has a record of {size:,} bytes")
        at += max(size, 0)
        yield


class _FullError(Exception):
    pass


def _gzip(data: memoryview, room: memoryview) -> int:
    size, rest = 0, bytes(data)
    while True:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            piece = member.decompress(rest, _GZIP_PIECE)
            rest = member.unconsumed_tail
            if size + len(piece) > len(room):
                raise _FullError
            if not (piece or member.eof):
                raise zlib.error("cut off")
            room[size : size + len(piece)] = piece
            size += len(piece)
        rest = member.unused_data
        # Brokers accept a batch with anything after its last member, and do not read that.
        if not rest.startswith(_GZIP):
            return size


def _snappy(data: memoryview, room: memoryview) -> int:
    size = 0
    for block in _snappy_blocks(data):
        length = cramjam.snappy.decompress_raw_len(block)
        if size + length > len(room):
            raise _FullError
        cramjam.snappy.decompress_raw_into(block, room[size:])
        size += length
    return size


def _snappy_blocks(data: memoryview) -> Iterator[memoryview]:
    """Yield the blocks: Java's library frames blocks by their lengths; other clients send one unframed block."""
    if data[: len(_XERIAL)] != _XERIAL:
        yield data
        return
    at = _XERIAL_HEADER
    while at < len(data):
        begin = at + 4
        at = begin + int.from_bytes(data[at:begin], "big")
        yield data[begin:at]


def _by_cramjam(expand_into: Callable[[memoryview, memoryview], int]) -> Callable[[memoryview, memoryview], int]:
    def expand(data: memoryview, room: memoryview) -> int:
        try:
            return expand_into(data, room)
        except cramjam.DecompressionError as error:
            if str(error) == _NO_ROOM:
                raise _FullError from None
            raise

    return expand


_EXPAND: dict[int, Callable[[memoryview, memoryview], int]] = {
    DefaultRecordBase.CODEC_GZIP: _gzip,
    DefaultRecordBase.CODEC_SNAPPY: _snappy,
    DefaultRecordBase.CODEC_LZ4: _by_cramjam(cramjam.lz4.decompress_into),
    DefaultRecordBase.CODEC_ZSTD: _by_cramjam(cramjam.zstd.decompress_into),
}
