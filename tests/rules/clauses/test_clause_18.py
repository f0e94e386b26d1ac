"""Clause 18: receipt, confirmed by the buyer or deemed confirmed after silence."""

from datetime import UTC, datetime

import pytest

from service.rules.facts import micros
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, lamp, terms

DELIVERED = 10 * HOUR
LAST = micros(datetime(2026, 3, 13, 16, tzinfo=UTC)) - START
"""24:00 in Beijing of the tenth day after the delivery."""


def delivered(days: int | None = None, *declared: object) -> Order:
    order = Order(*declared).placed(dissolution_period_days=days)  # type: ignore[arg-type]  # terms sets
    return order.accepted().paid().bought().delivered(at=DELIVERED)


def test_a_confirmation_is_decided_at_once_even_before_any_delivery() -> None:
    order = Order().placed().confirms_receipt().decided()
    assert order.stands("receipt") == ("confirmed", ["18"])
    assert order.due_at is None


@pytest.mark.parametrize(("now", "outcomes"), [(LAST - 1, []), (LAST, []), (LAST + 1, ["deemed_confirmed"])])
def test_silence_confirms_once_the_clock_is_beyond_the_last_instant(now: int, outcomes: list[str]) -> None:
    order = delivered().decided(now)
    assert order.outcomes("receipt") == outcomes
    assert order.due_at == (None if outcomes else LAST)
    if outcomes:
        assert order.stands("receipt") == ("deemed_confirmed", ["18"])


def test_a_watermark_behind_the_clock_leaves_the_deadline_open() -> None:
    order = delivered().decided(LAST + 90 * DAY, watermark=LAST)
    assert order.outcomes("receipt") == []
    assert order.due_at == LAST
    assert order.decided(LAST + 90 * DAY, watermark=LAST + 1).outcomes("receipt") == ["deemed_confirmed"]


@pytest.mark.parametrize(("days", "last"), [(None, 13), (0, 13), (9, 13), (10, 13), (11, 16), (30, 33)])
def test_the_period_is_the_longer_of_the_platforms_and_the_dissolution_period(days: int | None, last: int) -> None:
    # Days of March, until their end in Beijing; the fourteenth is a Saturday.
    instant = LAST + (last - 13) * DAY
    order = delivered(days).decided(instant)
    assert order.outcomes("receipt") == []
    assert order.due_at == instant
    assert order.decided(instant + 1).outcomes("receipt") == ["deemed_confirmed"]


def test_the_platform_sets_the_days_of_silence() -> None:
    order = delivered(None, terms(deemed_confirmation_days=4))
    # The seventh of March is a Saturday, so the period ends with the ninth.
    assert order.decided(LAST - 4 * DAY).outcomes("receipt") == []
    assert order.decided(LAST - 4 * DAY + 1).outcomes("receipt") == ["deemed_confirmed"]


WORDS = {
    "a package objection": lambda order, at: order.objects(at=at),
    "a quality objection": lambda order, at: order.objects(scope="quality", at=at),
    "a dissolution request": lambda order, at: order.asks_to_dissolve(at=at),
    "a dissolution request that is refused": lambda order, at: order.asks_to_dissolve(at=at, evidence=0),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("at", "outcomes"),
    [
        (DELIVERED - 1, []),
        (DELIVERED, []),
        (DELIVERED + 1, []),
        (LAST - 1, []),
        (LAST, []),
        (LAST + 1, ["deemed_confirmed"]),
    ],
)
def test_an_objection_or_a_pending_dissolution_request_stops_the_period(
    word: str, at: int, outcomes: list[str]
) -> None:
    order = WORDS[word](delivered(), at).decided(LAST + DAY)
    assert order.outcomes("receipt") == (["deemed_confirmed"] if "refused" in word else outcomes)
    assert order.due_at is None


def test_a_cancellation_request_does_not_break_the_silence() -> None:
    assert delivered().asks_to_cancel().decided(LAST + 1).outcomes("receipt") == ["deemed_confirmed"]


@pytest.mark.parametrize("repeated", ["objection", "request"])
def test_an_objection_or_request_with_a_used_id_breaks_the_silence(repeated: str) -> None:
    order = delivered()
    if repeated == "objection":
        order.objects(at=DELIVERED - HOUR).objects(at=DELIVERED + HOUR)
    else:
        order.asks_to_dissolve(at=DELIVERED - HOUR).asks_to_dissolve(at=DELIVERED + HOUR)
    assert order.decided(LAST + 1).outcomes("receipt") == []


@pytest.mark.parametrize(("at", "dissolution"), [(LAST - 1, "18"), (LAST, "18")])
def test_a_confirmation_by_the_last_instant_ends_the_matter(at: int, dissolution: str) -> None:
    order = delivered(None).confirms_receipt(at=at).asks_to_dissolve(at=LAST + 2).decided()
    assert order.stands("receipt") == ("confirmed", ["18"])
    assert order.stands("dissolution", "dis-1") == ("refused", [dissolution])
    assert order.due_at is None


def test_receipt_deemed_confirmed_stays_so_when_the_buyer_confirms_late() -> None:
    order = delivered().decided(LAST + 1).confirms_receipt(at=LAST + DAY).decided()
    assert order.outcomes("receipt") == ["deemed_confirmed"]


