"""What an order waits for (R21)."""

from __future__ import annotations

from typing import NamedTuple

BUYER = "buyer"
PROVIDER = "provider"
SELLER = "seller"
WAREHOUSE = "warehouse"
LOGISTICS = "logistics"
PLATFORM = "platform"
DEPOSIT = "deposit account"
INSTITUTION = "institution"
PROMOTER = "promoter"
PAYMENT_SYSTEM = "payment system"
STAFF = "staff"

ENDED_FROM_ROW = 8
"""An ended order waits only for what stands from this row on."""


class Awaited(NamedTuple):
    """One thing that an order waits for. Instants in microseconds, amounts in minor units."""

    row: int
    """Its number in the table of R21."""
    what: str
    """A word for it, constant for each kind of thing that is awaited."""
    of: str
    """Whom it is awaited from."""
    ref: str = ""
    """What of that kind: a request, a chargeback, a line and so on."""
    until: int | None = None
    """The last instant of its period; None where there is no limit of time."""
    amount: int | None = None
    currency: str | None = None
    """Of the amount, where it is not the order's."""
