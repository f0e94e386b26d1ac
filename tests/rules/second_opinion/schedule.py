"""The steps of an order's timeline: which fact is applied when, in which order (F3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.rules.second_opinion.facts import Fact, Facts

TEST_AFTER = 7
"""The agreement is tested after the facts of this rank (R1)."""


class Step(NamedTuple):
    """A step: its instant, rank and order within it; `name` is the timeline's method."""

    at: int
    rank: int
    order: tuple[Any, ...]
    name: str
    what: Any


RANKED = {
    "issue_disclosed": (2, "issue"),
    "goods_received": (4, "goods_received"),
    "package_delivered": (4, "package_delivered"),
    "customs_cleared": (4, "customs_cleared"),
    "receipt_confirmed": (4, "receipt_confirmed"),
    "objection_raised": (4, "objection_raised"),
    "purchase_unavailable": (5, "unavailable"),
    "refused": (6, "refused"),
    "accepted": (7, "accepted"),
    "captured": (7, "money"),
    "refunded_elsewhere": (7, "money"),
    "opened": (7, "money"),
    "closed": (7, "money"),
}


def schedule(facts: Facts) -> list[Step]:
    """All steps, in the order in which they are applied."""
    assert facts.placed is not None
    steps = [Step(facts.start, 1, (), "placed", facts.placed)]
    for kind, (rank, name) in RANKED.items():
        steps += [Step(f.at, rank, (0, f.first.key), name, f) for f in facts.of(kind)]
    steps += _quotes(facts) + _purchases(facts) + _objections(facts)
    requests: dict[tuple[str, str], list[Fact]] = {}
    for nth, kind in enumerate(("cancellation", "dissolution")):
        for f in facts.of(f"{kind}_requested"):
            steps.append(Step(f.at, 8, (nth, f.data["request_id"], f.first.key), kind, f))
            requests.setdefault((kind, f.data["request_id"]), []).append(f)
    steps += _answers(facts, requests) + _taken_back(facts, requests)
    return sorted((s._replace(at=max(s.at, facts.start)) for s in steps), key=lambda s: s[:3])


def _quotes(facts: Facts) -> list[Step]:
    return [
        Step(max(q.at, q.data["agreed_at"]), 2, (0, q.first.key), "quote", q)
        for q in facts.of("quote_revised")
        if q.readable
    ]


def _purchases(facts: Facts) -> list[Step]:
    steps = []
    for p in facts.of("purchase_confirmed"):
        steps.append(Step(p.at, 3, p.first.key, "purchase", p))
        later = [m for m in p.messages if m is not p.first]
        steps += [Step(facts.effective(m.time), 3, m.key, "purchase_again", (p, m)) for m in later]
    return steps


def _objections(facts: Facts) -> list[Step]:
    """Verification and withdrawal, at the earliest when the objection was raised, and then after it.

    A receipt may have the id of an objection. What concerns neither takes no effect.
    """
    raised = {f.data["objection_id"]: f for f in facts.of("objection_raised")}
    received = {f.data["receipt_id"] for f in facts.of("goods_received")}
    steps = []
    for f in facts.of("objection_withdrawn", "objection_verified"):
        id_ = f.data["objection_id"]
        what = raised.get(id_)
        if what or (f.type == "objection_verified" and id_ in received):
            steps.append(Step(max(f.at, what.at if what else 0), 4, (1, f.first.key), f.type, f))
    return steps


def _answers(facts: Facts, requests: dict[tuple[str, str], list[Fact]]) -> list[Step]:
    steps = []
    for kind in ("cancellation", "dissolution"):
        for f in facts.of(f"{kind}_agreed", f"{kind}_refused"):
            asked = requests.get((kind, f.data["request_id"]), [])
            platform = [r for r in asked if r.data.get("channel", "platform") == "platform"] or asked
            if f.readable and platform:
                at = max(f.at, platform[0].at)
                steps.append(Step(at, 9, (f.data["request_id"], f.first.key), "answer", (kind, f)))
    return steps


def _taken_back(facts: Facts, requests: dict[tuple[str, str], list[Fact]]) -> list[Step]:
    return [
        Step(max(f.at, r.at), 10, f.first.key, "take_back", (kind, r, f))
        for f in facts.of("request_withdrawn")
        for (kind, id_), asked in requests.items()
        if id_ == f.data["request_id"]
        for r in asked
    ]
