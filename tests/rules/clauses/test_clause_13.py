"""Clause 13: requests to dissolve the order, in the order of the steps by which they are judged."""

from datetime import UTC, datetime

import pytest
from purchasing_contracts.events.order import IssueDisclosed

from service.rules.facts import micros
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp

DELIVERED = 10 * HOUR
LAST = micros(datetime(2026, 3, 10, 16, tzinfo=UTC)) - START
"""24:00 in Beijing of the seventh day after the delivery."""
DEEMED = micros(datetime(2026, 3, 13, 16, tzinfo=UTC)) - START
"""The same of the tenth."""


def judged(order: Order) -> tuple[str, list[str]]:
    return order.decided().stands("dissolution", "dis-1")


def delivered(days: int | None = 7, disclosed: bool = False) -> Order:
    """Return an order bought, effective at the second hour and delivered at the tenth."""
    order = Order().placed(
        dissolution_period_days=days, disclosed_issues=("defective", "infringing") if disclosed else ()
    )
    return order.accepted().paid(at=2 * HOUR).bought(at=3 * HOUR).delivered(at=DELIVERED)


def story(
    asked: int = DELIVERED + DAY,
    inspected: bool = True,
    evidence: int = 1,
    disclosed: bool = True,
    confirmed: bool = True,
    answer: str = "refuses",
    spoiled: bool = True,
) -> Order:
    """Return a request with everything against it that is not taken back."""
    order = delivered(disclosed=disclosed)
    if confirmed:
        order.confirms_receipt(at=DELIVERED + HOUR)
    if spoiled:
        order.objects(at=DELIVERED + HOUR).verified("logistics", at=DELIVERED + HOUR)
    order.asks_to_dissolve(at=asked, inspected=inspected, evidence=evidence)
    if answer == "refuses":
        order.seller_wont_dissolve(at=asked + HOUR)
    elif answer:
        order.seller_dissolves(at=asked + HOUR)
    return order


TOO_LATE = DELIVERED + 7 * DAY + 1


@pytest.mark.parametrize(
    ("order", "outcome", "clauses"),
    [
        (story(asked=HOUR, inspected=False), "refused", ["2"]),
        (story(asked=TOO_LATE, inspected=False), "refused", ["13(1)"]),
        (story(asked=TOO_LATE, evidence=0), "refused", ["13(1)"]),
        (story(asked=TOO_LATE + 3 * DAY), "refused", ["13(2)"]),
        (story(), "refused", ["13(3)"]),
        (story(disclosed=False), "refused", ["18"]),
        (story(disclosed=False, answer="agrees"), "refused", ["18"]),
        (story(disclosed=False, confirmed=False, spoiled=False), "refused", ["13(4)"]),
        (story(disclosed=False, confirmed=False), "refused", ["17"]),
        (story(disclosed=False, confirmed=False, answer="agrees"), "refused", ["17"]),
        (story(disclosed=False, confirmed=False, answer=""), "refused", ["17"]),
        (story(disclosed=False, confirmed=False, answer="agrees", spoiled=False), "agreed", ["13(5)", "13(7)"]),
        (story(disclosed=False, confirmed=False, answer="", spoiled=False), "pending", ["13(4)"]),
    ],
)
def test_the_first_step_that_applies_judges_the_request(order: Order, outcome: str, clauses: list[str]) -> None:
    assert judged(order) == (outcome, clauses)


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(2 * HOUR - 1, ("refused", ["2"])), (2 * HOUR, ("pending", ["13(4)"])), (2 * HOUR + 1, ("pending", ["13(4)"]))],
)
def test_an_order_can_be_dissolved_from_the_instant_it_is_effective(at: int, outcome: tuple[str, list[str]]) -> None:
    assert judged(delivered().asks_to_dissolve(at=at)) == outcome


def test_an_order_that_never_was_effective_cant_be_dissolved() -> None:
    assert judged(Order().placed().accepted().asks_to_dissolve()) == ("refused", ["2"])


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (LAST - 1, ("pending", ["13(4)"])),
        (LAST, ("pending", ["13(4)"])),
        (LAST + 1, ("refused", ["13(2)"])),
    ],
)
def test_a_request_at_the_last_instant_of_the_dissolution_period_is_in_time(
    at: int, outcome: tuple[str, list[str]]
) -> None:
    assert judged(delivered().asks_to_dissolve(at=at)) == outcome


def test_a_period_of_no_days_ends_with_the_day_of_delivery() -> None:
    assert judged(delivered(days=0).asks_to_dissolve(at=DELIVERED))[0] == "pending"
    assert judged(delivered(days=0).asks_to_dissolve(at=DELIVERED + DAY)) == ("refused", ["13(2)"])


