"""Money that commands move, by what they do, currency and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.topics import topic_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.rules.ledger import Output

COMMANDS = "purchasing.commands."


class Move(NamedTuple):
    """Commands of one type, currency and line, and their sum in minor units."""

    type: str
    currency: str | None
    line: str
    commands: int
    amount: int | None


def moves_of(outputs: Iterable[Output]) -> list[Move]:
    """Return what these outputs move: decisions move nothing."""
    commands = (one.data for one in outputs if topic_of(type(one.data)).name.startswith(COMMANDS))
    return summed(_move(one.TYPE, one.model_dump(mode="json")) for one in commands)


def moves_of_stored(values: Iterable[tuple[str, bytes]]) -> list[Move]:
    """Return what stored outputs move; each is a topic and the CloudEvent."""
    events = (json.loads(value) for topic, value in values if topic.startswith(COMMANDS))
    return summed(_move(event["type"], event["data"]) for event in events)


def summed(moves: Iterable[Move]) -> list[Move]:
    """Return one row per type, currency and line, sorted."""
    sums: dict[tuple[str, str, str], Move] = {}
    for one in moves:
        place = (one.currency or "", one.line, one.type)
        before = sums.get(place)
        if before is None:
            sums[place] = one
        else:
            amount = None if one.amount is None else one.amount + (before.amount or 0)
            sums[place] = one._replace(commands=before.commands + one.commands, amount=amount)
    return [sums[place] for place in sorted(sums)]


def by_line(moves: Iterable[Move]) -> list[Move]:
    """Return the sums of several orders, where all items, tips and chargebacks are one line each."""
    return summed(one._replace(line=one.line.partition(":")[0]) for one in moves)


def _move(type_: str, data: dict[str, Any]) -> Move:
    amount = data.get("amount") or {}
    return Move(type_, amount.get("currency"), str(data.get("line") or ""), 1, amount.get("value"))
