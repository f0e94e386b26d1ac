"""Orders in which much goes wrong at once. The amounts are worked out by hand, with the workings beside them.

Each is received in the order of time, the other way round, and shuffled: the same money must come of it (principle
"Same set, same result").
"""

import random
from collections.abc import Callable, Iterator

import pytest
from purchasing_contracts.events.seller_response import CancellationAgreed, PurchaseConfirmed
from purchasing_contracts.events.warehouse_receipt import CostIncurred

from tests.rules.happenings import refs
from tests.rules.money import money_of
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp, money

LATER = 90 * DAY


def in_several_orders(order: Order, *, at: int = LATER) -> Iterator[Order]:
    """Yield the order as it ends if its facts are received one by one, in several orders of arrival."""
    in_time = sorted(order.facts, key=lambda fact: fact.key)
    hearings = [in_time, in_time[::-1]]
    hearings += [random.Random(seed).sample(in_time, len(in_time)) for seed in range(4)]
    for facts in hearings:
        ended = Order(*order.book.sets)
        for fact in facts:
            ended.facts.append(fact)
            ended.decided()
        yield ended.decided(at)


def standing(order: Order, kind: str, ref: str = "") -> int:
    """Return the amount that stands of a decision; 0 after its second outcome."""
    outcomes = order.outcomes(kind, ref)
    return int(outcomes[-1].split()[1]) if outcomes and " " in outcomes[-1] else 0


def net(order: Order, line: str = "purchase") -> int:
    """Return what a line came to: commanded or refunded elsewhere, less what comes back, plus what is withheld."""
    return money_of(order.examined()).get(line, 0)


def items() -> tuple[object, ...]:
    return (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))


def two_items() -> Order:
    """Return the standard order of the worked examples: 60 and 40 units at 10.00, paid with `pay-1`."""
    return Order().placed(items=items()).accepted().paid()


def risen_out_of_stock_and_tipped() -> Order:
    """Return an order whose price rose with the buyer's agreement, of which one item could then not be had."""
    order = two_items().tipped(25_000, payment_id="pay-1").requoted(amounts(110_000, 1_200, 111))
    return (
        order.paid(amounts(10_000, 0, 10), "pay-2")
        .bought(66_000, 1_200, items={"1": None})
        .unavailable(items={"2": None})
    )


def test_out_of_stock_after_an_agreed_price_rise() -> None:
    for order in in_several_orders(risen_out_of_stock_and_tipped()):
        # Item 2 is 110,000 x 40/100 = 44,000 of the quote. price 67,200, fee 67: 111,311 - 67,267.
        assert net(order) == 44_044
        assert net(order, "tip:tip-1") == 5_000  # above the limit of 200.00
        assert order.outcomes("order_amount")[-1:] in ([], ["settled"])


