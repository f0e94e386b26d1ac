"""Addresses of the console's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from purchasing_contracts.base import text_of

from service.runtime.console_url import order_path

if TYPE_CHECKING:
    from datetime import datetime


def order_link(order_id: str, at: datetime | None = None, page: str = "") -> str:
    """Return the address of an order's page; `at` an instant; `page` as `letter`."""
    below = "" if at is None else f"/at/{quote(text_of(at), safe=':')}"
    if page:
        below = f"/{page}"
    return order_path(order_id, below)


def search_link(given: str) -> str:
    """Return the address of a search."""
    return f"/search?q={quote(given, safe='')}"


def clause_link(address: str) -> str:
    """Return the address of the clause's page that an address such as `12(1)A` names, and there of the passage."""
    number = ""
    for letter in address:
        if not ("0" <= letter <= "9"):
            break
        number += letter
    if not number or len(number) > 2:
        return "/clauses"
    return f"/clauses/{number}" if number == address else f"/clauses/{number}#{quote(address, safe='()')}"
