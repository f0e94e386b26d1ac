"""Every decision stands until it is replaced: published when it changes, superseded when it no longer applies."""

from tests.rules.orders import DAY, HOUR, Order


def cancelled_on_and_off() -> Order:
    """Return an order effective, then not (an earlier withdrawal is received), then effective again.

    The goods turn out to have been exported before the withdrawal, so that it was refused.
    """
    order = Order().placed().accepted().paid(at=2 * HOUR).decided()
    order.asks_to_cancel(at=HOUR).decided()
    return order.clears_customs(at=HOUR - 1).decided()


def test_a_decision_superseded_can_be_stated_again() -> None:
    order = cancelled_on_and_off()
    assert order.outcomes("agreement") == ["effective", "superseded", "effective"]
    assert order.outcomes("cancellation", "can-1") == ["withdrawn", "refused"]


def test_a_decision_that_stays_the_same_is_not_published_again() -> None:
    order = Order().placed().accepted().paid().decided()
    order.cost(5).delivered().clears_customs().decided(90 * HOUR).seller_refunds(0).decided(91 * HOUR)
    assert order.outcomes("agreement") == ["effective"]


def test_a_superseded_decision_stays_superseded() -> None:
    order = Order().placed().accepted().paid(at=2 * HOUR).decided().asks_to_cancel(at=HOUR).decided()
    order.cost(5).decided()
    assert order.outcomes("agreement") == ["effective", "superseded"]


def test_a_superseded_decision_cites_what_it_cited_before_and_has_no_amount() -> None:
    order = Order().placed(categories=("customized",)).accepted().paid(at=2 * HOUR).decided()
    order.asks_to_cancel(at=HOUR).decided()
    assert order.stands("agreement") == ("superseded", ["2", "15(1)"])
    assert order.decision("agreement").amount is None


def test_a_standing_amount_ends_in_its_second_outcome_and_can_rise_again() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel(at=9 * HOUR).decided()
    order.bought(at=8 * HOUR).decided().repays(101_200).decided()
    order.bought(110_000, 1_200, at=8 * HOUR + 1).decided()  # charged more: nothing is due all the same
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", "settled"]
    order.seller_refunds(20_000).decided().seller_refunds(0, "back-1", at=HOUR).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", "settled", "demanded 10000"]


def test_a_standing_amount_that_changes_is_published_with_the_new_amount() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().cost(5).decided().cost(7, "c-2").decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 5", "demanded 12"]


def test_outputs_are_numbered_from_one_without_gaps_and_carry_what_every_message_has() -> None:
    order = Order().placed().accepted().paid().charged_back(at=5 * HOUR).decided().decided(5 * HOUR + 3 * DAY + 1)
    order.deposit_pays(101_301).decided().chargeback_ends().asks_to_cancel().decided()
    assert [output.version for output in order.outputs] == list(range(1, len(order.outputs) + 1))
    for output in order.outputs:
        data = output.data
        assert data.order_version == output.version
        assert (data.order_id, data.account_id, data.provider_id) == ("ord-1", "acct-7", "prov-1")
        assert data.terms_version == "standard"
        assert data.basis
        assert getattr(data, "command_id", output.id) == output.id


def test_outputs_are_ordered_decisions_first_and_holds_before_the_deposit() -> None:
    order = Order().placed().accepted().paid().charged_back(at=5 * HOUR).decided()
    assert [output.data.TYPE.split(".")[1] for output in order.outputs] == [
        "decision",
        "decision",
        "decision",
        "freeze",
    ]


def test_a_request_that_is_called_brokerage_concerns_the_buyer() -> None:
    decision = (
        Order().placed().accepted().paid().asks_to_cancel("brokerage").decided().decision("cancellation", "brokerage")
    )
    assert (decision.audience, decision.account_id) == ("buyer", "acct-7")
