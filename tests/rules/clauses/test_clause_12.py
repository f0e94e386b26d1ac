"""Clause 12: requests to cancel, in the order of the steps by which they are judged."""

import pytest
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.warehouse_receipt import CostIncurred

from tests.rules.orders import DAY, HOUR, Order, amounts, lamp, money, terms


def effective() -> Order:
    """Return an order that is effective at the second hour, with a deadline to cancel at the hundredth."""
    return Order().placed(deadline=100 * HOUR).accepted().paid(at=2 * HOUR)


def judged(order: Order) -> tuple[str, list[str]]:
    return order.decided().stands("cancellation", "can-1")


def story(
    asked: int,
    channel: str = "platform",
    bought: bool = True,
    answer: str = "agrees",
    cleared: bool = True,
    spoiled: bool = True,
    ended: bool = True,
) -> Order:
    """Return a request with everything against it that is not taken back."""
    order = effective()
    if bought:
        order.bought(at=3 * HOUR)
    if ended:
        order.received(at=4 * HOUR)
    if cleared:
        order.clears_customs(at=5 * HOUR)
    if spoiled:
        order.objects(at=5 * HOUR).verified("logistics", at=6 * HOUR)
    order.asks_to_cancel(at=asked, channel=channel)
    if answer == "agrees":
        order.seller_cancels(at=asked + HOUR)
    elif answer:
        order.seller_wont_cancel(reason=answer, at=asked + HOUR)
    return order


IN_TIME, TOO_LATE, TOO_EARLY = 10 * HOUR, 101 * HOUR, HOUR


@pytest.mark.parametrize(
    ("order", "outcome", "clauses"),
    [
        (story(TOO_EARLY, channel="other"), "refused", ["12(2)"]),
        (story(TOO_LATE, channel="other"), "refused", ["12(2)"]),
        (story(TOO_EARLY), "withdrawn", ["2"]),
        (story(TOO_LATE), "refused", ["12(7)"]),
        (story(TOO_LATE, cleared=False), "refused", ["12(2)"]),
        (story(IN_TIME, bought=False), "refused", ["12(7)"]),
        (story(IN_TIME, answer="declined"), "refused", ["12(7)"]),
        (story(IN_TIME), "refused", ["12(7)"]),
        (story(IN_TIME, answer=""), "refused", ["12(7)"]),
        (story(IN_TIME, cleared=False), "refused", ["17"]),
        (story(IN_TIME, cleared=False, answer=""), "refused", ["17"]),
        (story(IN_TIME, cleared=False, bought=False), "refused", ["17"]),
        (story(IN_TIME, cleared=False, spoiled=False), "agreed", ["12(1)B", "12(3)", "16"]),
        (story(IN_TIME, cleared=False, spoiled=False, answer=""), "pending", ["12(1)B", "16"]),
        (story(IN_TIME, cleared=False, spoiled=False, bought=False), "agreed", ["12(1)A", "12(1)B", "12(3)", "16"]),
        (story(IN_TIME, cleared=False, spoiled=False, ended=False), "agreed", ["12(1)B", "12(3)"]),
        (story(IN_TIME, cleared=False, spoiled=False, ended=False, answer="declined"), "refused", ["12(1)B"]),
    ],
)
def test_the_first_step_that_applies_judges_the_request(order: Order, outcome: str, clauses: list[str]) -> None:
    found, cited = judged(order)
    assert found == outcome
    # That 16 is cited beside a refusal by 12(7) or 17 is left open: these end the matter by themselves.
    assert [clause for clause in cited if clauses[0] not in {"12(7)", "17"} or clause != "16"] == clauses


@pytest.mark.parametrize(
    ("at", "outcome", "clauses"),
    [
        (100 * HOUR - 1, "agreed", ["12(1)A", "12(3)"]),
        (100 * HOUR, "agreed", ["12(1)A", "12(3)"]),
        (100 * HOUR + 1, "refused", ["12(2)"]),
    ],
)
def test_a_request_at_the_last_instant_of_the_deadline_is_in_time(at: int, outcome: str, clauses: list[str]) -> None:
    assert judged(effective().asks_to_cancel(at=at)) == (outcome, clauses)


def test_without_a_deadline_a_request_is_never_too_late() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel(at=5_000 * DAY)
    assert judged(order) == ("agreed", ["12(1)A", "12(3)"])


