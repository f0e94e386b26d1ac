"""The same facts of an order in other orders of arrival: the same money, tried on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from service.console.desk import WORK_SECONDS
from service.console.finance.answers import bounded, refused
from service.console.finance.models import PermutationModel, PermutationsModel
from service.console.problems import unknown_order
from service.console.stories import UnknownOrder, unknown
from service.console.visit import Answer, BadRequestError, order_of
from service.operations.arrivals import AS_RECEIVED, BACKWARDS, BY_TIME, FACTS_MAX, RUNS_MAX, SHUFFLED, proof_of
from service.operations.sentence import sentence
from service.runtime.errors import catch_unexpected, describe
from service.store.driver_errors import translated
from service.store.search import is_searchable
from service.terms.table import read_book

if TYPE_CHECKING:
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.arrivals import Proof

log = structlog.get_logger("service.console")

RUNS = 12
SEED_MAX = 10**9

KIND_NAMES = {
    AS_RECEIVED: sentence("as received"),
    BY_TIME: sentence("in the order in which it happened"),
    BACKWARDS: sentence("backwards"),
    SHUFFLED: sentence("shuffled"),
}


@bounded
async def permutations(console: Parts, visit: Visit) -> Answer:
    """Play an order's facts in several orders of arrival, and show the money that came of each."""
    order_id = order_of(visit.request)
    runs, seed = _number(visit, "n", RUNS, 1, RUNS_MAX), _number(visit, "seed", 1, 0, SEED_MAX)
    if not is_searchable(order_id):
        return unknown_order(UnknownOrder(order_id, await console.stories.clock()))
    async with console.desk.turn() as histories:
        clock = await histories.clock()
        if await histories.size(order_id) > 2 * FACTS_MAX:
            return _too_long()
        history = await histories.of(order_id)
        if history is None:
            return unknown_order(await unknown(histories, order_id, clock))
        async with translated():
            book = await read_book(histories.connection)
    if len(history.facts) > FACTS_MAX:
        return _too_long()
    found: list[Proof | None] = []
    with catch_unexpected(_rules_failed):
        found.append(await console.desk.compute(proof_of, history, book, clock, runs, seed, WORK_SECONDS))
    proof = found[0] if found else None
    if proof is None:
        return refused(
            422,
            sentence("Nothing can be played"),
            sentence("The rules fail on this order, it can't be read, or it was not placed yet."),
        )
    context = {"order_id": order_id, "proof": proof, "seed": seed, "kinds": KIND_NAMES, "runs_max": RUNS_MAX}
    title = sentence("Order {order}: same facts, another order", order=order_id)
    return Answer(
        "finance_arrivals.html", title, context, lambda _language: _model(order_id, proof, seed), known_id=order_id
    )


def _number(visit: Visit, name: str, usual: int, least: int, most: int) -> int:
    given = visit.request.query.get(name, "").strip() or str(usual)
    if not (given.isascii() and given.isdigit() and len(given) <= 10 and least <= int(given) <= most):
        raise BadRequestError("Give 1 to 50 orders of arrival as n, and a whole number as seed.")
    return int(given)


def _too_long() -> Answer:
    return refused(
        422,
        sentence("Too long to be played"),
        sentence("An order with more than {most} facts takes too long for a page.", most=FACTS_MAX),
    )


def _rules_failed(error: Exception) -> None:
    log.warning(
        "console_arrivals_failed",
        message="The rules failed on an order whose facts were played in another order.",
        error=describe(error),
    )


def _model(order_id: str, proof: Proof, seed: int) -> PermutationsModel:
    return PermutationsModel(
        order_id=order_id,
        currency=proof.currency,
        seed=seed,
        is_same=proof.is_same,
        is_as_recorded=proof.is_as_recorded,
        journal=proof.journal,
        asked=proof.asked,
        permutations=[
            PermutationModel(
                kind=one.kind,
                numbers=list(one.numbers),
                money=one.money,
                commands=one.commands,
                decisions=one.decisions,
            )
            for one in proof.permutations
        ],
    )
