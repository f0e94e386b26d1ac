"""Which lane a key belongs to.

A lane is a stripe of the outbox in which outputs keep their order. The function is fixed for ever: rows already in the
outbox were put into lanes with it, and another answer for the same key would let two lanes publish one order's outputs
past each other. A test pins its values.
"""

from hashlib import blake2b


def lane_of(key: str, lanes: int) -> int:
    """The lane, 0 to `lanes` - 1, of the outputs with this key: an order's id, or a quarantine notice's key.

    Equal on every machine and in every version. BLAKE2 rather than CRC-32 or murmur2, because Kafka clients place
    records by those: an order's lane shall not follow from the partition its events come through.
    """
    if lanes < 1:
        raise ValueError(f"there is no lane to choose among {lanes}")
    digest = blake2b(key.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % lanes
