"""The same step has the same id however often it is computed, and no two steps share one."""

from collections.abc import Callable
from typing import Any

import pytest

from service.rules.ids import name_id
from tests.rules.orders import DAY, HOUR, Order, amounts

STORIES: dict[str, Callable[[], Order]] = {
    "effective, not, and again": lambda: (
        Order()
        .placed()
        .accepted()
        .paid(at=2 * HOUR)
        .decided()
        .asks_to_cancel(at=HOUR)
        .decided()
        .asks_to_cancel(at=HOUR - 1, channel="other")
        .decided()
    ),
    "refunded twice the same amount": lambda: (
        Order().placed().accepted().paid().bought(99_000).decided().bought(98_000).decided().bought(97_000).decided()
    ),
    "demanded, repaid, demanded again": lambda: (
        Order()
        .placed()
        .accepted()
        .paid()
        .asks_to_cancel()
        .decided()
        .cost(5)
        .decided()
        .repays(5)
        .decided()
        .cost(5, "cost-2")
        .decided()
        .repays(5)
        .decided()
    ),
    "held, released, held again": lambda: (
        Order()
        .placed()
        .accepted()
        .paid()
        .charged_back()
        .decided()
        .chargeback_ends()
        .decided()
        .chargeback_ends("lost")
        .decided()
        .chargeback_ends()
        .decided()
        .chargeback_ends("lost")
        .decided()
    ),
    "two chargebacks of the same amount": lambda: (
        Order()
        .placed()
        .accepted()
        .paid()
        .charged_back(500, "cb-1", at=5 * HOUR)
        .charged_back(500, "cb-2", at=5 * HOUR)
        .decided()
        .decided(5 * HOUR + 3 * DAY + 1)
    ),
    "two payments of the same amount": lambda: (
        Order()
        .placed()
        .accepted()
        .paid(amounts(100_000, 0, 0))
        .paid(amounts(100_000, 0, 0), "pay-2")
        .unavailable()
        .decided()
    ),
    "the same refund after it failed twice": lambda: (
        Order()
        .placed()
        .accepted()
        .paid(amounts(100_000, 0, 0))
        .paid(amounts(100_000, 0, 0), "pay-2")
        .paid(amounts(100_000, 0, 0), "pay-3")
        .bought(0, 0)
        .decided()
        .refund_fails(100_000, "pay-1")
        .decided()
        .refund_fails(100_000, "pay-2")
        .decided()
        .repays(100)
        .decided()
        .repays(100)
        .decided()
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_no_two_steps_share_an_id(story: str) -> None:
    ids = [output.id for output in STORIES[story]().outputs]
    assert len(set(ids)) == len(ids)
    assert len(ids) > 2


@pytest.mark.parametrize("story", STORIES)
def test_the_same_story_has_the_same_ids(story: str) -> None:
    assert [output.id for output in STORIES[story]().outputs] == [output.id for output in STORIES[story]().outputs]


def test_the_same_step_has_the_same_id_whenever_it_is_computed() -> None:
    early = Order().placed().accepted().paid().asks_to_cancel().decided(10 * HOUR)
    late = Order().placed().accepted().paid().asks_to_cancel().decided(99 * HOUR)
    assert [output.id for output in early.outputs] == [output.id for output in late.outputs]


def test_two_orders_share_no_id() -> None:
    one, other = Order(order_id="a").placed().accepted().paid(), Order(order_id="b").placed().accepted().paid()
    ids = [output.id for order in (one, other) for output in order.asks_to_cancel().decided().outputs]
    assert len(set(ids)) == len(ids) == 8


def test_an_id_is_a_name_based_uuid_and_depends_on_where_its_parts_begin() -> None:
    found = {name_id("a", "bc"), name_id("ab", "c"), name_id("abc"), name_id("a", "b", "c"), name_id("a", "", "bc")}
    assert len(found) == 5
    assert all(one[14] == "5" for one in found)


PINNED = [
    "99548f9a-c919-59db-a7e4-a820f135941b",
    "74b8c546-6efb-50a2-85d2-7278c9f2a44d",
    "ec7684f5-bcc6-5380-83a5-9a2dcf2cdaeb",
]
"""Of the agreement, the cancellation and the refund of the order below."""


def test_ids_never_change_from_one_release_to_the_next() -> None:
    # With another way of making ids every receiver would act twice, so these are fixed for ever.
    order = Order().placed().accepted().paid().asks_to_cancel().decided()
    assert [output.id for output in order.outputs if _is_pinned(output.data)] == PINNED


def _is_pinned(data: Any) -> bool:
    """Whether version 0.1 published it too."""
    return getattr(data, "kind", "") != "closing"