@pytest.mark.parametrize(
    ("at", "outcome"), [(5 * HOUR - 1, "agreed"), (5 * HOUR, "pending"), (5 * HOUR + 1, "pending")]
)
def test_a_purchase_as_of_the_request_needs_the_sellers_answer(at: int, outcome: str) -> None:
    assert judged(effective().bought(at=5 * HOUR).asks_to_cancel(at=at))[0] == outcome


@pytest.mark.parametrize(("at", "ended"), [(5 * HOUR - 1, False), (5 * HOUR, True), (5 * HOUR + 1, True)])
def test_16_is_cited_from_the_moment_the_obligation_ended(at: int, ended: bool) -> None:
    order = effective().bought(at=3 * HOUR).received(at=5 * HOUR).asks_to_cancel(at=at)
    assert judged(order) == ("pending", ["12(1)B", "16"] if ended else ["12(1)B"])


@pytest.mark.parametrize(
    ("cleared", "outcome"), [(9 * HOUR - 1, "refused"), (9 * HOUR, "refused"), (9 * HOUR + 1, "agreed")]
)
@pytest.mark.parametrize("bought", [True, False])
def test_customs_cleared_at_or_before_the_request_takes_effect_refuse_it(
    cleared: int, outcome: str, bought: bool
) -> None:
    order = effective()
    if bought:  # then it takes effect with the answer
        order.bought().asks_to_cancel(at=7 * HOUR).seller_cancels(at=9 * HOUR)
    else:
        order.asks_to_cancel(at=9 * HOUR)
    found, clauses = judged(order.clears_customs(at=cleared))
    assert found == outcome
    assert ("12(7)" in clauses) is (outcome == "refused")


@pytest.mark.parametrize("late", ["objection", "verdict"])
@pytest.mark.parametrize(
    ("at", "outcome"), [(9 * HOUR - 1, "refused"), (9 * HOUR, "refused"), (9 * HOUR + 1, "agreed")]
)
def test_a_package_spoiled_by_logistics_refuses_what_takes_effect_later(late: str, at: int, outcome: str) -> None:
    order = effective().bought().asks_to_cancel(at=7 * HOUR).seller_cancels(at=9 * HOUR)
    order.objects(at=at if late == "objection" else 8 * HOUR)
    order.verified(at=at if late == "verdict" else 8 * HOUR)
    found, clauses = judged(order)
    assert found == outcome
    assert ("17" in clauses) is (outcome == "refused")


def test_a_pending_request_is_refused_by_customs_or_logistics_at_any_time() -> None:
    pending = effective().bought().asks_to_cancel().decided()
    assert pending.outcomes("cancellation", "can-1") == ["pending"]
    assert judged(pending.clears_customs(at=90 * DAY)) == ("refused", ["12(7)"])
    pending = effective().bought().asks_to_cancel().objects(at=80 * DAY)
    assert judged(pending.verified(at=90 * DAY)) == ("refused", ["17"])


def not_effective() -> Order:
    """Return an accepted order, paid in part, of which goods were received without a purchase that is known."""
    return Order().placed().accepted().paid(amounts(60_000, 0, 0)).received()


def test_a_verdict_before_a_withdrawal_that_waits_does_not_refuse_it() -> None:
    order = not_effective().objects().verified("logistics").asks_to_cancel()
    assert judged(order) == ("pending", ["2"])
    assert judged(order.seller_cancels()) == ("withdrawn", ["2"])
    assert order.refunds == [("purchase", 60_000, "pay-1")]


def test_a_verdict_while_a_withdrawal_waits_refuses_it_also_if_another_one_stands() -> None:
    order = not_effective().asks_to_cancel().objects().verified("logistics")
    assert judged(order) == ("refused", ["17"])
    order = not_effective().objects().verified("logistics").asks_to_cancel()
    assert judged(order.objects("obj-2").verified("logistics", "obj-2")) == ("refused", ["17"])


def test_a_verdict_does_not_stop_a_later_agreement_before_the_order_is_effective() -> None:
    order = not_effective().asks_to_cancel().seller_wont_cancel().objects().verified("logistics").seller_cancels()
    assert judged(order) == ("withdrawn", ["2"])
    assert (order.outcomes("fact", "e09"), order.refunds) == ([], [("purchase", 60_000, "pay-1")])


