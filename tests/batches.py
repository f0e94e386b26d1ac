"""Record batches byte for byte, as a producer that keeps to no limits makes them."""

import gzip
import struct
import time
from collections.abc import Callable, Iterable

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.codec import lz4_encode, snappy_encode
from aiokafka.record.util import calc_crc32c, encode_varint

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)

COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    NONE: bytes,
    GZIP: gzip.compress,
    SNAPPY: lambda data: bytes(snappy_encode(data)),
    LZ4: lambda data: bytes(lz4_encode(data)),
    ZSTD: lambda data: bytes(cramjam.zstd.compress(data)),
}
NAMES = {GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}


def varint(number: int) -> bytes:
    found = bytearray()
    encode_varint(number, found.append)
    return bytes(found)


def sized(part: bytes | None) -> bytes:
    return varint(-1) if part is None else varint(len(part)) + part


def record(
    delta: int,
    value: bytes | None,
    key: bytes | None = None,
    headers: Iterable[tuple[bytes, bytes | None]] = (),
) -> bytes:
    """A record as it lies in a batch, at so many offsets behind the batch's first."""
    headers = list(headers)
    parts = [b"\0", varint(0), varint(delta), sized(key), sized(value), varint(len(headers))]
    for name, content in headers:
        parts += [sized(name), sized(content)]
    body = b"".join(parts)
    return varint(len(body)) + body


def batch(records: bytes, count: int, codec: int = NONE, base_offset: int = 0) -> bytes:
    """A batch with its checksum, of records that are compressed already."""
    now = int(time.time() * 1000)
    rest = struct.pack(">hiqqqhii", codec, count - 1, now, now, -1, -1, -1, count) + records
    return struct.pack(">qiibI", base_offset, len(rest) + 9, 0, 2, calc_crc32c(rest)) + rest


def compressed(records: Iterable[bytes], codec: int, base_offset: int = 0) -> bytes:
    """A batch of records as `record` makes them."""
    each = list(records)
    return batch(COMPRESS[codec](b"".join(each)), len(each), codec, base_offset)


def bomb(records: int, size: int) -> bytes:
    """A batch of so many records of zeros, without ever having them all in memory."""
    packer = cramjam.zstd.Compressor()
    value = bytes(size)
    for number in range(records):
        packer.compress(record(number, value))
    return batch(bytes(packer.finish()), records, ZSTD)


class _Made:
    """A batch as aiokafka's producer takes it, made by hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _build(self) -> bytes:
        return self._data

    def size(self) -> int:
        return len(self._data)

    def record_count(self) -> int:
        return int.from_bytes(self._data[57:61], "big")

    def closed(self) -> bool:
        return True

    def close(self) -> None:
        pass


async def send(producer: AIOKafkaProducer, topic: str, partition: int, data: bytes) -> int:
    """Send a batch as it is; returns its first offset."""
    return (await (await producer.send_batch(_Made(data), topic, partition=partition))).offset
