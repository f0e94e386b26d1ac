"""What an order waits for as its row stores it, so that operators list and count it without reading journals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from service.rules.waits import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.rules.waits import Wait

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def stored_waits(waits: Iterable[Wait], before: str | None, now: int) -> str | None:
    """Return what an order waits for as a JSON array, None: for nothing.

    Each has `what` and `since`, and `ref`, `until`, `amount` and `currency` where it has them: instants in
    microseconds, amounts in minor units. `before` is what the order's row stored so far: what the order waited for
    already, it goes on waiting for since then; what is new, since `now`. Records in quarantine are not stored: they
    come and go without their orders, and are found where they lie.
    """
    since: dict[tuple[str, str], int] = {}
    if before is not None:
        since = {(one["what"], one.get("ref", "")): one["since"] for one in json.loads(before)}
    found: list[dict[str, Any]] = []
    for what, ref, until, amount, currency in waits:
        if what == RECORD:
            continue
        one: dict[str, Any] = {"what": what, "since": since.get((what, ref), now)}
        if ref:
            one["ref"] = ref
        if until is not None:
            one["until"] = until
        if amount is not None:
            one["amount"], one["currency"] = amount, currency
        found.append(one)
    return _ENCODE(found) if found else None
