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
FORMS = {
    "/reconciliation": {"csv": "command_id\nnobody-knows"},
    "/what-if": {
        "terms": '{"terms": [{"version": "t", "provider_id": "prov-1", "effective_from": "2026-01-01T00:00:00Z"}]}'
    },
}
"""What to send where nothing would be an answer of 400."""
