"""Clause 15: goods to be cautious about."""

from collections.abc import Callable

import pytest
from purchasing_contracts.decisions import DecisionMade

from tests.rules.orders import DAY, QUOTE, Order, amounts, lamp, money, when


@pytest.mark.parametrize(
    ("categories", "clauses"),
    [
        ((), ["2"]),
        (("customized",), ["2", "15(1)"]),
        (("low_reputation_seller",), ["2", "15(3)"]),
        (("no_market_price",), ["2", "15(4)"]),
        (("no_market_price", "customized", "customized"), ["2", "15(1)", "15(4)"]),
        (("advance_deposit", "sensitive_or_restricted"), ["2"]),
    ],
)
def test_the_effective_agreement_names_the_cautions_and_they_change_no_money(
    categories: tuple[str, ...], clauses: list[str]
) -> None:
    order = Order().placed(categories=categories).accepted().paid().decided()
    assert order.stands("agreement") == ("effective", clauses)
    order.asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_a_short_paid_agreement_names_no_cautions() -> None:
    order = Order().placed(categories=("customized",)).accepted().paid(amounts(fee=0)).decided()
    assert order.stands("agreement") == ("short_paid", ["2"])


def test_a_deposit_is_lost_on_cancellation_and_not_on_unavailability() -> None:
    order = Order().placed(categories=("advance_deposit",)).accepted().paid().bought(deposit=30_000)
    order.asks_to_cancel().seller_cancels().decided()
    assert order.refunds == [("purchase", 71_200, "pay-1")]
    assert order.refund_clauses() == ["12(1)B", "12(3)", "15(2)"]
    gone = Order().placed().accepted().paid().bought(deposit=30_000).unavailable().decided()
    assert gone.refunds == []
    assert gone.seller_refunds(101_200).decided().refunds == [("purchase", 101_301, "pay-1")]


def test_a_deposit_is_kept_whatever_category_was_declared() -> None:
    order = Order().placed().accepted().paid().bought(deposit=1).asks_to_cancel().seller_cancels().decided()
    assert order.refunded() == 101_199


def test_restricted_goods_refused_keep_the_costs() -> None:
    order = Order().placed(categories=("sensitive_or_restricted",)).accepted().paid().cost(900).refused("restricted")
    assert order.decided().refunds == [("purchase", 100_401, "pay-1")]
    assert order.refund_clauses() == ["15(5)"]


def with_a_balance(balance: int, paid: int) -> Order:
    """Return an order with a deposit of 300.00 and a balance due at the third day, which is over."""
    plan = (
        {"part": "deposit", "amount": money(30_000)},
        {"part": "balance", "amount": money(balance), "due_at": when(3 * DAY)},
        {"part": "balance", "amount": money(7), "due_at": when(3 * DAY + 1)},
        {"part": "balance", "amount": money(5)},
    )
    return Order().placed(payment_plan=plan).accepted().paid(amounts(paid, 0, 0)).bought(deposit=20_000)


@pytest.mark.parametrize(("balance", "closing"), [(20_000, []), (20_001, ["balance_unpaid"])])
def test_only_the_deposit_and_the_balances_due_by_then_must_have_been_paid(balance: int, closing: list[str]) -> None:
    order = with_a_balance(balance, 50_000).decided(3 * DAY + 1)
    assert order.outcomes("closing") == closing


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda order: order.received(at=3 * DAY, final=False),
        lambda order: order.clears_customs(at=3 * DAY),
        lambda order: order.bought(0, 0, purchase="pur-2", at=3 * DAY),
        lambda order: order.charged_back(50_000, at=2 * DAY).paid(amounts(1, 0, 0), "pay-2", at=3 * DAY),
    ],
    ids=["received", "cleared", "a purchase without a deposit", "paid, though charged back"],
)
def test_a_balance_that_is_missing_ends_nothing_once_the_goods_are_on_their_way(
    meanwhile: Callable[[Order], Order],
) -> None:
    order = meanwhile(with_a_balance(20_001, 50_000)).decided(3 * DAY + 1)
    assert order.outcomes("closing") == []
    assert order.stands("order_amount")[0] == "outstanding"


