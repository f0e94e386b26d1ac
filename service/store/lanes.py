"""The lane of a key.

A lane is a stripe of the outbox in which outputs keep their order. Never change the function: rows in the outbox were
assigned to lanes by it, and with another result for the same key, two lanes would publish one order's outputs out of
order. A test pins its values.
"""

from functools import lru_cache
from hashlib import blake2b

KEYS_REMEMBERED = 10_000
"""As many orders as a worker's cache has, by default."""


@lru_cache(maxsize=KEYS_REMEMBERED)
def lane_of(key: str, lanes: int) -> int:
    """Return the lane, 0 to `lanes` - 1, of the outputs with this key: an order's id or a quarantine notice's key.

    The result is equal on each machine and in each version. The hash is BLAKE2, not CRC-32 or murmur2, which Kafka
    clients use to choose partitions: an order's lane must not depend on the partition of its events.
    """
    if lanes < 1:
        raise ValueError(f"there is no lane to choose among {lanes}")
    digest = blake2b(key.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % lanes