def test_a_late_objection_supersedes_a_deemed_receipt_and_reopens_dissolution() -> None:
    order = delivered().decided(LAST + 1).asks_to_dissolve(at=LAST + DAY).decided()
    assert order.stands("dissolution", "dis-1") == ("refused", ["18"])
    order.objects(scope="quality", at=DELIVERED + DAY).decided(LAST + 2 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed", "superseded"]
    assert order.outcomes("dissolution", "dis-1") == ["refused", "pending"]


def test_deliveries_in_parts_start_the_period_with_the_last() -> None:
    order = Order().placed().accepted().paid().bought()
    order.delivered("pack-1", at=HOUR, final=False).decided(90 * DAY)
    assert order.outcomes("receipt") == []
    assert order.due_at is None
    order.delivered("pack-1", at=DELIVERED).delivered("pack-2", at=DELIVERED + DAY)
    assert order.decided(LAST).due_at == LAST
    assert order.decided(LAST + 1).outcomes("receipt") == ["deemed_confirmed"]


def test_the_last_instant_of_the_first_final_delivery_counts_when_received_late() -> None:
    order = delivered().decided(DELIVERED).delivered("pack-2", at=DELIVERED - 4 * HOUR).decided(DELIVERED)
    assert order.due_at == LAST - DAY


def test_a_deemed_receipt_stays_when_the_watermark_falls_back() -> None:
    order = delivered().decided(LAST + DAY, watermark=LAST + 1)
    order.cost(5).decided(LAST + 2 * DAY, watermark=LAST)
    assert order.outcomes("receipt") == ["deemed_confirmed"]
    assert order.due_at is None


def test_receipt_deemed_confirmed_in_the_first_instant_possible_stays_so_too() -> None:
    order = delivered().decided(LAST + 1).cost(5).decided(LAST + 2, watermark=LAST)
    assert order.outcomes("receipt") == ["deemed_confirmed"]


def test_receipt_deemed_confirmed_stays_so_when_the_longer_period_has_passed_as_well() -> None:
    order = delivered().decided(LAST + 1)
    order.placed(at=-HOUR, dissolution_period_days=30).decided(LAST + 20 * DAY + 1)
    assert order.outcomes("receipt") == ["deemed_confirmed"]


def test_a_reopened_receipt_waits_for_the_watermark_at_its_new_last_instant() -> None:
    order = delivered().decided(LAST + 1)
    order.placed(at=-HOUR, dissolution_period_days=30).decided(60 * DAY, watermark=DELIVERED + 20 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed", "superseded"]
    assert order.due_at == LAST + 20 * DAY
    early = delivered().decided(LAST + 1).placed(at=-HOUR, dissolution_period_days=30).decided(LAST + 2)
    early.placed(at=-2 * HOUR, dissolution_period_days=11).decided(60 * DAY, watermark=DELIVERED + 5 * DAY)
    assert early.outcomes("receipt") == ["deemed_confirmed", "superseded"]
    assert early.due_at == LAST + 3 * DAY


def test_a_deemed_receipt_reopens_when_the_order_has_a_longer_period() -> None:
    order = delivered().decided(LAST + 1)
    order.placed(at=-HOUR, dissolution_period_days=30).decided(LAST + 2)
    assert order.outcomes("receipt") == ["deemed_confirmed", "superseded"]
    assert order.due_at == LAST + 20 * DAY
    order.decided(LAST + 20 * DAY + 1)
    assert order.outcomes("receipt") == ["deemed_confirmed", "superseded", "deemed_confirmed"]


def test_a_period_that_passed_while_the_order_had_ended_confirms_nothing() -> None:
    order = delivered().unavailable(at=LAST - HOUR).received(at=LAST + 5 * DAY).decided(LAST + 90 * DAY)
    assert order.outcomes("closing") == []
    assert order.outcomes("receipt") == []


def test_a_period_ends_as_usual_in_an_order_that_reopened_by_its_last_instant() -> None:
    order = delivered().unavailable(at=LAST - HOUR).received(at=LAST).decided(LAST + 1)
    assert order.outcomes("receipt") == ["deemed_confirmed"]


def test_confirmation_does_not_bar_units_that_the_seller_had_withdrawn_by_then() -> None:
    order = Order().placed().accepted().paid().bought().unavailable().confirms_receipt().bought()
    order.asks_to_dissolve().decided()
    assert order.stands("dissolution", "dis-1") == ("pending", ["13(4)"])


@pytest.mark.parametrize(("withdrawn", "receipt"), [(False, []), (True, ["deemed_confirmed"])])
def test_an_objection_that_was_withdrawn_does_not_stop_the_period(withdrawn: bool, receipt: list[str]) -> None:
    order = Order().placed().accepted().paid().bought().delivered().objects()
    if withdrawn:
        order.withdraws_objection()
    assert order.decided(90 * DAY).outcomes("receipt") == receipt


def test_a_confirmation_after_receipt_was_deemed_bars_what_was_bought_meanwhile() -> None:
    """Receipt of the first unit was deemed confirmed, when the second had not been bought (R2)."""
    order = Order().placed(items=(lamp(quantity=1), lamp(quantity=1))).accepted().paid().delivered(at=3 * HOUR)
    order.bought(50_000, 600, items={"1": None}, at=5 * DAY).decided(12 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed"]
    order.bought(50_000, 600, purchase="pur-2", items={"2": None}, at=13 * DAY)
    order.asks_to_dissolve("dis-1", items={"2": None}, at=14 * DAY).decided()
    assert order.stands("dissolution", "dis-1") == ("pending", ["13(4)"])
    order.confirms_receipt(at=20 * DAY).asks_to_dissolve("dis-2", items={"2": None}, at=21 * DAY).decided()
    assert order.stands("dissolution", "dis-2") == ("refused", ["18"])
    assert order.outcomes("receipt") == ["deemed_confirmed"]
