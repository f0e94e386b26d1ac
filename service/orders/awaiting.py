"""What an order waits for, since when: noted with the order, so that operators count without reading journals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from purchasing_contracts.events.order import OrderPlaced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.rules.facts import Fact
    from service.rules.ledger import Ledger

PLACED = "placed"
"""Facts were heard, but not yet that the order was placed."""

STANDING: Mapping[tuple[str, str], str] = {
    ("cancellation", "pending"): "seller_answer",
    ("dissolution", "pending"): "seller_answer",
    ("objection", "verification_requested"): "verification",
    ("payment_demand", "demanded"): "payment",
    ("payment_demand", "overdue"): "payment",
    ("repayment_demand", "demanded"): "repayment",
    ("refund_withheld", "withheld"): "withheld",
    ("refund_undeliverable", "noted"): "undeliverable",
    ("buyer_owes", "noted"): "buyer_owes",
}
"""What is awaited while a decision of this kind and outcome stands."""

QUARANTINE = "quarantine"
"""A record in quarantine may concern the order. Not noted with it: it follows from what lies there."""

WAITS = (PLACED, *dict.fromkeys(STANDING.values()), QUARANTINE)
"""Everything an order can wait for."""


def awaited(facts: Sequence[Fact[Any]], ledger: Ledger, before: str | None, now: int) -> str | None:
    """Return what an order waits for as a JSON object, None: for nothing.

    By what: `since` when (microseconds), and of what has an amount, `amount` and `currency`, over all lines and refs.
    `before` is what it waited for so far: who waits for `placed` has waited since it first did. An id that stands only
    in records that were quarantined is no order.
    """
    if not facts:
        return None
    placed = next((fact.data for fact in facts if isinstance(fact.data, OrderPlaced)), None)
    if placed is None:
        known = json.loads(before) if before else {}
        return json.dumps({PLACED: known.get(PLACED, {"since": now})})
    found: dict[str, dict[str, Any]] = {}
    for (kind, _), standing in ledger.standing.items():
        what = STANDING.get((kind, standing.outcome))
        if what is not None:
            one = found.setdefault(what, {"since": standing.since_at})
            one["since"] = min(one["since"], standing.since_at)
            if standing.amount is not None:
                one["amount"] = one.get("amount", 0) + standing.amount
                one["currency"] = placed.currency
    return json.dumps(found, sort_keys=True) if found else None