@pytest.mark.parametrize(("scope", "to"), [("quality", "logistics"), ("package", "seller"), ("package", "none")])
def test_only_a_package_objection_that_is_logistics_doing_bars_a_cancellation(scope: str, to: str) -> None:
    order = effective().bought().objects(scope=scope).verified(to).asks_to_cancel().seller_cancels()
    assert judged(order)[0] == "agreed"


@pytest.mark.parametrize("answered", [3 * HOUR, 6 * HOUR])
def test_an_answer_given_before_the_request_works_from_the_request(answered: int) -> None:
    order = effective().bought(at=3 * HOUR).seller_cancels(at=answered).asks_to_cancel(at=6 * HOUR)
    # Unavailable a moment earlier closes the order; a moment later it is cancelled already.
    assert judged(order.unavailable(at=6 * HOUR + 1)) == ("agreed", ["12(1)B", "12(3)"])
    assert judged(order.unavailable(at=6 * HOUR - 1)) == ("moot", ["9", "10"])


def test_the_sellers_latest_answer_counts_whichever_it_is() -> None:
    yes = effective().bought().asks_to_cancel().seller_wont_cancel().seller_cancels()
    assert judged(yes)[0] == "agreed"
    no = effective().bought().asks_to_cancel().seller_cancels().seller_wont_cancel()
    assert judged(no) == ("refused", ["12(1)B"])


def test_an_answer_to_another_request_answers_nothing() -> None:
    assert judged(effective().bought().asks_to_cancel().seller_cancels("can-2")) == ("pending", ["12(1)B"])


def test_a_seller_that_agrees_to_cancel_before_any_purchase_is_not_needed() -> None:
    order = effective().asks_to_cancel(at=5 * HOUR).seller_cancels(penalty=900).decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


QUOTE_WITH_ALL = amounts(own=500, third=300)
"""1,018.01 for the provider, 3.00 for others."""


@pytest.mark.parametrize(
    ("deposit", "costs", "penalty", "refunded", "owed", "clauses"),
    [
        (0, 0, 0, 101_700, 0, ["12(1)B", "7", "12(3)"]),
        (0, 900, 0, 100_800, 0, ["12(1)B", "7", "12(3)", "12(4)"]),
        (0, 0, 5_000, 96_700, 0, ["12(1)B", "7", "12(3)", "12(5)"]),
        (30_000, 0, 0, 71_700, 0, ["12(1)B", "7", "12(3)", "15(2)"]),
        (30_000, 900, 5_000, 70_800, 0, ["12(1)B", "7", "12(3)", "12(4)", "12(5)", "15(2)"]),
        (0, 101_699, 0, 1, 0, ["12(1)B", "7", "12(3)", "12(4)"]),
        (0, 101_700, 0, 0, 0, []),
        (0, 101_701, 0, 0, 1, []),
        (0, 100_000, 2_000, 0, 300, []),
        (500_000, 0, 0, 500, 0, []),  # a deposit takes at most the price
        (500_000, 100_000, 2_000, 0, 300, []),
        (2_000, 100_000, 0, 0, 0, []),
    ],
)
def test_costs_and_penalties_beyond_the_money_are_owed(
    deposit: int, costs: int, penalty: int, refunded: int, owed: int, clauses: list[str]
) -> None:
    order = Order().placed(quote=QUOTE_WITH_ALL).accepted().paid(QUOTE_WITH_ALL)
    order.bought(deposit=deposit).cost(costs).cost(7_777, "others", borne_by="third_party")
    order.asks_to_cancel().seller_cancels(penalty=penalty).decided()
    assert order.refunded() == refunded
    if clauses:
        assert order.refund_clauses() == clauses
    assert order.outcomes("repayment_demand", "purchase") == []
    assert order.outcomes("buyer_owes") == ([f"noted {owed}"] if owed else [])
    if owed:
        assert order.stands("buyer_owes")[1] == ["12(4)"] + (["12(5)"] if penalty else [])


def test_costs_before_a_purchase_are_kept_under_12_4() -> None:
    order = effective().cost(400).asks_to_cancel().cost(150, "cost-2").decided()  # also as a result of it
    assert order.refunds == [("purchase", 100_650, "pay-1")]
    assert order.refund_clauses() == ["12(1)A", "12(3)", "12(4)"]