def dated(*days: int) -> tuple[dict[str, object], ...]:
    """Return a payment plan with a deposit of 300.00, and the rest at each of these days."""
    rest = [{"part": "balance", "amount": money(71_301), "due_at": when(day * DAY)} for day in days]
    return ({"part": "deposit", "amount": money(30_000)}, *rest)


@pytest.mark.parametrize(
    ("days", "published"),
    [
        ((7,), [5, 7]),  # later
        ((3,), [5, 3]),  # earlier
        ((5, 7), [5]),  # one more, later
        ((3, 5), [5, 3]),  # one more, earlier
        ((), [5, None]),  # none any more
        ((5,), [5]),
    ],
    ids=str,
)
def test_a_new_plan_with_another_date_is_published_though_the_amount_is_the_same(
    days: tuple[int, ...], published: list[int | None]
) -> None:
    order = Order().placed(payment_plan=dated(5)).accepted().paid(amounts(30_000, 0, 0)).decided()
    order.requoted(QUOTE, payment_plan=dated(*days)).decided()
    dates = [one.due_at for one in order.of(DecisionMade) if one.kind == "order_amount"]
    assert dates == [None if day is None else when(day * DAY) for day in published]


def test_a_date_that_passes_is_not_published() -> None:
    order = Order().placed(payment_plan=dated(5, 7)).accepted().paid(amounts(30_000, 0, 0)).bought().decided()
    assert order.decided(6 * DAY).outcomes("order_amount") == ["outstanding 71301"]
    assert order.requoted(QUOTE, at=6 * DAY, payment_plan=dated(8)).decided().decision("order_amount").due_at == when(
        8 * DAY
    )


def test_an_unpaid_balance_ends_open_and_bought_units_alike() -> None:
    plan = (
        {"part": "deposit", "amount": money(30_000)},
        {"part": "balance", "amount": money(71_301), "due_at": when(3 * DAY)},
    )
    order = Order().placed(items=(lamp(), lamp()), payment_plan=plan).accepted().paid(amounts(30_000, 0, 0))
    order.bought(50_000, 1_200, deposit=20_000, items={"1": None}).cost(100).decided(3 * DAY + 1)
    # fee: 51.2 + 101 x 50,000/101,200 = 101.1 -> 101. 30,000 less the fee, the cost and the deposit.
    assert order.refunds == [("purchase", 30_000 - 101 - 100 - 20_000, "pay-1")]
    assert order.stands("closing") == ("balance_unpaid", ["15(2)", "12(3)", "12(4)"])
    # It counts as a cancellation of that instant: the seller's money up to the share without the deposit is not the
    # buyer's.
    order.seller_refunds(31_200, at=4 * DAY).decided()
    assert order.refunded() == 9_799


@pytest.mark.parametrize(("at", "closing"), [(3 * DAY, []), (3 * DAY + 1, ["balance_unpaid"])])
def test_the_sellers_money_that_came_by_then_makes_less_of_the_order_amount_missing(
    at: int, closing: list[str]
) -> None:
    # price 41,200 and a fee of 41 are left of it, and 50,000 were paid.
    order = with_a_balance(20_001, 50_000).seller_refunds(60_000, at=at).decided(4 * DAY)
    assert order.outcomes("closing") == closing


@pytest.mark.parametrize(
    ("deposit", "paid", "agreement"),
    [
        (30_000, 29_999, "short_paid"),
        (30_000, 30_000, "effective"),
        (200_000, 101_300, "short_paid"),
        (200_000, 101_301, "effective"),
    ],
)
def test_the_agreement_needs_at_most_the_deposit_and_at_most_the_order_amount(
    deposit: int, paid: int, agreement: str
) -> None:
    plan = ({"part": "deposit", "amount": money(deposit)},)
    order = Order().placed(payment_plan=plan).accepted().paid(amounts(paid, 0, 0)).decided()
    assert order.stands("agreement")[0] == agreement