def test_a_dispute_over_all_of_a_payment_with_a_tip_its_deposit_and_its_goods() -> None:
    order = risen_out_of_stock_and_tipped().decided()
    # The whole payment: 101,301 of the purchase, 25,000 of the tip.
    order.charged_back(126_301, reason="account_stolen", fee=money(1_500)).decided()
    assert order.stands("chargeback", "cb-1") == ("unjust", ["22", "22(2)", "22(3)", "21"])
    # The refund of 44,044 and the tip's 5,000 are out: the purchase and the fee are claimed, the tip was paid twice.
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 102801"]
    assert order.outcomes("repayment_demand", "tip:tip-1") == ["demanded 5000"]
    order.deposit_falls_short(40_000, at=40 * DAY).decided()
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 62801"]
    order.goods_sold(50_000, at=41 * DAY).decided()
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 62801", "released"]
    assert standing(order, "payment_demand", "cb-1") == 12_801
    order.pays_outstanding(12_801, at=42 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1")[-1] == "settled"
    order.chargeback_ends(at=43 * DAY)
    for ended in in_several_orders(order):
        assert ended.stands("chargeback", "cb-1")[0] == "restored"
        assert (net(ended), net(ended, "tip:tip-1")) == (44_044, 5_000)
        # 102,801 came in, the institution's fee of 1,500 is the buyer's.
        assert net(ended, "chargeback:cb-1") == 101_301
        assert standing(ended, "buyer_owes") == 0


def test_two_chargebacks_on_one_payment_with_two_roles_and_two_rounds() -> None:
    order = Order().placed().accepted().paid().bought().tipped(500, payment_id="pay-1")
    order.charged_back(60_000, at=9 * HOUR).charged_back(60_000, "cb-2", at=10 * HOUR, attributable=True).decided()
    # cb-2 takes what cb-1 left: 41,301 of the purchase and the tip.
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 60000"]
    assert order.stands("chargeback", "cb-2") == ("accepted", ["22", "21"])
    order.asks_tip_back(at=11 * HOUR).decided()
    assert (order.outcomes("tip_refund", "tip-1"), order.refunds) == (["agreed"], [])
    order.chargeback_ends(at=12 * HOUR).decided()
    # cb-2 has 59,500 of the purchase and the tip now.
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 60000", "settled"]
    order.charged_back(70_000, stage="pre_arbitration", at=20 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1")[-1] == "demanded 70000"
    assert order.decision("payment_demand", "cb-1").due_at is not None
    order.asks_to_cancel(at=21 * DAY).seller_cancels(at=22 * DAY)
    order.decided()
    # Due 101,200, of which cb-2 gave 31,301 with just cause; the other 69,899 cover cb-1's claim.
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 69899"]
    assert order.outcomes("payment_demand", "cb-1")[-1] == "demanded 101"
    for ended in in_several_orders(order):
        assert (net(ended), net(ended, "tip:tip-1")) == (69_899, 0)


def test_a_part_cancelled_with_a_lower_amount_a_cost_and_the_sellers_money() -> None:
    order = two_items().bought().asks_to_cancel(items={"2": 10})
    order.add(CancellationAgreed(request_id="can-1", penalty=money(300), amount=money(9_500)))
    order.add(CostIncurred(cost_id="c", kind="transport", amount=money(450), borne_by="provider", request_id="can-1"))
    order.seller_refunds(9_300)
    for ended in in_several_orders(order):
        # share 10,000; the seller takes 9,500 less 300, which is what it pays, and 100 more: the buyer's, with no fee.
        # fee 101 - 0.1 = 100.9 -> 101. price 91,200 - 100. 101,301 - 91,100 - 101 - 450 - 800.
        assert net(ended) == 10_100 - 450 - 800
        assert ended.stands("cancellation", "can-1")[0] == "agreed"
    assert order.decided().stands("cancellation", "can-1")[1] == ["12(1)B", "12(3)", "12(4)", "12(5)"]


def test_the_money_of_a_seller_that_pays_before_it_answers() -> None:
    order = Order().placed().accepted().paid().bought().asks_to_cancel().seller_refunds(90_000)
    for ended in in_several_orders(order):
        assert net(ended) == 90_000  # the fee follows if the seller refuses
    refused = Order().placed().accepted().paid().bought().asks_to_cancel().seller_refunds(90_000).seller_wont_cancel()
    for ended in in_several_orders(refused):
        assert net(ended) == 101_301 - 11_200 - 11  # the fee on 101,200 - 90,000 is 11.2
    for ended in in_several_orders(order.seller_cancels(penalty=500)):
        # The seller owes 100,700 on it; what came is a part of that. The fee of 101 stays.
        assert net(ended) == 101_301 - 101 - 500
        assert standing(ended, "seller_excess") == 0


def test_an_answer_after_an_answer_after_an_answer() -> None:
    order = Order().placed().accepted().paid().bought(deposit=30_000).asks_to_cancel()
    order.seller_cancels(penalty=500)
    for ended in in_several_orders(order):
        assert net(ended) == 101_200 - 30_000  # the deposit contains the penalty
    order.seller_wont_cancel(reason="damaged_in_return")
    for ended in in_several_orders(order):
        assert (net(ended), ended.stands("cancellation", "can-1")) == (0, ("refused", ["12(1)B", "12(6)"]))
        assert ended.outcomes("closing")[-1:] in ([], ["superseded"])
    order.add(CancellationAgreed(request_id="can-1", penalty=money(900), amount=money(95_000)))
    for ended in in_several_orders(order):
        # The answer states an amount, so the deposit is no matter: 101,200 - 95,000 + 900 are penalties.
        assert net(ended) == 101_200 - 7_100
        assert ended.stands("closing")[0] == "cancelled"


@pytest.mark.parametrize(
    ("bought", "unavailable", "due"),
    [
        # Without unit prices 50,000 are still reserved for the other item; then nothing is.
        (50_000, False, 0),
        (50_000, True, 101_301 - 51_200 - 51),
        (62_000, False, 0),
        # The price rise of one item is paid with the money of the other: nothing else can be known.
        (62_000, True, 101_301 - 63_200 - 63),
    ],
)
def test_an_order_without_unit_prices(bought: int, unavailable: bool, due: int) -> None:
    order = Order().placed(items=(lamp(quantity=2), lamp(quantity=3, unit_price=money(5)))).accepted().paid()
    order.bought(bought, 1_200, items={"1": None})
    if unavailable:
        order.unavailable(items={"2": None})
    for ended in in_several_orders(order):
        assert net(ended) == due


def test_quantities_beyond_what_there_is() -> None:
    order = two_items().bought(50_000, 1_200, items={"1": 50}).asks_to_cancel(items={"1": 99, "9": 3}).decided()
    # 10 open units at once; 50 bought ones wait.
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)A", "12(1)B", "12(3)"])
    assert order.refunds == [("purchase", 10_000, "pay-1")]
    order.seller_cancels().unavailable(items={"2": 41})
    for ended in in_several_orders(order):
        # All of the purchase is cancelled, with its shipping. fee: 51.2 + 101 x 10,000/101,200 = 61.18 -> 61.
        assert net(ended) == 101_301 - 61
        assert ended.stands("closing")[0] == "unavailable"


def test_a_revision_after_a_unit_ended_and_the_unit_comes_back() -> None:
    order = two_items().bought().unavailable(items={"2": None}).requoted(amounts(60_000, 1_200, 61))
    for ended in in_several_orders(order):
        # Item 2 is not covered, but was bought: 40,000 and a fee of 40 are carried over until the seller pays.
        assert (net(ended), standing(ended, "order_amount")) == (0, 0)
    returned = two_items().bought().unavailable(items={"2": None}).requoted(amounts(60_000, 1_200, 61))
    for ended in in_several_orders(returned.seller_refunds(40_000)):
        assert net(ended) == 40_040
    for ended in in_several_orders(order.received()):
        assert (net(ended), ended.outcomes("obligation")) == (0, ["terminated"])


def test_a_unit_that_a_revision_left_out_and_that_was_cancelled_is_not_carried_over() -> None:
    order = two_items().bought().requoted(amounts(40_000, 1_200, 41), items=refs({"2": None}))
    for ended in in_several_orders(order):
        assert (net(ended), standing(ended, "order_amount")) == (0, 0)
    order.asks_to_cancel(items={"1": None}).seller_cancels()
    for ended in in_several_orders(order):
        # price 41,200; the fee is at most the 41 that the buyer agreed to last.
        assert net(ended) == 101_301 - 41_200 - 41


def test_a_bought_unit_that_was_withdrawn_before_the_payment_is_not_carried_over() -> None:
    order = Order().placed(items=items()).bought().asks_to_cancel(items={"2": None})
    order.requoted(amounts(60_000, 1_200, 61)).accepted().paid(amounts(60_000, 1_200, 61))
    for ended in in_several_orders(order):
        assert ended.outcomes("agreement")[-1] == "effective"
        assert (net(ended), standing(ended, "order_amount")) == (0, 0)


def test_an_agreement_after_a_refusal_cites_the_bar_that_kept_a_unit_from_it() -> None:
    # Item 2 is out of the sale when customs are cleared, and bought again afterwards: only item 1 is barred.
    order = two_items().bought().asks_to_cancel().seller_wont_cancel().unavailable(items={"2": None}).clears_customs()
    order.bought().seller_cancels()
    for ended in in_several_orders(order):
        assert ended.stands("cancellation", "can-1") == ("partly_agreed", ["12(1)B", "12(7)", "12(3)"])


def test_the_sellers_money_before_a_purchase_is_not_cited_as_money_of_a_dissolution() -> None:
    order = two_items().asks_to_dissolve().seller_refunds(700, request="dis-1").paid(amounts(30, 0, 0), "pay-2")
    for ended in in_several_orders(order):
        assert (ended.refunds, ended.refund_clauses()) == ([("purchase", 30, "pay-2")], ["6"])


def test_a_purchase_whose_amount_can_be_read_later() -> None:
    order = Order().placed().accepted().paid()
    data = {
        "purchase_id": "pur-1",
        "goods": money(13_000, "USD"),
        "to_warehouse_shipping": money(200, "USD"),
        "deposit": money(3_300, "USD"),
    }
    order.add(PurchaseConfirmed.model_validate(data))
    for ended in in_several_orders(order):
        assert (net(ended), ended.outcomes("foreign_currency", "e04")) == (0, ["unconverted 13200"])
    order.add(PurchaseConfirmed.model_validate(data | {"settled": money(90_000)}))
    for ended in in_several_orders(order):
        assert net(ended) == 101_301 - 90_000 - 90
        assert ended.outcomes("foreign_currency", "e04")[-1:] in ([], ["converted"])
    order.asks_to_cancel().seller_cancels()
    for ended in in_several_orders(order):
        # shipping round(90,000 x 200/13,200) = 1,364; the deposit is 90,000 x 3,300/13,200 = 22,500.
        assert net(ended) == 101_301 - 90 - 22_500


def test_a_supplement_that_is_charged_back_and_the_order_that_goes_on_without_it() -> None:
    order = two_items().requoted(amounts(110_000, 1_200, 111)).paid(amounts(10_000, 0, 10), "pay-2").bought(110_000)
    order.charged_back(10_010, payment_id="pay-2", attributable=True).unavailable(items={"2": None})
    order.seller_refunds(44_000)
    for ended in in_several_orders(order):
        # The seller's 44,000 and the fee of 44 on them, less what the just chargeback gave: all on pay-1.
        assert net(ended) == 44_044 - 10_010
        assert {payment for _, _, payment in ended.refunds} == {"pay-1"}
        assert standing(ended, "order_amount") == 0


def test_a_price_rise_that_nobody_agreed_to_and_a_partial_chargeback_of_it() -> None:
    order = two_items().bought(120_000, 1_200).received()
    order.charged_back(20_000, attributable=True, reason="not_as_described")
    for ended in in_several_orders(order):
        # The goods were received normally, so it is unjust whatever the cause: 22(1).
        assert ended.stands("chargeback", "cb-1") == ("unjust", ["22", "22(1)"])
        assert (net(ended), standing(ended, "payment_demand", "cb-1")) == (0, 20_000)


def test_losses_and_compensation_are_set_off_and_paid_elsewhere() -> None:
    order = Order().placed().accepted().paid().bought().received().fault_found(30_000).cost(9_000)
    order.asks_to_cancel().seller_cancels(penalty=101_000).refunded_elsewhere(5_000, None, "compensation")
    for ended in in_several_orders(order):
        # Of 101,200, costs are 9,000 and penalties 101,000: 8,800 are owed, and set off against 30,000.
        assert (net(ended), standing(ended, "buyer_owes")) == (0, 0)
        assert net(ended, "compensation") == 30_000 - 8_800


STORIES: dict[str, Callable[[], Order]] = {
    "cancelled": lambda: two_items().asks_to_cancel(),
    "unavailable": lambda: two_items().unavailable(),
    "dissolved": lambda: two_items().bought().asks_to_dissolve().seller_dissolves().seller_refunds(101_200),
}


@pytest.mark.parametrize("story", STORIES)
def test_money_refunded_elsewhere_charged_back_and_due_is_paid_once(story: str) -> None:
    order = STORIES[story]().refunded_elsewhere(40_000).charged_back(30_000, attributable=True)
    due = 101_301 if story == "unavailable" else 101_200
    for ended in in_several_orders(order):
        assert net(ended) == due - 30_000
    order.chargeback_ends()
    for ended in in_several_orders(order):
        assert net(ended) == due


def test_a_deposit_is_lost_unit_by_unit_of_the_purchase_that_it_was_paid_for() -> None:
    order = two_items().bought(60_000, 1_200, items={"1": None})
    order.bought(40_000, 0, deposit=30_000, purchase="pur-2", items={"2": None})
    order.asks_to_cancel("can-1", items={"2": 30}).seller_cancels("can-1")
    for ended in in_several_orders(order):
        # 10,000 of the price are not cancelled, so 20,000 of the deposit are gone.
        assert net(ended) == 30_000 - 20_000
    order.asks_to_cancel("can-2").seller_cancels("can-2")
    for ended in in_several_orders(order):
        # The other 10,000 of it go with the rest, of which 61,200 were paid without a deposit.
        assert net(ended) == 101_200 - 30_000


def test_a_request_took_effect_when_its_first_part_did() -> None:
    order = two_items().bought(40_000, 1_200, items={"2": None})
    order.asks_to_cancel("can-1", items={"1": None, "2": 20}).asks_to_cancel("can-2", items={"2": 20})
    order.seller_cancels("can-2").seller_cancels("can-1")
    order.seller_refunds(20_000, "back-1", request="can-1").seller_refunds(21_200, "back-2", request="can-2")
    for ended in in_several_orders(order):
        # can-1 took item 1 at once, so it is the first: its share is 20,000, and that of can-2 has the shipping in it.
        # So none of the seller's money is the buyer's. The fee: 41.2 + 101 x 60,000/101,200 = 101.1 -> 101.
        assert (net(ended), standing(ended, "seller_excess")) == (101_200, 0)


def test_units_are_bought_from_the_lowest_number_and_cancelled_from_the_highest() -> None:
    order = Order().placed(items=(lamp(quantity=3),)).accepted().paid()
    order.bought(10_000, 0, items={"1": 1}).bought(40_000, 0, purchase="pur-2", items={"1": 2})
    order.asks_to_cancel(items={"1": 1}).seller_cancels()
    for ended in in_several_orders(order):
        # One of the two units of the second purchase: 20,000. Of 101,200 agreed, 30,000 are spent. The fee is 50.
        assert net(ended) == 101_301 - 30_000 - 50


def test_units_that_come_back_keep_their_numbers() -> None:
    order = Order().placed(items=(lamp(quantity=3),)).accepted().paid()
    order.bought(10_000, 0, items={"1": 1}).bought(40_000, 0, purchase="pur-2", items={"1": 2})
    order.asks_to_cancel("a", items={"1": 1}).seller_cancels("a").seller_wont_cancel("a")
    order.asks_to_cancel("b", items={"1": 1}).asks_to_cancel("c", items={"1": 1})
    order.seller_cancels("b").seller_cancels("c")
    for ended in in_several_orders(order):
        # The two units of the second purchase, whichever comes first: 10,000 and a fee of 50 are kept.
        assert net(ended) == 101_301 - 10_000 - 50


def test_where_a_price_is_missing_every_unit_weighs_the_same() -> None:
    order = Order().placed(items=(lamp(quantity=2), lamp(quantity=3, unit_price=money(5)))).accepted().paid().bought()
    order.asks_to_cancel(items={"2": 1}).seller_cancels()
    for ended in in_several_orders(order):
        assert net(ended) == 20_000


def test_an_order_of_which_a_part_ended_before_it_was_effective_needs_less() -> None:
    quote = amounts(third=300)
    order = Order().placed(items=items(), quote=quote).accepted().unavailable(items={"2": None})
    # 60,000 and 1,200, the fee of 101 x 61,200/101,200 = 61.08 -> 61, and the 300 of others.
    short = order.paid(amounts(61_560, 0, 0)).decided()
    assert short.outcomes("agreement") == ["short_paid"]
    short.paid(amounts(1, 0, 0), "pay-2").decided()
    assert short.outcomes("agreement") == ["short_paid", "effective"]
    assert short.outcomes("order_amount") == []


def test_the_penalty_of_a_part_stays_the_same_when_the_rest_is_cancelled() -> None:
    order = two_items().bought(110_000, 1_200).asks_to_cancel("can-1", items={"2": None})
    order.add(CancellationAgreed(request_id="can-1", amount=money(39_000)))
    for ended in in_several_orders(order):
        # The share is 44,000, and as the buyer agreed to 40,000 the seller keeps 1,000 of it.
        assert net(ended) == 39_000
    order.asks_to_cancel("can-2").seller_cancels("can-2")
    for ended in in_several_orders(order):
        # Only the second share contains the shipping. The fee of 101 and the 1,000 are kept.
        assert net(ended) == 101_301 - 101 - 1_000


def test_return_costs_are_not_owed_while_money_of_the_seller_is_missing() -> None:
    order = two_items().bought().asks_to_dissolve(items={"1": None}).seller_dissolves().unavailable(items={"2": None})
    data = {"cost_id": "c", "kind": "transport", "amount": money(90_000), "request_id": "dis-1"}
    order.add(CostIncurred.model_validate(data)).seller_refunds(60_000)
    for ended in in_several_orders(order):
        # 60,000 came, as much as the dissolved item cost, and 41,200 are still to come for the other and the shipping.
        assert (net(ended), standing(ended, "buyer_owes")) == (0, 0)
    order.seller_refunds(41_200, "back-2")
    for ended in in_several_orders(order):
        assert (net(ended), standing(ended, "buyer_owes")) == (101_200 - 90_000, 0)


def test_an_amount_above_the_share_changes_nothing() -> None:
    order = two_items().bought().asks_to_cancel(items={"2": 10})
    order.add(CancellationAgreed(request_id="can-1", amount=money(15_000)))
    for ended in in_several_orders(order):
        assert net(ended) == 10_000


def test_an_overpayment_does_not_raise_the_claim_on_a_chargeback() -> None:
    order = Order().placed().accepted().paid().bought(90_000).decided().bought(100_000).charged_back(50_000).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 10010"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 50000"]