def test_costs_received_after_the_refund_are_demanded_back() -> None:
    order = effective().asks_to_cancel().decided().cost(400).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 400"]
    assert order.stands("repayment_demand", "purchase")[1] == ["12(1)A", "12(3)", "12(4)"]


def test_the_fee_kept_is_that_on_the_price_with_later_corrections() -> None:
    quote = amounts(fee=500)
    order = Order().placed(quote=quote).accepted().paid(quote).bought(200_000, 0, deposit=10)
    order.asks_to_cancel().bought(400_000, 0, deposit=50_000).seller_cancels().decided()
    assert order.refunded() == 101_700 - 400 - 50_000


@pytest.mark.parametrize(("refund_fee", "refunded"), [(False, 101_200), (True, 101_301)])
def test_the_terms_decide_whether_the_fee_is_refunded(refund_fee: bool, refunded: int) -> None:
    order = Order(terms(refund_fee_on_cancellation=refund_fee)).placed().accepted().paid().asks_to_cancel()
    assert order.decided().refunded() == refunded
    assert ("12(3)" in order.refund_clauses()) is not refund_fee
    assert ("12(3)" in order.stands("cancellation", "can-1")[1]) is not refund_fee


def test_12_3_is_not_cited_where_no_fee_was_collected() -> None:
    quote = amounts(fee=0)
    order = Order().placed(quote=quote).accepted().paid(quote).asks_to_cancel().decided()
    assert order.refund_clauses() == ["12(1)A"]


@pytest.mark.parametrize(("first", "second"), [("can-1", "can-2"), ("can-2", "can-1")])
def test_of_two_requests_in_one_instant_the_lower_id_closes_the_order(first: str, second: str) -> None:
    order = effective().asks_to_cancel(first, at=9 * HOUR).asks_to_cancel(second, at=9 * HOUR).decided()
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)A", "12(3)"])
    assert order.stands("cancellation", "can-2") == ("moot", ["12(1)A", "12(3)"])
    assert order.refunded() == 101_200


def test_at_one_instant_a_cancellation_before_the_purchase_comes_first() -> None:
    order = effective().asks_to_cancel("can-2", at=8 * HOUR).bought(at=9 * HOUR)
    order.asks_to_cancel("can-1", at=9 * HOUR).seller_cancels("can-1", at=9 * HOUR).decided()
    assert order.stands("cancellation", "can-2")[0] == "agreed"
    assert order.stands("cancellation", "can-1") == ("moot", ["12(1)A", "12(3)"])


def test_the_first_effective_answer_closes_the_order_and_moots_open_requests() -> None:
    order = effective().bought().asks_to_cancel("can-1").asks_to_cancel("can-2").asks_to_cancel("can-3")
    order.asks_to_cancel("can-4", channel="other").asks_to_dissolve().decided()
    assert order.outcomes("dissolution", "dis-1") == ["pending"]
    order.seller_cancels("can-2").seller_cancels("can-1").decided()
    closed_by = ["12(1)B", "12(3)"]
    assert order.stands("cancellation", "can-2") == ("agreed", closed_by)
    assert order.stands("cancellation", "can-1") == ("moot", ["12(1)B"])
    assert order.stands("cancellation", "can-3") == ("moot", ["12(1)B"])
    assert order.stands("cancellation", "can-4") == ("refused", ["12(2)"])
    assert order.stands("dissolution", "dis-1") == ("moot", ["12(1)B"])


def test_a_purchase_received_after_the_cancellation_turns_the_refund_into_a_demand() -> None:
    order = effective().asks_to_cancel(at=9 * HOUR).decided()
    order.bought(at=8 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed", "pending"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]
    order.seller_cancels(penalty=5_000, at=12 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed", "pending", "agreed"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", "demanded 5000"]
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)B", "12(3)", "12(5)"])


