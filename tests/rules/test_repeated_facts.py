"""The table of repeated facts in the specification, row by row."""

from collections.abc import Callable

import pytest
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.order import OrderPlaced

from service.rules.facts import Fact
from tests.rules.orders import HOUR, Order, amounts

EARLY, LATE = 20 * HOUR, 30 * HOUR


def effective() -> Order:
    return Order().placed().accepted().paid()


Step = Callable[[Order], Order]

# What happened first, what later under the same identity, and what is to be seen of the order.
ROWS: dict[str, tuple[Callable[[], Order], Step, Step, Callable[[Order], object], object]] = {
    "placed": (
        lambda: Order().accepted().paid(),
        lambda o: o.placed(at=-9),
        lambda o: o.placed(at=-8, address=None),
        lambda o: o.stands("agreement")[0],
        "effective",
    ),
    "accepted": (
        lambda: Order().placed(logistics=None).paid(),
        lambda o: o.accepted(at=EARLY),
        lambda o: o.accepted(at=LATE, logistics="logi-4"),
        lambda o: o.stands("agreement")[0],
        "invalid",
    ),
    "refused": (
        lambda: effective().cost(5),
        lambda o: o.refused("other", at=EARLY),
        lambda o: o.refused("restricted", at=LATE),
        lambda o: net(o, "purchase"),
        101_301,
    ),
    "request": (
        effective,
        lambda o: o.asks_to_cancel(at=EARLY, channel="other"),
        lambda o: o.asks_to_cancel(at=LATE),  # another channel is another request, and the platform's is published
        lambda o: o.stands("cancellation", "can-1")[0],
        "agreed",
    ),
    "dissolution": (
        effective,
        lambda o: o.asks_to_dissolve(at=EARLY, evidence=0),
        lambda o: o.asks_to_dissolve(at=LATE),
        lambda o: o.stands("dissolution", "dis-1")[0],
        "refused",
    ),
    "finding": (
        effective,
        lambda o: o.fault_found(5, at=EARLY),
        lambda o: o.fault_found(7, at=LATE),
        lambda o: net(o, "compensation"),
        7,  # the latest
    ),
    "tip": (
        effective,
        lambda o: o.tipped(21_000, at=EARLY),
        lambda o: o.tipped(25_000, at=LATE),
        lambda o: net(o, "tip:tip-1"),
        1_000,
    ),
    "capture": (
        lambda: Order().placed().accepted(),
        lambda o: o.paid(amounts(goods=100_005), at=EARLY),
        lambda o: o.paid(amounts(goods=100_009), at=LATE),
        lambda o: net(o, "purchase"),
        5,
    ),
    "seller refund": (
        lambda: effective().bought().asks_to_dissolve().seller_dissolves(),
        lambda o: o.seller_refunds(5, at=EARLY),
        lambda o: o.seller_refunds(9, at=LATE),
        lambda o: net(o, "purchase"),
        5,
    ),
    "repayment": (
        effective,
        lambda o: o.repays(5, "compensation", "r-1", at=EARLY),
        lambda o: o.repays(9, "compensation", "r-1", at=LATE),
        lambda o: net(o, "compensation"),
        5,
    ),
    "cost": (
        lambda: effective().asks_to_cancel(),
        lambda o: o.cost(5, at=EARLY),
        lambda o: o.cost(9, at=LATE),
        lambda o: net(o, "purchase"),
        101_195,
    ),
    "chargeback opened": (
        effective,
        lambda o: o.charged_back(5, at=EARLY),
        lambda o: o.charged_back(9, at=LATE),
        lambda o: o.outcomes("payment_demand", "cb-1")[-1],
        "demanded 5",
    ),
    "outstanding paid": (
        lambda: effective().charged_back(100),
        lambda o: o.pays_outstanding(5, at=EARLY),
        lambda o: o.pays_outstanding(9, at=LATE),
        lambda o: o.outcomes("payment_demand", "cb-1")[-1],
        "demanded 95",
    ),
    "disposal": (
        lambda: effective().charged_back(100),
        lambda o: o.goods_sold(5, at=EARLY),
        lambda o: o.goods_sold(9, at=LATE),
        lambda o: o.outcomes("payment_demand", "cb-1")[-1],
        "demanded 95",
    ),
    "deposit taken, then short": (
        lambda: effective().charged_back(100),
        lambda o: o.deposit_pays(5, at=EARLY),
        lambda o: o.deposit_falls_short(9, at=LATE),
        lambda o: o.outcomes("payment_demand", "cb-1")[-1],
        "demanded 91",  # the latest
    ),
    "deposit short, then taken": (
        lambda: effective().charged_back(100),
        lambda o: o.deposit_falls_short(5, at=EARLY),
        lambda o: o.deposit_pays(9, at=LATE),
        lambda o: o.outcomes("payment_demand", "cb-1")[-1],
        "demanded 91",  # the latest
    ),
    "customs": (
        lambda: effective().asks_to_cancel(at=25 * HOUR),
        lambda o: o.clears_customs(at=EARLY),
        lambda o: o.clears_customs(at=LATE),
        lambda o: o.stands("cancellation", "can-1")[0],
        "refused",
    ),
    "receipt confirmed": (
        lambda: effective().asks_to_dissolve(at=25 * HOUR),
        lambda o: o.confirms_receipt(at=EARLY),
        lambda o: o.confirms_receipt(at=LATE),
        lambda o: o.stands("dissolution", "dis-1")[0],
        "refused",
    ),
    "purchase (the latest)": (
        effective,
        lambda o: o.bought(70_000, 0, at=EARLY),
        lambda o: o.bought(80_000, 0, at=LATE),
        lambda o: net(o, "purchase"),
        21_221,
    ),
    "chargeback closed (the latest)": (
        lambda: effective().charged_back(),
        lambda o: o.chargeback_ends("lost", at=EARLY),
        lambda o: o.chargeback_ends("restored", at=LATE),
        lambda o: o.stands("chargeback", "cb-1")[0],
        "restored",
    ),
}


