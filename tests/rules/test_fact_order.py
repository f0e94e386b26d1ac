"""The order of facts: what takes effect later than its own time keeps its place among the others (F1, F3)."""

import pytest
from purchasing_contracts.events.warehouse_receipt import GoodsReceived

from tests.rules.orders import DAY, HOUR, Order, amounts


@pytest.mark.parametrize(("objections_at", "outcomes"), [(-1, ["terminated"]), (1, [])])
def test_facts_before_the_placing_keep_their_order(objections_at: int, outcomes: list[str]) -> None:
    order = Order().placed().add(GoodsReceived(receipt_id="rec-1"), at=0, source="/a")
    order.add(GoodsReceived(receipt_id="rec-1", objections=("dented",)), at=objections_at, source="/b")
    if objections_at > 0:  # both before the placing
        order.facts = Order().placed(at=HOUR).facts + order.facts[1:]
    assert order.decided().outcomes("obligation") == outcomes


def test_a_chargeback_closed_then_opened_anew_before_the_placing_is_open() -> None:
    order = Order().paid(at=-9 * HOUR).charged_back(at=-8 * HOUR).chargeback_ends("restored", at=-7 * HOUR)
    order.charged_back(at=-6 * HOUR, stage="arbitration").placed(at=0).accepted(at=HOUR)
    assert order.decided().outcomes("chargeback", "cb-1") == ["accepted"]


def test_two_closings_before_the_placing_are_two_facts() -> None:
    order = Order().paid(at=-9 * HOUR).charged_back(at=-8 * HOUR)
    order.chargeback_ends("lost", at=-7 * HOUR, restored=1_000).chargeback_ends("lost", at=-6 * HOUR, restored=2_000)
    order.placed(at=0).refused(at=HOUR)
    assert order.decided().refunded() == 3_000


@pytest.mark.parametrize("withdrawn_at", [8 * HOUR, 9 * HOUR, 10 * HOUR])
def test_an_objection_withdrawn_before_it_was_raised_does_not_stand(withdrawn_at: int) -> None:
    order = Order().placed().accepted().paid().bought().withdraws_objection(at=withdrawn_at).objects(at=9 * HOUR)
    assert order.decided().stands("objection", "obj-1") == ("withdrawn_by_buyer", ["17"])


def test_a_quote_that_became_readable_keeps_the_place_of_its_earliest_message() -> None:
    order = Order().placed().paid()
    order.requoted(amounts(90_000, 1_200, 91, currency="USD"), "rev-1", at=DAY)
    order.requoted(amounts(), "rev-2", at=DAY).requoted(amounts(90_000, 1_200, 91), "rev-1", at=DAY).decided()
    assert order.refunds == []