def test_a_purchase_made_after_the_cancellation_changes_nothing_whenever_received() -> None:
    order = effective().asks_to_cancel(at=9 * HOUR).decided().bought(at=9 * HOUR + 1).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_customs_received_late_undo_a_cancellation() -> None:
    order = effective().bought().asks_to_cancel(at=9 * HOUR).seller_cancels(at=10 * HOUR).decided()
    order.clears_customs(at=8 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed", "refused"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]


def test_goods_damaged_on_their_way_back_undo_the_sellers_yes() -> None:
    order = effective().bought().asks_to_cancel().seller_cancels().decided()
    assert order.refunded() == 101_200
    order.seller_wont_cancel(reason="damaged_in_return").decided()
    assert order.stands("cancellation", "can-1") == ("refused", ["12(1)B", "12(6)"])
    assert order.outcomes("closing") == ["cancelled", "superseded"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]


def test_a_request_taken_back_after_the_obligation_ended_cites_16() -> None:
    order = Order().placed().accepted().paid().bought().received().asks_to_cancel().takes_back().decided()
    assert order.stands("cancellation", "can-1") == ("withdrawn_by_buyer", ["12", "16"])


def two_lamps() -> Order:
    return Order().placed(items=(lamp(), lamp())).accepted().paid()


def test_a_request_for_what_had_ended_cites_what_ended_it_also_when_that_comes_back() -> None:
    order = effective().bought().unavailable().asks_to_cancel().received().decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_request_for_an_ended_item_cites_what_ended_it_then() -> None:
    order = two_lamps().bought().unavailable(items={"2": None}).asks_to_cancel(items={"2": None})
    order.received(items={"2": None}).decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_request_cites_the_bar_that_kept_units_from_it_not_one_that_came_later() -> None:
    order = two_lamps().bought(50_000, 1_200, items={"1": None}).clears_customs().asks_to_cancel()
    order.confirms_receipt().decided()
    assert order.stands("cancellation", "can-1") == ("partly_agreed", ["12(1)A", "12(7)", "12(3)"])


def test_a_pending_part_that_customs_bars_cites_that_bar_not_one_that_came_later() -> None:
    order = effective().bought().asks_to_cancel().clears_customs().confirms_receipt().decided()
    assert order.stands("cancellation", "can-1") == ("refused", ["12(7)"])


def test_a_part_that_was_barred_and_then_ended_otherwise_leaves_the_request_agreed() -> None:
    order = two_lamps().bought(50_000, 1_200, items={"1": None}).clears_customs().asks_to_cancel()
    assert order.decided().stands("cancellation", "can-1")[0] == "partly_agreed"
    order.asks_to_dissolve().seller_dissolves().decided()
    assert order.stands("cancellation", "can-1")[0] == "agreed"


def test_customs_does_not_bar_units_that_the_seller_had_withdrawn_by_then() -> None:
    order = effective().bought().unavailable().clears_customs().received().asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)B", "16"])


def test_a_part_that_the_buyer_took_back_is_cited_beside_the_part_that_took_effect() -> None:
    order = two_lamps().bought(50_000, 1_200, items={"1": None}).asks_to_cancel().takes_back().decided()
    assert order.stands("cancellation", "can-1") == ("partly_agreed", ["12(1)A", "12", "12(3)"])


def test_damage_on_the_way_back_is_cited_where_only_a_part_was_refused_for_it() -> None:
    order = two_lamps().bought(50_000, 1_200, items={"1": None}).asks_to_cancel()
    order.seller_wont_cancel(reason="damaged_in_return").decided()
    assert order.stands("cancellation", "can-1") == ("partly_agreed", ["12(1)A", "12(1)B", "12(6)", "12(3)"])
    assert "12(6)" in order.refund_clauses()


def test_units_that_come_back_after_the_agreement_leave_it_partly_agreed() -> None:
    order = two_lamps().bought().asks_to_cancel().unavailable(items={"2": None}).seller_cancels().decided()
    assert order.stands("cancellation", "can-1")[0] == "agreed"
    order.received().decided()
    assert order.stands("cancellation", "can-1")[0] == "partly_agreed"


def test_a_request_taken_back_cites_the_bar_that_kept_a_part_from_it() -> None:
    order = two_lamps().bought(50_000, 600, items={"1": None}).clears_customs()
    order.bought(50_000, 600, purchase="pur-2").asks_to_cancel().takes_back().decided()
    assert order.stands("cancellation", "can-1") == ("withdrawn_by_buyer", ["12(7)", "12"])


def test_taking_back_what_can_change_nothing_cites_the_request_made_on_the_platform() -> None:
    order = Order().placed(mandate_at=None).asks_to_cancel(channel="other").asks_to_cancel().takes_back().decided()
    (ignored,) = [one for one in order.of(DecisionMade) if one.kind == "fact"]
    assert (ignored.ground, [basis.clause for basis in ignored.basis]) == ("request_ended", ["8(3)", "1(2)"])


