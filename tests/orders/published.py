"""Published outputs in a form that makes tests readable."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from service.orders.batch_result import BatchResult

if TYPE_CHECKING:
    from service.store.rows import OutputRow


def event_of(output: OutputRow) -> dict[str, Any]:
    return json.loads(output.value)


def outcomes_of(*handled: BatchResult) -> list[tuple[Any, ...]]:
    """Of each output: order, version, and a decision's kind and outcome or a command's line (`hold`) and amount."""
    found = []
    for one in handled:
        for _, output in one.outputs:
            data = event_of(output)["data"]
            if output.order_id is not None:
                if "kind" in data:
                    words = data["kind"], data["outcome"]
                else:
                    words = data.get("line", "hold"), data.get("amount", {"value": None})["value"]
                found.append((output.order_id, output.order_version, *words))
    return found


def repetitions(handled: BatchResult) -> int:
    """The number of messages that were known; -1 if there were others."""
    return sum(handled.known.values()) if handled == BatchResult(known=handled.known) else -1


def notices(*handled: BatchResult) -> list[dict[str, Any]]:
    """The data of the quarantine notices."""
    topic = "purchasing.quarantine.v1"
    return [event_of(output)["data"] for one in handled for _, output in one.outputs if output.topic == topic]


def money(*handled: BatchResult) -> Counter:
    """The sum that was commanded on each line, less what is demanded back of it."""
    commanded: Counter = Counter()
    demanded: Counter = Counter()
    for one in handled:
        for _, output in one.outputs:
            data = event_of(output)["data"]
            if "line" in data:
                commanded[data["line"]] += data["amount"]["value"]
            elif data.get("kind") == "repayment_demand":
                demanded[data["ref"]] = data["amount"]["value"]
    return commanded - demanded
