"""The worked examples in tests/cases, and how what was published is held against what they expect.

A case says, in order, which commands and which decisions are published, and clauses that each must cite (it may cite
more). It sets no order between commands and decisions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).parent / "cases"
DECISION = "purchasing.decision.made.v1"


@dataclass(frozen=True)
class Case:
    name: str
    path: Path
    events: list[dict[str, Any]]
    until: str
    commands: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


def cases() -> list[Case]:
    return [_case(path) for path in sorted(CASES.glob("*.json"))]


def _case(path: Path) -> Case:
    document = json.loads(path.read_text())
    expect = document["expect"]
    return Case(path.stem, path, document["events"], document["until"], expect["commands"], expect["decisions"])


def summaries(published: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Commands and decisions, each in the form of a case (with every member a case may name), in order."""
    commands, decisions = [], []
    for event in published:
        data = event["data"]
        summary = {
            "order": data["order_id"],
            "amount": data.get("amount", {}).get("value"),
            "clauses": [basis["clause"] for basis in data["basis"]],
            "ref": data.get("ref"),
        }
        if event["type"] == DECISION:
            members = {name: data.get(name) for name in ("audience", "due_at", "ground")}
            decisions.append(summary | members | {"what": data["kind"], "outcome": data["outcome"]})
        else:
            kind = event["type"].removeprefix("purchasing.").removesuffix(".v1")
            names = ("line", "destination", "payment_id", "source", "deduction_id", "hold_id", "replaces")
            members = {name: data.get(name) for name in names}
            commands.append(summary | members | {"kind": kind})
    return commands, decisions


def differences(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """The differences from the expected messages, member by member; clauses must be among those cited."""
    if len(expected) != len(found):
        return [f"{len(expected)} expected, {len(found)} published: {json.dumps(found, indent=1)}"]
    wrong = []
    for nth, (one, other) in enumerate(zip(expected, found, strict=True), 1):
        missing = set(one["clauses"]) - set(other["clauses"])
        members = {name: one.get(name) for name in ("amount", "due_at", "ground", "replaces") if name in other} | one
        differing = {
            name: (value, other[name]) for name, value in members.items() if name != "clauses" and other[name] != value
        }
        if missing or differing:
            wrong.append(f"number {nth}: {differing} (expected, published), without the clauses {sorted(missing)}")
    return wrong
