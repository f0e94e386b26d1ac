"""The product's rules beside a second implementation, written from the text alone by somebody who had not seen them."""

from __future__ import annotations

import json

import pytest
from purchasing_contracts.topics import TOPICS

from tests.golden import CASES
from tests.orders.stories import Story, paid_order
from tests.rules.happenings import HOUR, amounts, lamp, money
from tests.rules.second_opinion.differential import check, play
from tests.rules.second_opinion.golden import wrong
from tests.rules.second_opinion.histories import History

HISTORIES = 120
"""The number of histories played here, in twenty seconds; `python -m tests.rules.second_opinion` plays more."""
AT_ONCE = 20


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_the_second_opinion_decides_a_worked_example_as_expected(path) -> None:
    assert wrong(json.loads(path.read_text())) == []


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_the_product_and_the_second_opinion_agree_in_every_arrival_order(first: int) -> None:
    seeds = range(first, first + AT_ONCE)
    assert {seed: found for seed in seeds if (found := play(History(seed), 3)[0])} == {}


@pytest.mark.parametrize(("undelivered", "at"), [(0, 19), (300, 19), (0, 21)], ids=["earlier", "a part", "later"])
def test_both_decide_the_same_on_a_second_failure_of_an_undeliverable_refund(undelivered: int, at: int) -> None:
    story = paid_order().asks_to_cancel(at=5 * HOUR).refund_fails(101_200, at=6 * HOUR)
    story.refund_fails(101_200, None, command="c-2", at=20 * HOUR)
    story.refund_fails(undelivered, None, command="c-2", at=at * HOUR)
    assert check([json.loads(one.value) for one in story], []) == []


def short_paid_order() -> Story:
    """Return an accepted order, paid in part, of which goods were received without a purchase that is known."""
    return Story().placed().accepted().paid(amounts(60_000, 0, 0)).received()


@pytest.mark.parametrize(
    "story",
    [
        short_paid_order().objects().verified("logistics").asks_to_cancel().seller_cancels(),
        short_paid_order().asks_to_cancel().objects().verified("logistics"),
        short_paid_order().objects().verified("logistics").asks_to_cancel().objects("o-2").verified("logistics", "o-2"),
        short_paid_order().asks_to_cancel().seller_wont_cancel().objects().verified("logistics").seller_cancels(),
    ],
    ids=["before the request", "while it waits", "while it waits, again", "before a later agreement"],
)
def test_both_decide_the_same_on_a_verdict_before_the_order_is_effective(story: Story) -> None:
    assert check([json.loads(one.value) for one in story], []) == []


@pytest.mark.parametrize("first", ["cancellation", "dissolution"])
def test_both_cite_the_same_for_taking_back_two_requests_of_one_id(first: str) -> None:
    story = Story().placed(mandate_at=None).asks_to_cancel("x", at=(1 if first == "cancellation" else 3) * HOUR)
    story.asks_to_dissolve("x", at=2 * HOUR).takes_back("x", at=4 * HOUR)
    assert check([json.loads(one.value) for one in story], []) == []


def test_both_test_a_quote_of_this_instant_without_what_became_unavailable() -> None:
    items = (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))
    story = Story().placed(items=items, address=None, at=0).accepted(at=0).paid(at=0)
    story.unavailable(items={"2": None}, at=0).requoted(amounts(110_000, 0, 101), at=0)
    assert check([json.loads(one.value) for one in story], []) == []


def test_the_random_histories_have_every_type_of_event() -> None:
    events = {message.TYPE for topic in TOPICS if topic.direction == "in" for message in topic.messages}
    told = {event["type"] for seed in range(HISTORIES) for event in History(seed).events}
    assert events - told == set(), "let a history or a plot of tests/rules/second_opinion tell them"
