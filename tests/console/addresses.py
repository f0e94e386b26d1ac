"""What to put into the addresses of routes, where there is an order ord-1 and a quarantined record at offset 77."""

from __future__ import annotations

from purchasing_contracts.base import text_of

from tests.rules.happenings import HOUR, when

TOPIC = "purchasing.events.order.v1"
IN_PATHS = {
    "order_id": "ord-1",
    "instant": text_of(when(HOUR)),
    "number": "12",
    "name": "console.css",
    "alert": "PurchasingMoneyLate",
    "section": "money-late",
    "topic": TOPIC,
    "partition": "0",
    "offset": "77",
}
QUERIES = {
    "/search": "?q=ord-1-e0",
    "/messages": "?order=ord-1",
    "/quarantine/group": f"?topic={TOPIC}&reason=not_json",
}
