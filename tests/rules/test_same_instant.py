"""Facts of the same instant, by the ranks of F3. The ids run against the ranks: the fact order decides nothing."""

from collections.abc import Callable

import pytest
from purchasing_contracts.decisions import DecisionMade

from tests.rules.happenings import START, refs
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp, money, terms, when

T = 20 * HOUR


def effective() -> Order:
    return Order().placed().accepted().paid()


def two_lamps() -> Order:
    return Order().placed(items=(lamp(quantity=1), lamp(quantity=1))).accepted().paid()


def ground_of(order: Order, kind: str = "fact") -> list[str | None]:
    return [one.ground for one in order.of(DecisionMade) if one.kind == kind]


PAIRS: dict[str, tuple[Callable[[], Order], Callable[[Order], object], object]] = {
    # The later rank is added first, so its id is the lower one.
    "2 quote, then 3 purchase: what is bought then is carried over": (
        lambda: (
            two_lamps()
            .bought(50_000, 0, at=T, items={"2": None})
            .requoted(amounts(50_000, 0, 50), at=T, items=refs({"1": None}))
        ),
        lambda o: o.refunded(),
        # 1,200 for shipping and 1 of the fee; 50,000 for item 1 are reserved, 50,000 for item 2 carried over.
        1_201,
    ),
    "3 purchase, then 4 receipt": (
        lambda: effective().received(at=T).bought(at=T),
        lambda o: o.outcomes("obligation"),
        ["terminated"],
    ),
    "3 purchase, then 4 customs: what was bought is barred": (
        lambda: (
            two_lamps()
            .clears_customs(at=T)
            .bought(50_000, 600, at=T, items={"1": None})
            .asks_to_cancel(items={"1": None}, at=T + 1)
        ),
        lambda o: o.stands("cancellation", "can-1"),
        ("refused", ["12(7)"]),
    ),
    "4 receipt, then 5 unavailable": (
        lambda: effective().bought().unavailable(at=T).received(at=T),
        ground_of,
        ["received"],
    ),
    "3 purchase, then 5 unavailable": (
        lambda: effective().unavailable(at=T, message="a").bought(at=T),
        lambda o: o.outcomes("unavailability", "a"),
        ["rescinded"],
    ),
    "3 purchase again, then 5 unavailable: it does not restore": (
        lambda: effective().bought().unavailable(at=T, message="a").bought(at=T),
        lambda o: o.outcomes("closing"),
        ["unavailable"],
    ),
    "5 unavailable, then 6 refused": (
        lambda: effective().refused(at=T).unavailable(at=T),
        lambda o: (o.outcomes("closing"), ground_of(o)),
        (["unavailable"], ["order_ended"]),
    ),
    "6 refused, then 7 accepted": (
        lambda: Order().placed().paid().accepted(at=T).refused(at=T),
        lambda o: (o.stands("agreement"), ground_of(o)),
        (("refused", ["2"]), ["order_ended"]),
    ),
    "3 purchase, then 6 refused": (
        lambda: effective().refused(at=T).bought(at=T),
        ground_of,
        ["purchased"],
    ),
    "7 captured, then the test, then 8 cancelled": (
        lambda: Order().placed().accepted().asks_to_cancel(at=T).paid(at=T),
        lambda o: o.stands("cancellation", "can-1"),
        ("agreed", ["12(1)A", "12(3)"]),
    ),
    "7 charged back, then the test": (
        lambda: Order().placed().accepted().charged_back(1, at=T).paid(at=T),
        lambda o: o.outcomes("agreement"),
        ["short_paid"],
    ),
    "7 refunded elsewhere, then the test": (
        lambda: Order().placed().accepted().refunded_elsewhere(1, at=T).paid(at=T),
        lambda o: o.outcomes("agreement"),
        ["short_paid"],
    ),
    "8 cancellation, then dissolution: each gets its own units": (
        lambda: effective().asks_to_dissolve("a", at=T).asks_to_cancel("b", at=T),
        lambda o: (o.outcomes("cancellation", "b"), o.outcomes("dissolution", "a")),
        (["agreed"], ["moot"]),
    ),
    "8 request, then 9 answer": (
        lambda: effective().bought().seller_cancels(at=T).asks_to_cancel(at=T),
        lambda o: o.outcomes("cancellation", "can-1"),
        ["agreed"],
    ),
    "9 answer, then 10 withdrawn": (
        lambda: effective().bought().asks_to_cancel().takes_back(at=T).seller_cancels(at=T),
        lambda o: (o.outcomes("cancellation", "can-1"), ground_of(o)),
        (["agreed"], ["request_ended"]),
    ),
    "9 answers by request_id, whatever the fact order": (
        lambda: (
            effective()
            .bought()
            .asks_to_cancel("b")
            .asks_to_cancel("a")
            .seller_cancels("b", at=T)
            .seller_cancels("a", at=T)
        ),
        lambda o: (o.outcomes("cancellation", "a"), o.outcomes("cancellation", "b")),
        (["agreed"], ["moot"]),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_facts_of_one_instant_are_applied_in_the_order_of_their_ranks(pair: str) -> None:
    build, seen, expected = PAIRS[pair]
    assert seen(build().decided(T + HOUR)) == expected


def plan(due_at: int) -> tuple[dict[str, object], ...]:
    return (
        {"part": "deposit", "amount": money(30_000)},
        {"part": "balance", "amount": money(71_301), "due_at": when(due_at)},
    )


@pytest.mark.parametrize(("at", "outcome"), [(0, []), (1, ["lapsed"])])
def test_an_acceptance_of_the_last_instant_is_in_time(at: int, outcome: list[str]) -> None:
    order = Order(terms(acceptance_days=2, period_counting="hours")).placed().paid().accepted(at=2 * DAY + at)
    assert order.decided(9 * DAY).outcomes("closing") == outcome


def test_an_unpaid_balance_comes_before_deemed_receipt_of_the_same_instant() -> None:
    last = 5 * HOUR + 10 * DAY
    order = Order(terms(period_counting="hours")).placed(payment_plan=plan(last)).accepted()
    order.paid(amounts(30_000, 0, 0)).bought(deposit=20_000).delivered(at=5 * HOUR).decided(last + 1)
    assert (order.outcomes("closing"), order.outcomes("receipt")) == (["balance_unpaid"], [])


@pytest.mark.parametrize(("at", "ended"), [(-1, []), (0, []), (1, ["balance_unpaid"])])
def test_a_balance_captured_at_its_last_instant_is_in_time(at: int, ended: list[str]) -> None:
    order = Order().placed(payment_plan=plan(3 * DAY)).accepted().paid(amounts(30_000, 0, 0)).bought(deposit=20_000)
    order.paid(amounts(71_301, 0, 0), "pay-2", at=3 * DAY + at).decided(9 * DAY)
    assert order.outcomes("closing") == ended


@pytest.mark.parametrize(("at", "receipt"), [(0, []), (1, ["deemed_confirmed"])])
def test_an_objection_of_the_last_instant_stops_the_receipt_from_being_deemed(at: int, receipt: list[str]) -> None:
    order = Order(terms(period_counting="hours")).placed().accepted().paid().bought().delivered(at=5 * HOUR)
    order.objects(scope="quality", at=5 * HOUR + 10 * DAY + at).decided(30 * DAY)
    assert order.outcomes("receipt") == receipt


def test_deemed_receipt_comes_after_a_request_of_its_last_instant_and_then_bars_it() -> None:
    last = 5 * HOUR + 10 * DAY
    order = Order(terms(period_counting="hours")).placed().accepted().paid().bought().delivered(at=5 * HOUR)
    order.asks_to_cancel(at=last).asks_to_dissolve(at=last).asks_to_dissolve("dis-2", at=last + 1).decided(last)
    assert (order.outcomes("cancellation", "can-1"), order.outcomes("receipt")) == (["pending"], [])
    order.decided(last + 2)
    # The dissolution stops the period before its last instant has passed: receipt is not deemed confirmed.
    assert (order.outcomes("cancellation", "can-1"), order.outcomes("receipt")) == (["pending"], [])
    silent = Order(terms(period_counting="hours")).placed().accepted().paid().bought().delivered(at=5 * HOUR)
    silent.asks_to_cancel(at=last).decided(last).asks_to_cancel("can-2", at=last + 1).decided(last + 1)
    assert silent.outcomes("cancellation", "can-1") == ["pending", "refused"]
    assert silent.stands("cancellation", "can-1") == silent.stands("cancellation", "can-2") == ("refused", ["18"])


def test_a_plan_that_comes_into_force_when_a_balance_is_due_is_in_force_then() -> None:
    order = Order().placed().accepted().paid().bought(deposit=20_000)
    order.requoted(amounts(110_000, 1_200, 111), at=3 * DAY, payment_plan=plan(3 * DAY)).decided(3 * DAY)
    assert order.outcomes("closing") == []
    order.decided(3 * DAY + 1)
    # 101,301 were captured, as much as deposit and balance ask for.
    assert (order.outcomes("closing"), order.outcomes("order_amount")) == ([], [])
    short = Order().placed().accepted().paid(amounts(60_000, 0, 0)).bought(deposit=20_000)
    short.requoted(amounts(), at=3 * DAY, payment_plan=plan(3 * DAY)).decided(3 * DAY + 1)
    assert short.outcomes("closing") == ["balance_unpaid"]


def test_the_agreement_is_tested_before_the_requests_of_an_instant_only() -> None:
    items = (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))
    order = Order().placed(items=items).accepted().paid(amounts(61_261, 0, 0), at=T)
    order.asks_to_cancel(items={"2": None}, at=T).decided()
    # 61,261 are enough for what is left, but that is left only after the test.
    assert (order.outcomes("cancellation", "can-1"), order.outcomes("agreement")) == (["withdrawn"], ["short_paid"])
    assert order.clears_customs(at=T + 1).decided().outcomes("agreement") == ["short_paid", "effective"]
    assert order.examined().case.timeline.effective_at == START + T + 1


def test_a_quote_revised_when_units_become_unavailable_is_tested_without_them() -> None:
    items = (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))
    order = Order().placed(items=items, address=None, at=T).accepted(at=T).paid(at=T)
    order.decided()
    assert (order.outcomes("agreement"), order.refunds) == (["invalid"], [("purchase", 101_301, "pay-1")])
    # The new quote is for 60 units, so less than it needs was paid; with all 100 covered, 66,061 would be enough.
    order.unavailable(items={"2": None}, at=T).requoted(amounts(110_000, 0, 101), at=T).decided()
    assert order.outcomes("agreement") == ["invalid", "short_paid"]
    assert order.outcomes("closing") == ["invalid", "superseded"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101301"]
