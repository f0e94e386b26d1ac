"""The partition in which Kafka's own clients put a record, by the hash of its key."""

from functools import lru_cache
from typing import Any

from aiokafka.partitioner import murmur2

KEYS_REMEMBERED = 65_536


@lru_cache(maxsize=KEYS_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of this key in a topic of so many. Remembered, because the hash is computed in Python."""
    hashed: Any = murmur2(key)
    return int(hashed & 0x7FFFFFFF) % partitions
