"""Clause 5: a logistics provider is needed by the time the agreement takes effect."""

import pytest

from tests.rules.orders import HOUR, Order


@pytest.mark.parametrize(
    ("on_placing", "on_accepting", "outcome"),
    [
        ("logi-4", None, ("effective", ["2"])),
        (None, "logi-4", ("effective", ["2"])),
        (" ", "logi-4", ("effective", ["2"])),
        (None, None, ("invalid", ["5"])),
        (" ", None, ("invalid", ["5"])),
        (None, "\t", ("invalid", ["5"])),
    ],
)
def test_placing_or_accepting_names_the_logistics_provider_and_a_blank_names_none(
    on_placing: str | None, on_accepting: str | None, outcome: tuple[str, list[str]]
) -> None:
    order = Order().placed(logistics=on_placing).accepted(logistics=on_accepting).paid().decided()
    assert order.stands("agreement") == outcome
    assert order.refunded() == (101_301 if outcome[0] == "invalid" else 0)


def test_a_second_acceptance_names_no_logistics_provider() -> None:
    order = Order().placed(logistics=None).accepted().accepted(logistics="logi-4").paid().decided()
    assert order.stands("agreement") == ("invalid", ["5"])


@pytest.mark.parametrize("story", [Order().placed(logistics=None).accepted(), Order().placed(logistics=None).paid()])
def test_no_logistics_provider_is_missed_before_the_agreement_would_take_effect(story: Order) -> None:
    assert story.decided().outcomes("agreement") == []


@pytest.mark.parametrize(
    ("at", "agreement", "asked"),
    [
        (2 * HOUR - 1, [], ("withdrawn", ["2"])),
        (2 * HOUR, ["invalid"], ("moot", ["5"])),
        (2 * HOUR + 1, ["invalid"], ("moot", ["5"])),
    ],
)
def test_the_order_cant_be_reached_as_of_the_moment_it_would_have_been_effective(
    at: int, agreement: list[str], asked: tuple[str, list[str]]
) -> None:
    order = Order().placed(logistics=None).accepted().paid(at=2 * HOUR).asks_to_cancel(at=at).decided()
    assert order.outcomes("agreement") == agreement
    assert order.stands("cancellation", "can-1") == asked


def test_an_order_that_cant_be_reached_as_of_that_moment_was_never_effective() -> None:
    order = Order().placed(logistics=None, deadline=3 * HOUR).accepted().paid(at=2 * HOUR)
    order.asks_to_dissolve(at=2 * HOUR).asks_to_cancel(at=4 * HOUR).decided()
    assert order.stands("dissolution", "dis-1") == ("refused", ["2"])
    assert order.stands("cancellation", "can-1") == ("moot", ["5"])  # not too late: nothing was in force to cancel


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(2 * HOUR - 1, ("refused", ["3"])), (2 * HOUR, ("refused", ["3"])), (2 * HOUR + 1, ("invalid", ["5"]))],
)
def test_of_a_refusal_and_the_missing_logistics_provider_the_earlier_counts(
    at: int, outcome: tuple[str, list[str]]
) -> None:
    order = Order().placed(logistics=None).accepted().paid(at=2 * HOUR).refused("special_request", at=at).decided()
    assert order.stands("agreement") == outcome


def test_unavailable_goods_close_an_order_before_the_logistics_provider_is_missed() -> None:
    order = Order().placed(logistics=None).accepted().unavailable().paid().decided()
    assert order.outcomes("agreement") == []
    assert order.refund_clauses() == ["9", "10"]
