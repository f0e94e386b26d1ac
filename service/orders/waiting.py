"""What an order waits for, since when: noted with the order, so that operators count without reading journals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from purchasing_contracts.events.order import OrderPlaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.rules.facts import Fact
    from service.rules.ledger import Ledger

PLACED = "placed"
"""Facts were heard, but not yet that the order was placed."""

STANDING: Mapping[tuple[str, str], str] = {
    ("cancellation", "pending"): "seller_answer",
    ("dissolution", "pending"): "seller_answer",
    ("objection", "verification_requested"): "verification",
    ("payment_demand", "demanded"): "payment",
    ("repayment_demand", "demanded"): "repayment",
    ("refund_withheld", "withheld"): "withheld",
    ("refund_undeliverable", "noted"): "undeliverable",
    ("buyer_owes", "noted"): "buyer_owes",
}
"""What is awaited while a decision of this kind and outcome stands."""

WAITS = (PLACED, *dict.fromkeys(STANDING.values()))
"""Everything an order can wait for."""


def waiting(facts: Iterable[Fact[Any]], ledger: Ledger, before: str | None, now: int) -> str | None:
    """Return what an order waits for as a JSON object: since when (microseconds) by what. None: for nothing.

    `before` is what it waited for so far: who waits for `placed` has waited since it first did.
    """
    found: dict[str, int] = {}
    for (kind, _), standing in ledger.standing.items():
        what = STANDING.get((kind, standing.outcome))
        if what is not None:
            found[what] = min(standing.since_at, found.get(what, standing.since_at))
    if not ledger.version and not any(isinstance(fact.data, OrderPlaced) for fact in facts):
        found[PLACED] = (json.loads(before) if before else {}).get(PLACED, now)
    return json.dumps(found, sort_keys=True) if found else None
