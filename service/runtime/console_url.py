"""Addresses of the console's pages that other programs link to: log lines, alerts, the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_DOTS = frozenset({".", ".."})
"""Ids that a browser would take for steps in the path, however they are written."""


def order_path(order_id: str, below: str = "") -> str:
    """Return the path of an order's page, or of one below it, such as `/letter`."""
    if order_id in _DOTS:
        return f"/orders/by-id{below}?id={_quoted(order_id)}"
    return f"/orders/{_quoted(order_id)}{below}"


def record_path(topic: str, partition: int, offset: int) -> str:
    """Return the path of a quarantined record's page."""
    return f"/quarantine/{_quoted(topic)}/{partition}/{offset}"


def place_path(topic: str, partition: int, offset: int) -> str:
    """Return the path of the page that says where the message at this place is."""
    return f"/messages?topic={_quoted(topic)}&partition={partition}&offset={offset}"


def link_of_line(origin: str, line: MutableMapping[str, Any]) -> str | None:
    """Return the page of what a log line is about, by its fields: a record, or else an order; None: neither."""
    topic, partition, offset, order = (line.get(name) for name in ("topic", "partition", "offset", "order"))
    if isinstance(topic, str) and isinstance(partition, int) and isinstance(offset, int):
        return origin + place_path(topic, partition, offset)
    return origin + order_path(order) if isinstance(order, str) else None


def _quoted(text: str) -> str:
    """Return a text as one step of a path. What is no Unicode text is replaced: a link may fail, a log line may not."""
    return quote(text, safe="", errors="replace")
