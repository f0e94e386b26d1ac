"""How requests end once it is known what closed the order: every other open one becomes moot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.rules.assessment import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment


def said_of(case: Assessment, kind: str) -> Iterator[Said]:
    """Yield the decisions on the requests of a kind (`cancellation`, `dissolution`).

    Every agreed, pending or withdrawn one but that which closed the order is moot and cites the clauses of the
    closing; a refused one stays refused.
    """
    closing, closed_by = case.closing, case.settlement.grounds
    for request in case.requests:
        if request.kind != kind:
            continue
        if closing is None or request.outcome == "refused":
            yield Said(kind, request.id, request.outcome, request.grounds)
        elif request.closing is closing:
            yield Said(kind, request.id, request.outcome, (request.grounds or closed_by) + request.adds)
        else:
            yield Said(kind, request.id, "moot", closed_by)
