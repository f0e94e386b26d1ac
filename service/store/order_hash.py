"""The number by which an order is found from an order id that was read out of a garbled record.

A hash, so that nothing of such a record stands in a table that everybody may read: what looks like an id may be
private.
"""

from __future__ import annotations

from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(order_id: str) -> str:
    """Return an order id without the difference between capital and small letters (ASCII)."""
    return order_id.translate(_LOWER)


def order_hash(order_id: str) -> int:
    """Return 64 bits, signed, that are the same however the id's letters (ASCII) are written.

    `purchasing_order_hash` of the database (0008) is the same function.
    """
    digest = sha256(fold(order_id).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