def demanded(order: Order, line: str) -> list[int]:
    """Return what a line's last word demands back, negative; nothing if it demands nothing."""
    outcomes = order.outcomes("repayment_demand", line)
    return [-int(outcomes[-1].split()[1])] if outcomes and outcomes[-1] != "settled" else []


def net(order: Order, line: str) -> int:
    """Return what was commanded on a line less what is demanded back."""
    return order.refunded(line) + sum(demanded(order, line))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("received", ["in order", "the later one first", "together"])
def test_which_fact_of_one_identity_counts_whatever_the_order_of_arrival(row: str, received: str) -> None:
    begin, earlier, later, seen, expected = ROWS[row]
    order = begin()
    if received == "in order":
        later(earlier(order).decided(50 * HOUR))
    elif received == "the later one first":
        earlier(later(order).decided(50 * HOUR))
    else:
        later(earlier(order))
    order.decided(50 * HOUR)
    assert seen(order) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [((5, "/a", "m"), (6, "/a", "m")), ((5, "/a", "z"), (5, "/b", "a")), ((5, "/a", "a"), (5, "/a", "b"))],
)
def test_facts_are_ordered_by_time_then_source_then_id(one: tuple[int, str, str], other: tuple[int, str, str]) -> None:
    data = Order().placed().facts[0].data
    assert isinstance(data, OrderPlaced)
    first, second = (Fact(at, source, message, data, "CNY") for at, source, message in (one, other))
    assert first.key < second.key
    assert Fact(5, "/z", "m", data, "CNY").key < Fact(5, "/é", "m", data, "CNY").key, "by code point"


def test_final_and_other_receipts_and_packages_are_different_facts() -> None:
    order = effective().bought().received("r", at=EARLY, final=False).received("r", at=LATE).decided()
    assert order.outcomes("obligation") == ["terminated"]


def test_the_same_request_id_for_a_cancellation_and_a_dissolution_are_two_requests() -> None:
    order = effective().bought().asks_to_cancel("x").asks_to_dissolve("x").decided()
    assert (order.outcomes("cancellation", "x"), order.outcomes("dissolution", "x")) == (["pending"], ["pending"])


def test_of_two_payments_that_cannot_be_read_the_second_is_repeated() -> None:
    order = effective().paid(amounts(5, 0, 0, currency="USD"), "pay-2").paid(amounts(6, 0, 0, currency="USD"), "pay-2")
    assert order.decided().decision("fact", "e05").ground == "repeated"
    order.paid(amounts(6, 0, 0, currency="USD"), "pay-2", settled=9).decided()
    assert order.outcomes("fact", "e05") == ["ignored", "superseded"]


def test_another_amount_counts_as_repeated_if_both_were_booked_as_the_same() -> None:
    first, second = amounts(5, 0, 0, currency="USD"), amounts(6, 0, 0, currency="USD")
    order = effective().paid(first, "pay-2", settled=9).paid(second, "pay-2", settled=9).decided()
    assert order.decision("fact", "e05").ground == "repeated"


EACH: dict[str, Callable[[], Order]] = {
    "cancellation agreed": lambda: bought().asks_to_cancel().seller_cancels(penalty=5).seller_cancels(penalty=7),
    "cancellation refused": lambda: (
        bought().asks_to_cancel().seller_wont_cancel().seller_wont_cancel(reason="damaged_in_return")
    ),
    "received": lambda: bought().received(final=False).received(objections=1),
    "delivered": lambda: bought().delivered(final=False).delivered(),
    "verified": lambda: bought().objects().verified("seller").verified("none"),
    "bought": lambda: bought().bought(90_000, 1_200),
    "fault": lambda: bought().fault_found(5).fault_found(7),
    "deposit": lambda: bought().charged_back(9).deposit_pays(5).deposit_falls_short(7),
}


def bought() -> Order:
    return effective().bought()


@pytest.mark.parametrize("story", EACH)
def test_a_message_that_replaces_an_earlier_one_is_not_reported_as_repeated(story: str) -> None:
    assert [one.ref for one in EACH[story]().decided().of(DecisionMade) if one.kind == "fact"] == []