def test_without_a_period_or_a_delivery_in_full_no_request_is_too_late() -> None:
    undelivered = Order().placed(dissolution_period_days=7).accepted().paid().bought()
    undelivered.delivered(final=False).asks_to_dissolve(at=900 * DAY)
    assert judged(undelivered) == ("pending", ["13(4)"])
    # Without a period, what ends the matter is the silence after which receipt is deemed confirmed.
    assert judged(delivered(days=None).asks_to_dissolve(at=DELIVERED + 10 * DAY)) == ("pending", ["13(4)"])


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (DEEMED - 1, ("pending", ["13(4)"])),
        (DEEMED, ("pending", ["13(4)"])),
        (DEEMED + 1, ("refused", ["18"])),
    ],
)
def test_a_request_at_the_last_instant_before_receipt_is_deemed_confirmed_is_in_time(
    at: int, outcome: tuple[str, list[str]]
) -> None:
    order = delivered(days=None).asks_to_dissolve(at=at)
    assert judged(order) == outcome
    assert order.outcomes("receipt") == (["deemed_confirmed"] if outcome[0] == "refused" else [])


@pytest.mark.parametrize(
    ("confirmed", "outcome"),
    [
        (DELIVERED + DAY - 1, ("refused", ["18"])),
        (DELIVERED + DAY, ("refused", ["18"])),
        (DELIVERED + DAY + 1, ("pending", ["13(4)"])),
    ],
)
def test_receipt_confirmed_at_or_before_the_request_refuses_it(confirmed: int, outcome: tuple[str, list[str]]) -> None:
    assert judged(delivered().confirms_receipt(at=confirmed).asks_to_dissolve(at=DELIVERED + DAY)) == outcome


def test_receipt_confirmed_before_any_delivery_refuses_a_dissolution_too() -> None:
    order = Order().placed().accepted().paid().bought().confirms_receipt().asks_to_dissolve()
    assert judged(order) == ("refused", ["18"])


@pytest.mark.parametrize(
    ("ground", "outcome"),
    [("not_as_committed", "pending"), ("defective", "refused"), ("infringing", "refused")],
)
def test_only_the_ground_that_was_disclosed_is_barred(ground: str, outcome: str) -> None:
    assert judged(delivered(disclosed=True).asks_to_dissolve(ground=ground))[0] == outcome


@pytest.mark.parametrize("late", ["objection", "verdict"])
@pytest.mark.parametrize(("offset", "outcome"), [(-1, "refused"), (0, "refused"), (1, "agreed")])
def test_a_package_spoiled_by_logistics_refuses_what_takes_effect_later(late: str, offset: int, outcome: str) -> None:
    effect = DELIVERED + 5 * HOUR
    order = delivered().asks_to_dissolve().seller_dissolves(at=effect)
    order.objects(at=effect + offset if late == "objection" else effect - 9)
    order.verified(at=effect + offset if late == "verdict" else effect - 9)
    assert judged(order)[0] == outcome


def test_a_pending_dissolution_is_refused_by_a_spoiled_package_at_any_time() -> None:
    order = delivered().asks_to_dissolve().decided().objects().verified(at=500 * DAY)
    assert judged(order) == ("refused", ["17"])
    assert order.outcomes("dissolution", "dis-1") == ["pending", "refused"]


def test_a_quality_objection_that_is_logistics_doing_does_not_bar_a_dissolution() -> None:
    order = delivered().objects(scope="quality").verified("logistics").asks_to_dissolve().seller_dissolves()
    assert judged(order) == ("agreed", ["13(5)", "13(7)"])
    assert order.stands("objection", "obj-1") == ("redirected_to_logistics", ["18"])


def test_export_customs_dont_bar_a_dissolution() -> None:
    assert judged(delivered().clears_customs().asks_to_dissolve().seller_dissolves()) == ("agreed", ["13(5)", "13(7)"])


def test_the_sellers_latest_answer_counts_whichever_it_is() -> None:
    yes = delivered().asks_to_dissolve().seller_wont_dissolve().seller_dissolves()
    assert judged(yes) == ("agreed", ["13(5)", "13(7)"])
    no = delivered().asks_to_dissolve().seller_dissolves().seller_wont_dissolve()
    assert judged(no) == ("refused", ["13(4)"])


def test_the_sellers_money_is_refunded_in_full_and_the_fee_is_kept() -> None:
    order = delivered().asks_to_dissolve().seller_dissolves().decided()
    assert order.refunds == []
    order.seller_refunds(60_000).decided().seller_refunds(41_200, "back-2").decided()
    assert order.refunds == [("purchase", 60_000, "pay-1"), ("purchase", 41_200, "pay-1")]
    assert order.refund_clauses() == ["13(5)", "13(6)", "13(7)"]


@pytest.mark.parametrize(
    ("bought", "returned", "refunded"),
    [
        ((90_000, 1_000), 0, 101_301 - 91_000 - 91),
        ((90_000, 1_000), 91_000, 101_301),  # paid back before the request: with the fee on it
        ((150_000, 0), 150_000, 101_301),  # what exceeds all that was paid is not the buyer's
        (None, 0, 0),
        (None, 40_000, 40_040),  # likewise, of a purchase that is not known
    ],
)
def test_a_dissolution_gives_back_the_surplus_and_what_the_seller_returned(
    bought: tuple[int, int] | None, returned: int, refunded: int
) -> None:
    order = Order().placed().accepted().paid()
    if bought:
        order.bought(*bought)
    order.seller_refunds(returned).asks_to_dissolve().seller_dissolves().decided()
    assert order.refunded() == refunded


