"""Odd but valid: ids that read like lines, a currency that changes, money no message can carry, days raised at once."""

import pytest
from purchasing_contracts.commands.freeze import FreezeRelease
from purchasing_contracts.money import MONEY_MAX

from service.rules.decide import CurrencyChangedError
from tests.rules.clauses.test_clause_19 import promoted
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp


def effective() -> Order:
    return Order().placed().accepted().paid()


def test_a_demand_on_a_chargeback_that_is_called_brokerage_concerns_the_buyer() -> None:
    demand = effective().charged_back(chargeback_id="brokerage").decided().decision("payment_demand", "brokerage")
    assert (demand.audience, demand.account_id) == ("buyer", "acct-7")


def test_debts_on_an_order_with_the_id_brokerage_concern_the_buyer() -> None:
    order = Order(order_id="brokerage").placed().accepted().paid().cost(200_000).asks_to_cancel().decided()
    assert order.decision("buyer_owes").audience == "buyer"


def test_a_chargeback_called_brokerage_shares_no_deduction_id_with_brokerage() -> None:
    order = promoted().bought().received().decided().charged_back(5_000, "brokerage", at=20 * HOUR).decided()
    order.decided(20 * HOUR + 3 * DAY + 1)
    ids = [output.id for output in order.outputs]
    assert len(set(ids)) == len(ids)


def test_a_hold_is_released_when_its_chargeback_turns_out_to_be_in_another_currency() -> None:
    order = Order().placed(at=10).accepted().paid().charged_back().decided()
    order.placed(at=5, currency="USD", quote=amounts(currency="USD")).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled"]  # this much happens
    assert len(order.of(FreezeRelease)) == 1


def test_a_currency_change_after_commands_is_left_to_people() -> None:
    order = Order().placed(at=10).accepted().paid().asks_to_cancel().decided()
    order.placed(at=5, currency="USD", quote=amounts(currency="USD"))
    with pytest.raises(CurrencyChangedError, match="commanded in CNY, the order turned out to be in USD"):
        order.decided()


def test_a_request_made_moot_by_a_costly_refusal_cites_all_its_clauses() -> None:
    order = Order().placed(categories=("prohibited",)).accepted().paid().cost(900).asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["14"])


def test_a_request_made_moot_by_a_dissolution_cites_all_clauses_of_the_closing() -> None:
    order = effective().bought().asks_to_dissolve().asks_to_cancel().seller_dissolves().seller_refunds(5).decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["13(5)", "13(6)"])


def test_an_order_whose_refund_is_more_than_one_message_can_carry_is_left_to_people() -> None:
    huge = amounts(MONEY_MAX, MONEY_MAX, 0)
    with pytest.raises(ValueError, match="less than or equal to 1000000000000000"):
        Order().placed(quote=huge).accepted().paid(huge).unavailable().decided()


def test_a_round_in_the_instant_of_the_first_demand_has_its_own_days() -> None:
    order = Order().placed().accepted().paid().charged_back(500, at=9 * HOUR).decided(10 * HOUR)
    first = order.decision("payment_demand", "cb-1").order_version
    order.chargeback_ends(at=10 * HOUR).charged_back(500, stage="arbitration", at=10 * HOUR + 1)
    order.decided(10 * HOUR + 1, published={first: 10 * HOUR})
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 500", "demanded 500"]
    # The second demand, of the second round, was never published: its days can't have passed.
    order.decided(10 * HOUR + 9 * DAY, published={first: 10 * HOUR})
    assert order.deductions == []


def test_an_answer_to_the_deduction_of_brokerage_is_no_money_for_a_chargeback() -> None:
    order = promoted().bought().received().decided()
    order.deposit_pays(5_000, deduction=f"{order.order_id}:brokerage:1", at=20 * HOUR).decided()
    assert order.refunded() == 0
    assert [one.due.line for one in order.examined().reconciled.balances] == ["purchase"]


def test_items_are_named_by_their_ids_and_else_by_their_places() -> None:
    order = Order().placed(items=(lamp(item_id="a"), lamp())).accepted().paid()
    order.bought(50_000, 1_200, items={"a": None}).unavailable(items={"2": None}, message="gone").decided()
    assert order.outcomes("unavailability", "gone") == ["ended"]
    assert order.asks_to_cancel(items={"a": 1}).decided().outcomes("cancellation", "can-1") == ["pending"]
    assert order.asks_to_cancel("can-2", items={"1": None}).decided().stands("cancellation", "can-2") == (
        "moot",
        ["12"],
    )
