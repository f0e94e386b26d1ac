"""The worked examples of the rules that no golden case plays."""

from datetime import UTC, datetime

from service.rules.facts import micros
from tests.rules.happenings import START
from tests.rules.orders import HOUR, Order, amounts, lamp, money


def at(text: str) -> int:
    return micros(datetime.fromisoformat(f"2026-{text}:00+00:00").astimezone(UTC)) - START


def two_items(paid: int = 100_000) -> Order:
    items = (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))
    return Order().placed(items=items).accepted().paid(amounts(goods=paid))


def test_a_quote_revised_to_what_is_left_changes_nothing() -> None:
    order = two_items().bought(60_000, 1_200, items={"1": None}).unavailable(items={"2": None}).decided()
    assert order.refunds == [("purchase", 40_040, "pay-1")]
    order.requoted(amounts(60_000, 1_200, 61)).decided()
    assert order.refunded() == 40_040
    assert order.outcomes("order_amount") == order.outcomes("repayment_demand", "purchase") == []


def test_an_order_partly_paid_and_dissolved_passes_on_what_was_paid_for() -> None:
    order = Order().placed().accepted().paid(amounts(60_000, 0, 0)).bought().decided()
    assert order.outcomes("order_amount") == ["outstanding 41301"]
    order.asks_to_dissolve().seller_dissolves().seller_refunds(60_000).decided()
    assert order.refunded() == 18_699
    order.seller_refunds(41_200, "back-2").decided()
    assert order.refunded() == 59_899


def test_a_dispute_of_two_rounds_with_its_fees() -> None:
    order = Order().placed().accepted().paid().bought().received(at=at("03-04T09:00"))
    opened = at("03-04T21:00")
    order.charged_back(reason="account_stolen", fee=money(1_500), at=opened).decided()
    assert order.stands("chargeback", "cb-1") == ("unjust", ["22", "22(1)", "22(2)", "22(3)"])
    assert order.holds == [("place", "cb-1", 102_801)]
    assert order.due_by() == at("03-09T16:00")
    order.decided(at("03-09T16:00") + 1)
    assert order.deductions == [("deposit", "cb-1", 102_801)]
    order.deposit_pays(102_801, at=at("03-09T16:05")).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 102801", "settled"]
    order.chargeback_ends(at=at("03-20T02:00")).decided()
    assert order.refunds == [("chargeback:cb-1", 101_301, "deposit")]
    again = at("04-07T01:00")
    order.charged_back(reason="account_stolen", fee=money(1_500), stage="pre_arbitration", at=again).decided()
    assert order.holds[-1] == ("place", "cb-1:2", 102_801)
    assert order.outcomes("payment_demand", "cb-1")[-1] == "demanded 102801"
    assert order.due_by() == at("04-10T16:00")
    order.pays_outstanding(102_801, at=at("04-09T03:00")).decided()
    assert order.outcomes("payment_demand", "cb-1")[-1] == "settled"
    assert order.holds[-1] == ("release", "cb-1:2", 0)
    assert order.outcomes("repayment_demand", "chargeback:cb-1") == []


def test_a_deposit_is_lost_when_the_balance_is_not_paid_in_time() -> None:
    plan = (
        {"part": "deposit", "amount": money(30_000)},
        {"part": "balance", "amount": money(71_301), "due_at": datetime(2026, 3, 6, 13, tzinfo=UTC)},
    )
    order = Order().placed(payment_plan=plan).accepted().paid(amounts(30_000, 0, 0)).bought(deposit=20_000).decided()
    assert order.outcomes("order_amount") == ["outstanding 71301"]
    assert order.decision("order_amount").due_at == datetime(2026, 3, 6, 13, tzinfo=UTC)
    assert order.decided(at("03-06T13:00")).outcomes("closing") == []
    order.decided(at("03-06T13:00") + 1)
    assert order.stands("closing") == ("balance_unpaid", ["15(2)", "12(3)"])
    assert order.refunds == [("purchase", 9_899, "pay-1")]
    paid = Order().placed(payment_plan=plan).accepted().paid(amounts(30_000, 0, 0)).bought(deposit=20_000)
    paid.paid(amounts(71_301, 0, 0), "pay-2", at=at("03-06T13:00")).decided(at("03-07T13:00"))
    assert paid.outcomes("closing") == []


def test_two_cancellations_take_different_units_while_both_are_pending() -> None:
    order = two_items().bought().asks_to_cancel("a", items={"2": 10}).asks_to_cancel("b", items={"2": 10})
    order.seller_cancels("a").seller_cancels("b", at=20 * HOUR).decided()
    assert order.refunds == [("purchase", 20_000, "pay-1")]


def test_rescinded_goods_that_arrive_all_the_same_are_bought_again() -> None:
    order = two_items().bought().unavailable().decided()
    assert order.outcomes("closing") == ["unavailable"]
    order.received().decided()
    assert order.outcomes("closing") == ["unavailable", "superseded"]
    assert order.outcomes("obligation") == ["terminated"]
