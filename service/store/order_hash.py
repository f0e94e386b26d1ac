"""The number that finds an order by an order id read from a garbled record.

It is a hash, so that a table that everybody may read contains nothing of such a record: text that looks like an id may
be private.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase

ORDERS_REMEMBERED = 10_000
"""As many orders as a worker's cache has, by default."""

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(order_id: str) -> str:
    """Return an order id in lower case (ASCII letters only)."""
    return order_id.translate(_LOWER)


@lru_cache(maxsize=ORDERS_REMEMBERED)
def order_hash(order_id: str) -> int:
    """Return a signed 64-bit number that does not depend on the case of the id's ASCII letters.

    The database's `purchasing_order_hash` (0008) is the same function.
    """
    digest = sha256(fold(order_id).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
