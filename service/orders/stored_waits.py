"""An order's waits as stored in its row, so that operators can list and count them without reading journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from service.rules.waits import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.rules.waits import Wait


def stored_waits(waits: Iterable[Wait], before: str | None, now: int) -> str | None:
    """Return the waits as a JSON array; None: no waits.

    Each wait has `what` and `since`, and where they apply `ref`, `until`, `amount` and `currency`: instants in
    microseconds, amounts in minor units. `before`: the array stored in the row until now. A wait in it keeps its
    `since`; a new wait starts at `now`. Waits for quarantined records are not stored: they come and go without a change
    of the order's row, and are read from the quarantine table.
    """
    since: dict[tuple[str, str], int] = {}
    if before is not None:
        since = {(one["what"], one.get("ref", "")): one["since"] for one in from_json(before)}
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
    return to_json(found).decode() if found else None
