"""Payment demands that version 0.1 published: their ids have no demand and no rounds, so the amounts decide."""

import pytest

from service.rules.ledger import Demand, Ledger, Output
from tests.rules.orders import HOUR, Order, money


def demand_after(*amounts: int | None) -> Demand:
    """Return the demand that stands after 0.1 published these amounts, an hour after each other; None: settled."""
    demand = Order().placed().accepted().paid().bought().charged_back().decided().decision("payment_demand", "cb-1")
    ledger = Ledger.EMPTY
    for nth, amount in enumerate(amounts, 1):
        members: dict[str, object] = {"outcome": "settled", "amount": None, "due_at": None}
        if amount is not None:
            members: dict[str, object] = {"outcome": "demanded", "amount": money(amount), "due_at": demand.due_at}
        output = Output(f"of-0.1-{nth}", nth, nth * HOUR, demand.model_copy(update=members))
        ledger = ledger.after([output])
    return ledger.demands["cb-1"]


@pytest.mark.parametrize(
    ("amounts", "number", "since", "highest", "is_open"),
    [
        ((500,), 1, 1, 500, True),
        ((500, 400), 1, 1, 500, True),  # it falls: the days run on
        ((500, 400, 500), 1, 1, 500, True),
        ((500, 501), 1, 2, 501, True),  # it rises: they begin anew
        ((500, None), 1, 1, 500, False),
        ((500, None, 400), 2, 3, 400, True),
        ((500, None, 400, 399), 2, 3, 400, True),
        ((500, None, 400, 401), 2, 4, 401, True),
        ((500, None, 400, None, 600), 3, 5, 600, True),
    ],
)
def test_a_demand_of_0_1_begins_anew_as_its_amount_rises_or_after_it_was_settled(
    amounts: tuple[int | None, ...], number: int, since: int, highest: int, is_open: bool
) -> None:
    demand = demand_after(*amounts)
    assert (demand.number, demand.rounds, demand.highest, demand.is_open) == (number, 1, highest, is_open)
    assert (demand.since_version, demand.since_at) == (since, since * HOUR)