@pytest.mark.parametrize("dissolution_first", [True, False])
def test_taking_back_what_can_change_nothing_cites_the_cancellation_of_that_id(dissolution_first: bool) -> None:
    order = Order().placed(mandate_at=None).takes_back("x", at=9 * HOUR)
    first, second = (HOUR, 2 * HOUR) if dissolution_first else (2 * HOUR, HOUR)
    order.asks_to_dissolve("x", at=first).asks_to_cancel("x", at=second).decided()
    assert (order.stands("dissolution", "x"), order.stands("cancellation", "x")) == (
        ("refused", ["2"]),
        ("moot", ["1(2)"]),
    )
    assert order.stands("fact", "e02") == ("ignored", ["8(3)", "1(2)"])


def test_a_purchase_of_no_unit_goes_with_the_request_that_took_effect_last() -> None:
    one = lamp(quantity=1, unit_price=money(50_000))
    order = Order().placed(items=(one, one)).accepted().paid().bought().bought(500, 0, purchase="pur-2")
    order.asks_to_cancel("can-1", items={"2": None}).seller_cancels("can-1")
    order.asks_to_cancel("can-2", items={"1": None}).seller_cancels("can-2").decided()
    before = order.refunds
    # The rest of the first purchase, with its shipping, and all of the second: none of it is the buyer's again.
    order.seller_refunds(51_200 + 500, request="can-2").decided()
    assert (order.refunds, order.outcomes("seller_excess")) == (before, [])


def three_of_one_item(bought: int = 1) -> Order:
    """Return an order of three units, of which some were bought and have left the country."""
    order = Order().placed(items=(lamp(quantity=3),)).accepted().paid()
    return order.bought(30_000, 1_200, items={"1": bought}).clears_customs()


@pytest.mark.parametrize(
    ("quantity", "outcome", "clauses"),
    [
        (1, "agreed", ["12(1)A", "12(3)"]),
        (2, "agreed", ["12(1)A", "12(3)"]),
        (3, "partly_agreed", ["12(1)A", "12(7)", "12(3)"]),
        (None, "partly_agreed", ["12(1)A", "12(7)", "12(3)"]),
    ],
)
def test_a_bar_matters_to_a_request_only_for_units_that_it_could_not_get_elsewhere(
    quantity: int | None, outcome: str, clauses: list[str]
) -> None:
    order = three_of_one_item().asks_to_cancel(items={"1": quantity}).decided()
    assert order.stands("cancellation", "can-1") == (outcome, clauses)


def test_a_request_that_names_nothing_is_kept_from_barred_units_of_any_item() -> None:
    order = three_of_one_item().asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("partly_agreed", ["12(1)A", "12(7)", "12(3)"])


def test_a_moot_request_cites_the_closing_only_if_it_names_no_items() -> None:
    order = effective().asks_to_cancel().asks_to_cancel("can-2", items={"1": None}).asks_to_cancel("can-3").decided()
    assert order.stands("cancellation", "can-2") == ("moot", ["12(1)A"])
    assert order.stands("cancellation", "can-3") == ("moot", ["12(1)A", "12(3)"])


def test_a_withdrawal_of_named_items_ends_only_these_and_of_the_last_ones_the_order() -> None:
    order = Order().placed(items=(lamp(), lamp())).paid().asks_to_cancel(items={"1": None}).decided()
    assert (order.stands("cancellation", "can-1"), order.outcomes("closing")) == (("withdrawn", ["2"]), [])
    # Without unit prices all of the goods' money stays reserved; the fee on half of them is not kept:
    # 101 x 51,200/101,200 = 51.1.
    assert order.refunds == [("purchase", 50, "pay-1")]
    order.asks_to_cancel("can-2", items={"2": 7}).decided()
    assert order.stands("closing") == ("withdrawn", ["2"])
    assert order.refunds[1:] == [("purchase", 101_251, "pay-1")]


def test_a_cost_is_the_buyers_only_if_the_request_that_it_names_took_effect() -> None:
    order = two_lamps().bought().asks_to_cancel("can-1", items={"1": None}).asks_to_cancel("can-2", items={"2": None})
    order.seller_cancels("can-1").seller_wont_cancel("can-2")
    for cost, request in (("c-1", "can-2"), ("c-2", "can-1"), ("c-3", "can-9")):
        data = {"cost_id": cost, "kind": "other", "amount": money(100), "request_id": request}
        order.add(CostIncurred.model_validate(data))
    assert order.decided().refunds == [("purchase", 49_900, "pay-1")]