def test_a_dissolution_without_a_known_purchase_gives_back_what_was_above_the_quote() -> None:
    order = Order().placed().accepted().paid(amounts(goods=100_700)).asks_to_dissolve().seller_dissolves()
    assert order.seller_refunds(5).decided().refunded() == 705


def test_costs_are_not_taken_off_a_dissolution() -> None:
    order = delivered().cost(900).asks_to_dissolve().seller_dissolves().seller_refunds(101_200).decided()
    assert order.refunded() == 101_200
    assert order.outcomes("buyer_owes") == []


@pytest.mark.parametrize(
    ("cancelled", "dissolution", "cancellation"),
    [(-1, "moot", "agreed"), (0, "agreed", "moot"), (1, "agreed", "moot")],
)
def test_the_earlier_of_cancellation_and_dissolution_closes_the_order(
    cancelled: int, dissolution: str, cancellation: str
) -> None:
    effect = DELIVERED + 5 * HOUR
    order = delivered().asks_to_cancel("same-id").asks_to_dissolve("same-id")
    order.seller_dissolves("same-id", at=effect).seller_cancels("same-id", at=effect + cancelled).decided()
    assert order.outcomes("dissolution", "same-id") == [dissolution]
    assert order.outcomes("cancellation", "same-id") == [cancellation]


def test_a_refused_dissolution_stays_refused_when_something_else_closes_the_order() -> None:
    order = delivered().asks_to_dissolve(evidence=0).asks_to_cancel().seller_cancels().decided()
    assert order.stands("dissolution", "dis-1") == ("refused", ["13(1)"])


def test_an_answer_given_before_the_request_works_from_the_request() -> None:
    order = delivered().seller_dissolves(at=4 * HOUR).asks_to_dissolve(at=DELIVERED + 5)
    assert judged(order.unavailable(at=DELIVERED + 4)) == ("moot", ["9", "10"])
    assert judged(
        delivered().seller_dissolves(at=4 * HOUR).asks_to_dissolve(at=DELIVERED + 5).unavailable(at=DELIVERED + 6)
    ) == ("agreed", ["13(5)", "13(7)"])


def test_a_request_is_refused_when_all_bought_units_are_confirmed() -> None:
    order = Order().placed(items=(lamp(), lamp())).accepted().paid().bought(50_000, 600, items={"1": None})
    order.received().confirms_receipt().asks_to_dissolve().seller_dissolves().decided()
    assert order.stands("dissolution", "dis-1") == ("refused", ["18"])
    assert order.outcomes("obligation") == []


@pytest.mark.parametrize(
    ("disclosed", "ground", "outcome"),
    [
        (9 * HOUR, "defective", "refused"),
        (20 * HOUR, "defective", "refused"),  # at the instant of the request
        (20 * HOUR + 1, "defective", "pending"),
        (9 * HOUR, "infringing", "pending"),
    ],
)
def test_an_issue_disclosed_meanwhile_bars_a_dissolution_on_its_ground(
    disclosed: int, ground: str, outcome: str
) -> None:
    order = Order().placed().accepted().paid().bought()
    order.add(IssueDisclosed.model_validate({"grounds": ("defective",)}), disclosed)
    assert judged(order.asks_to_dissolve(at=20 * HOUR, ground=ground))[0] == outcome


@pytest.mark.parametrize(("disclosed", "outcome"), [(10 * HOUR, "refused"), (10 * HOUR + 1, "pending")])
def test_an_issue_disclosed_after_the_obligation_ended_bars_nothing(disclosed: int, outcome: str) -> None:
    order = Order().placed().accepted().paid().bought().received(at=10 * HOUR)
    order.add(IssueDisclosed.model_validate({"grounds": ("defective",)}), disclosed)
    assert judged(order.asks_to_dissolve(at=20 * HOUR))[0] == outcome


def test_money_of_the_seller_for_a_pending_dissolution_cites_13_6() -> None:
    asked = Order().placed().accepted().paid().bought().asks_to_dissolve()
    assert asked.seller_refunds(500).decided().refund_clauses() == ["6(1)", "10", "13(6)"]
    named = Order().placed().accepted().paid().bought().asks_to_dissolve().asks_to_cancel()
    named.seller_refunds(500, request="can-1").decided()
    assert named.refunds == [("purchase", 500, "pay-1")]
    assert named.refund_clauses() == ["6(1)", "10"]


@pytest.mark.parametrize(("at", "refunded"), [(20 * HOUR - 1, 5_000), (20 * HOUR, 4_550), (20 * HOUR + 1, 4_550)])
def test_a_cost_that_names_no_request_is_one_of_the_return_from_its_effect_on(at: int, refunded: int) -> None:
    order = Order().placed().accepted().paid().bought().asks_to_dissolve().seller_dissolves(at=20 * HOUR)
    order.cost(450, at=at).seller_refunds(5_000, at=30 * HOUR).decided()
    assert order.refunded() == refunded
