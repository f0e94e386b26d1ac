"""Ids of commands and decisions: the same step always gets the same id."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from purchasing_contracts.decisions import DecisionMade

_NAMESPACE = UUID("6f0c1d9e-52a4-5d0b-9a0e-3f1a7c2b8e44").bytes
"""Never change this: ids of commands and decisions depend on it."""


def name_id(*parts: str) -> str:
    """Return the name-based UUID (version 5) of these parts. Parts contain no NUL, so different lists never collide."""
    text = sha1(_NAMESPACE + "\0".join(parts).encode(), usedforsecurity=False).hexdigest()
    # Equals `UUID(bytes=…, version=5)`, in a fraction of the time: version 5, variant of RFC 9562.
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def deadline_id(order_id: str, kind: str, outcome: str, last: int, previous: str) -> str:
    """Return the id of a decision on the order that a passed deadline led to.

    `last`: the last instant that has passed, in microseconds. `previous`: the id of the decision before it. The message
    does not contain the instant, so the ledger recognises it by the id.
    """
    return name_id(order_id, DecisionMade.TYPE, kind, order_id, outcome, str(last), previous)


def demand_id(
    order_id: str, chargeback_id: str, outcome: str, amount: int, demand: tuple[int, int], previous: str
) -> str:
    """Return the id of the decision on a payment demand.

    `demand`: the demand's number, and the number of rounds known when it began. `previous`: the id of the decision
    before it. The message contains neither number, so the ledger recovers both from the id.
    """
    number, rounds = demand
    concerns = ("payment_demand", chargeback_id, outcome, str(amount), str(number), str(rounds))
    return name_id(order_id, DecisionMade.TYPE, *concerns, previous)
