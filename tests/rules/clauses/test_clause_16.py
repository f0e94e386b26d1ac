"""Clause 16: the obligation to procure ends when the goods are received without objections."""

import pytest

from tests.rules.orders import HOUR, Order, lamp


def bought() -> Order:
    return Order().placed().accepted().paid().bought()


def test_goods_received_without_objections_end_the_obligation() -> None:
    assert bought().received().decided().stands("obligation") == ("terminated", ["16"])


@pytest.mark.parametrize(
    "story",
    [
        bought(),
        bought().received(objections=1),
        bought().received(final=False),
        bought().received("rec-1", final=False).received("rec-2", final=False),
        bought().received("rec-1", objections=1).received("rec-2"),  # an objection that stands
    ],
)
def test_parts_objections_and_repeated_receipts_dont_end_it(story: Order) -> None:
    assert story.decided().outcomes("obligation") == []


@pytest.mark.parametrize(
    "story",
    [
        bought().received("rec-1", final=False).received("rec-1", at=9 * HOUR),  # the last part, under the same id
        bought().received("rec-1", objections=2).received("rec-1", at=9 * HOUR),  # the same receipt again: the latest
        bought().received("rec-1", objections=1).verified("none", "rec-1", at=9 * HOUR),
        bought().received("rec-1", at=9 * HOUR).received("rec-2", at=10 * HOUR, objections=1),
        bought().received("rec-2", at=99 * HOUR).received("rec-1", at=9 * HOUR),
    ],
)
def test_the_first_final_receipt_without_objections_ends_it(story: Order) -> None:
    # A chargeback that the provider caused is unjust from then on, so it tells to the microsecond when that was.
    story.decided()
    assert story.outcomes("obligation") == ["terminated"]
    story.charged_back(5, "cb-1", attributable=True, at=9 * HOUR - 1)
    story.charged_back(5, "cb-2", attributable=True, at=9 * HOUR).decided()
    assert (story.outcomes("chargeback", "cb-1"), story.outcomes("chargeback", "cb-2")) == (["accepted"], ["unjust"])


def test_the_obligation_ends_whatever_became_of_the_order() -> None:
    order = Order().placed().received().decided()
    assert order.outcomes("obligation") == ["terminated"]


def test_an_earlier_receipt_with_objections_supersedes_the_end_of_the_obligation() -> None:
    order = bought().received(at=9 * HOUR).decided().received("rec-2", at=8 * HOUR, objections=1).decided()
    assert order.outcomes("obligation") == ["terminated", "superseded"]
    assert order.stands("obligation") == ("superseded", ["16"])


def two_items() -> Order:
    return Order().placed(items=(lamp(quantity=3), lamp(quantity=1))).accepted().paid().bought()


def test_parts_that_name_items_end_the_obligation_with_the_last_unit() -> None:
    order = two_items().received("r-1", items={"1": None}).decided()
    assert order.outcomes("obligation") == []
    assert order.received("r-2", items={"2": 1}).decided().outcomes("obligation") == ["terminated"]


def test_a_receipt_named_again_adds_only_what_it_names_beyond_the_most_before() -> None:
    order = two_items().received("r-1", items={"1": 2}).received("r-1", items={"1": 1})
    order.received("r-1", items={"1": 2, "2": 1}).decided()
    assert order.outcomes("obligation") == []
    assert order.received("r-2", items={"1": 1}).decided().outcomes("obligation") == ["terminated"]