def test_a_refusal_after_an_agreement_takes_back_only_what_was_agreed_to_with_it() -> None:
    order = two_lamps().bought().asks_to_cancel("can-1", items={"1": None}).asks_to_cancel("can-2", items={"2": None})
    order.seller_cancels("can-1").seller_cancels("can-2").seller_wont_cancel("can-1").decided()
    assert order.stands("cancellation", "can-1") == ("refused", ["12(1)B"])
    assert order.stands("cancellation", "can-2") == ("agreed", ["12(1)B", "12(3)"])
    assert order.refunds == [("purchase", 50_000, "pay-1")]


def test_units_that_come_back_to_an_order_that_was_withdrawn_ended_with_it() -> None:
    order = Order().placed(items=(lamp(), lamp())).bought().unavailable(items={"2": None}).asks_to_cancel()
    order.asks_to_cancel("can-2", items={"2": None}).received().asks_to_cancel("can-3", items={"2": None}).decided()
    assert order.stands("closing") == ("withdrawn", ["2"])
    assert order.stands("cancellation", "can-2") == ("moot", ["9", "10"])
    assert order.stands("cancellation", "can-3") == ("moot", ["2"])


def test_a_request_cites_12_4_only_for_a_cost_of_its_own() -> None:
    order = two_lamps().bought().asks_to_cancel("can-1", items={"1": None}).asks_to_cancel("can-2", items={"2": None})
    order.seller_cancels("can-1").seller_cancels("can-2")
    data = {"cost_id": "c-1", "kind": "other", "amount": money(100), "request_id": "can-1"}
    order.add(CostIncurred.model_validate(data)).decided()
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)B", "12(3)", "12(4)"])
    assert order.stands("cancellation", "can-2") == ("agreed", ["12(1)B", "12(3)"])


def test_a_withdrawal_received_to_be_earlier_than_its_request_takes_effect_with_it() -> None:
    order = effective().bought().takes_back(at=8 * HOUR).asks_to_cancel(at=9 * HOUR).seller_cancels(at=10 * HOUR)
    assert judged(order) == ("withdrawn_by_buyer", ["12"])
    # At the instant of the request, the seller's answer comes before it.
    order = effective().bought().takes_back(at=8 * HOUR).asks_to_cancel(at=9 * HOUR).seller_cancels(at=9 * HOUR)
    assert judged(order) == ("agreed", ["12(1)B", "12(3)"])


def test_a_barred_unit_that_ended_and_came_back_leaves_the_request_partly_agreed() -> None:
    order = Order().placed(items=(lamp(quantity=2), lamp())).accepted().paid()
    order.bought(50_000, 1_200, items={"1": None}).clears_customs().asks_to_cancel()
    order.asks_to_dissolve("dis-1", items={"1": 1}).seller_dissolves("dis-1")
    order.asks_to_dissolve("dis-2", items={"1": 1}).seller_dissolves("dis-2").decided()
    assert order.stands("cancellation", "can-1")[0] == "agreed"
    order.seller_wont_dissolve("dis-1").decided()
    assert order.stands("cancellation", "can-1")[0] == "partly_agreed"


def test_a_request_whose_units_another_ending_took_cites_that_one_only() -> None:
    order = two_lamps().bought().unavailable(items={"2": None}).asks_to_cancel(items={"1": None})
    order.asks_to_dissolve(items={"1": None}).seller_dissolves().decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["13(5)", "13(6)"])


def test_a_purchase_without_units_stays_when_the_last_bought_units_are_rescinded() -> None:
    """The request that had taken it does not cancel the last bought unit any more (R8, `share`)."""
    order = two_lamps().bought(99_000, 1_000).bought(1_000, 0, purchase="pur-2")
    order.asks_to_cancel("can-1", items={"1": None}).seller_cancels("can-1")
    order.asks_to_cancel("can-2", items={"2": None}).seller_cancels("can-2").decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]
    order.seller_wont_cancel("can-1").unavailable().decided()
    # Kept: 101,000 less 49,500 for the units of can-2, and the fee of 101.
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 51500"]