def test_items_that_weigh_nothing_together_are_valued_by_their_number() -> None:
    free = (lamp(quantity=2, unit_price=money(0)), lamp(quantity=1, unit_price=money(1_000)))
    order = Order().placed(items=free).accepted().paid()
    order.requoted(amounts(500, 0, 0), items=refs({"1": None})).unavailable(items={"1": 1}).decided()
    # The open unit of item 1 is 250 of the 500. Item 2 is not covered, and was not bought.
    assert order.refunded() == 101_301 - 250


def test_the_shipping_of_a_purchase_is_converted_with_its_total() -> None:
    order = two_items()
    data = {
        "purchase_id": "pur-1",
        "goods": money(9_950, "USD"),
        "to_warehouse_shipping": money(50, "USD"),
        "settled": money(60_000),
        "items": refs({"1": None}),
    }
    order.add(PurchaseConfirmed.model_validate(data))
    for ended in in_several_orders(order):
        # 300 are shipping, so 900 of it are reserved beside item 2. fee: 60 + 101 x 40,900/101,200 = 100.8 -> 101.
        assert net(ended) == 101_301 - 60_000 - 40_900 - 101


def test_an_overpayment_on_one_line_is_set_off_against_another_and_not_demanded() -> None:
    order = Order().placed().accepted().paid().bought(90_000).decided().bought(100_000).fault_found(30_000).decided()
    assert order.outcomes("repayment_demand", "purchase") == []
    assert order.refunds[1:] == [("compensation", 30_000 - 10_010, "buyer_account")]
    assert order.outcomes("refund_withheld", "compensation") == ["withheld 10010"]
    assert order.stands("refund_withheld", "compensation")[1] == ["6(1)", "10"]


def test_a_payment_that_was_refunded_elsewhere_takes_no_more() -> None:
    order = Order().placed().accepted().paid(amounts(50_000, 0, 0)).paid(amounts(50_000), "pay-2")
    order.refunded_elsewhere(50_000, "pay-1").asks_to_cancel().decided()
    assert order.refunds == [("purchase", 51_200, "pay-2")]


def test_a_purchase_of_as_much_shipping_as_goods_is_converted_in_halves() -> None:
    order = Order().placed().accepted().paid()
    data = {"purchase_id": "pur-1", "goods": money(100, "USD"), "to_warehouse_shipping": money(100, "USD")}
    order.add(PurchaseConfirmed.model_validate(data | {"settled": money(50_000)})).decided()
    assert order.refunded() == 101_301 - 50_000 - 50
