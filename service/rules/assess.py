"""Assessment: facts, terms and clock to entitlements. It reasons with when things happened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from service.rules import clauses
from service.rules.assessment import Assessment, Closing, Obstacle, Rank, Request, Settlement
from service.rules.clause_06 import settle_open_order
from service.rules.clause_07 import with_third_parties
from service.rules.clause_12 import costs_beyond, costs_kept

if TYPE_CHECKING:
    from service.rules.reading import Reading


def assess(reading: Reading, horizon: int) -> Assessment:
    """Return what the order's facts entitle people to; `horizon` in microseconds, deadlines before it have passed."""
    obstacle, requests, closing = _what_closed_it(reading)
    settlement = settle_open_order(reading) if closing is None else closing.settle(reading)
    result = Assessment(
        reading=reading,
        horizon=horizon,
        obstacle=obstacle,
        effective_at=_effective_at(reading, obstacle, requests),
        requests=requests,
        closing=closing,
        settlement=settlement,
    )
    for charges in clauses.CHARGES:
        result.charges.extend(charges(reading))
    for dues in clauses.DUES:
        result.dues.extend(dues(result))
    for says in clauses.SAYS:
        result.said.extend(says(result))
    for deadlines in clauses.DEADLINES:
        result.deadlines.extend(deadlines(result))
    return result


def _what_closed_it(reading: Reading) -> tuple[Obstacle | None, list[Request], Closing | None]:
    """Return the obstacle that counts, the requests judged, and what closed the order.

    An obstacle after another closing counts for nothing, for everything: so the requests are judged without it first.
    """
    obstacle: Obstacle | None = None
    for obstacles in clauses.OBSTACLES:
        for one in obstacles(reading):
            if obstacle is None or (one.at, one.precedence) < (obstacle.at, obstacle.precedence):
                obstacle = one
    requests = _judged(reading, reading.own_moment)
    found = [r.closing for r in requests if r.closing is not None]
    for closings in clauses.CLOSINGS:
        found.extend(closings(reading))
    first = min(found, key=lambda c: c[:3]) if found else None
    if obstacle is None or (first is not None and first.at < obstacle.at):
        return None, requests, first
    if reading.own_moment is not None and obstacle.at <= reading.own_moment:
        requests = _judged(reading, None)
    settle = partial(_settle_not_reached, obstacle)
    return obstacle, requests, Closing(obstacle.at, Rank.NOT_REACHED, "", settle)


def _judged(reading: Reading, effective_at: int | None) -> list[Request]:
    return [one for requests in clauses.REQUESTS for one in requests(reading, effective_at)]


def _effective_at(reading: Reading, obstacle: Obstacle | None, requests: list[Request]) -> int | None:
    """Return as of when the agreement is effective, None if something prevented it by then (2).

    A closing that itself needs an effective order does not prevent it.
    """
    moment = reading.own_moment
    if moment is None:
        return None
    if obstacle is not None and obstacle.at <= moment:
        return None
    if reading.unavailable is not None and reading.unavailable.at <= moment:
        return None
    for request in requests:
        if request.closing is not None and request.closing.rank is Rank.WITHDRAWN and request.closing.at <= moment:
            return None
    return moment


def _settle_not_reached(obstacle: Obstacle, reading: Reading) -> Settlement:
    """Return what is due where the order can't be reached or was refused: everything, less costs with 14 and 15(5)."""
    money = reading.paid.refundable
    costs = reading.costs if obstacle.keeps_costs else 0
    grounds = obstacle.grounds + costs_kept(costs)
    return Settlement(
        due=max(0, money - costs),
        grounds=grounds,
        line_grounds=with_third_parties(reading, grounds),
        owed=max(0, costs - money),
        owed_grounds=costs_beyond(0),
    )
