"""`explain` as a person reads it: what comes a second time with another outcome, and what is waited for (R21, R23)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from purchasing_contracts.events.order import Promotion

from service.operations.explain.explanation import explain
from service.operations.explain.text import text_of
from service.operations.explain.waits_in_words import _WORDS
from service.orders.engine import Engine
from service.rules.decisions import SECOND_OUTCOMES
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.rules.waits import WAIT_KINDS
from service.store.order_history import open_histories
from service.store.postgres import PostgresStore
from service.store.substitute_clock import EVENTS, set_clock
from service.terms.source import FixedTerms
from tests.orders.stories import Story, paid_order, record
from tests.rules.happenings import HOUR, amounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

DAY = 24 * HOUR
SUPERSEDED = "this no longer applies, because of what has become known since"


@pytest.fixture
async def explained(database: str) -> AsyncIterator[Callable[[Story], Awaitable[str]]]:
    """Handle a story, record by record, with the events' times as the clock; return its explanation in one line."""
    await set_clock(database, EVENTS)
    store = await PostgresStore.open(database)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)

    async def explain_story(story: Story) -> str:
        for inbound_record in story:
            await engine.handle([inbound_record])
        async with open_histories(database) as histories:
            history, clock = await histories.of(story.order_id), await histories.clock()
        assert history is not None
        text = " ".join(" ".join(text_of(explain(history, TERMS_OF_THE_AGREEMENT, clock))).split())
        return text.replace(" [not published yet]", "")

    yield explain_story
    await store.close()


def sentences(text: str, kind: str) -> list[str]:
    """The outcomes of the decisions of a kind, as published, each with its words."""
    decided = text.partition("What was decided")[2].partition("The money")[0]
    found = re.findall(rf"\d\. {kind} ?(?:\([^)]*\))?: (.*?)\. (clause .*?)(?= \d{{4}}-|$)", decided)
    return [f"{outcome}: {words.strip()}" for outcome, words in found]


def waits(text: str) -> list[str]:
    """The sentences for the order's waits."""
    return [one for one in re.split(r" (?=from the )", text.partition("Waiting for")[2]) if one.strip()]


async def test_a_sellers_second_answer_follows_the_first_and_changes_the_waits(explained) -> None:
    story = paid_order().bought().asks_to_cancel()
    asked = await explained(story)
    refused = await explained(story.seller_wont_cancel())
    agreed = await explained(story.seller_cancels(penalty=500))
    damaged = await explained(story.seller_wont_cancel(reason="damaged_in_return"))

    assert "from the seller: an answer to request can-1" in asked
    assert "an answer to request" not in waits(refused)[-1]
    assert [one.partition(":")[0] for one in sentences(agreed, "Cancellation")] == ["pending", "refused", "agreed"]
    assert "The seller refused to cancel (can-1: declined)." in agreed
    assert "The seller agreed to cancel (can-1), penalty ¥5.00." in agreed
    assert "from the seller: its money: ¥1,007.00" in agreed
    assert "from the payment system: confirmation that ¥1,007.00 on line purchase was refunded" in agreed
    assert [one.partition(":")[0] for one in sentences(damaged, "Cancellation")][-1] == "refused"
    assert "clause 12(6)" in sentences(damaged, "Cancellation")[-1]
    assert "Repayment demand (purchase): demanded ¥1,007.00." in damaged
    assert "from the buyer: ¥1,007.00 to be paid back on line purchase" in damaged


async def test_a_dispute_won_and_then_lost_is_explained_with_each_outcome(explained) -> None:
    story = paid_order().bought().received().confirms_receipt().charged_back()
    opened = await explained(story)
    won = await explained(story.chargeback_ends())
    lost = await explained(story.chargeback_ends("lost"))

    assert "from the buyer: payment of ¥1,013.01 for chargeback cb-1" in opened
    assert "from the institution: the outcome of chargeback cb-1" in opened
    assert [one.partition(":")[0] for one in sentences(won, "Chargeback")] == ["unjust", "restored"]
    assert f"Payment demand (cb-1): settled. clause 22: {SECOND_OUTCOMES['payment_demand'][1]}" in won
    assert "Waiting for" not in won or "chargeback" not in waits(won)[0]
    assert [one.partition(":")[0] for one in sentences(lost, "Chargeback")] == ["unjust", "restored", "unjust"]
    assert [one.partition(" ")[0].rstrip(":") for one in sentences(lost, "Payment demand")] == [
        "demanded",
        "settled",
        "demanded",
    ]
    assert "from the buyer: payment of ¥1,013.01 for chargeback cb-1" in lost
    assert "the outcome of chargeback cb-1" not in lost


async def test_an_objection_verified_again_and_a_superseded_decision_are_explained(explained) -> None:
    story = paid_order().bought().received().delivered().objects()
    raised = await explained(story)
    story.verified("none")
    verified = await explained(story.verified("logistics"))
    withdrawn = Story("ord-2").placed().accepted().paid(at=2 * HOUR)
    superseded = await explained(withdrawn.asks_to_cancel(at=HOUR))

    assert "from the platform: the verification of objection obj-1" in raised
    assert [one.partition(":")[0] for one in sentences(verified, "Objection")] == [
        "verification requested", "verified", "redirected to logistics",
    ]  # fmt: skip
    assert "the verification of objection" not in verified
    assert sentences(superseded, "Agreement")[-1] == f"superseded: clause 2: {SUPERSEDED}"


STORIES: dict[str, Callable[[], Story]] = {
    "order_amount": lambda: (
        Story().placed().accepted().paid(amounts(goods=60_000, shipping=0, fee=0)).bought()
        .paid(amounts(goods=40_000), "pay-2")
    ),
    "refund_withheld": lambda: paid_order().charged_back().asks_to_cancel().chargeback_ends(),
    "refund_undeliverable": lambda: (
        paid_order().asks_to_cancel(at=5 * HOUR).refund_fails(101_200, command="c-1", at=6 * HOUR)
        .refund_fails(101_200, None, command="c-2", at=8 * HOUR).refund_fails(0, None, command="c-2", at=7 * HOUR)
    ),
    "repayment_demand": lambda: (
        paid_order().asks_to_cancel(at=9 * HOUR).bought(at=8 * HOUR).repays(101_200, at=10 * HOUR)
    ),
    "buyer_owes": lambda: (
        paid_order().bought().asks_to_cancel().seller_cancels(penalty=131_200).seller_cancels(penalty=500)
    ),
    "seller_excess": lambda: (
        paid_order().bought().received().confirms_receipt().seller_refunds(300_000).excess_approved(198_800)
    ),
    "third_party_fees": lambda: (
        Story().placed(quote=amounts(third=300)).accepted().paid(amounts(third=300)).bought().asks_to_cancel()
        .seller_cancels().seller_wont_cancel()
    ),
    "foreign_currency": lambda: (
        paid_order().paid(amounts(currency="USD"), "pay-2").paid(amounts(currency="USD"), "pay-2", settled=700_000)
    ),
    "payment_demand": lambda: paid_order().bought().received().charged_back().pays_outstanding(101_301),
    "retained_goods": lambda: (
        paid_order().bought().received().charged_back().cost(1, at=9 * DAY).cost(2, "cost-2", at=10 * DAY)
        .deposit_falls_short(1_301, at=10 * DAY + HOUR).pays_outstanding(100_000, at=11 * DAY)
    ),
    "brokerage_withheld": lambda: (
        Story().placed(promotion=Promotion(promoter_id="prom-5", basis="goods", rate_bps=500)).accepted().paid()
        .bought().charged_back().received().chargeback_ends()
    ),
}  # fmt: skip


def test_each_standing_amount_has_a_story_in_which_it_comes_to_0() -> None:
    assert STORIES.keys() == SECOND_OUTCOMES.keys()


@pytest.mark.parametrize("kind", STORIES)
async def test_a_standing_amount_at_0_is_explained_by_its_second_outcome(kind: str, explained) -> None:
    outcome, words = SECOND_OUTCOMES[kind]
    found = sentences(await explained(STORIES[kind]()), kind.replace("_", " ").capitalize())

    assert len(found) > 1
    assert re.search(r"[¥$]\d", found[0])
    last, _, because = found[-1].partition(": ")
    assert last == outcome
    assert re.sub(r"clause [^:]+: ", "", because).split(words) == [""] + [" "] * (because.count(words) - 1) + [""]


async def test_steps_held_up_by_a_quarantined_record_are_explained_with_its_topic(explained) -> None:
    story = paid_order()
    story.inbound_records.append(record(b"{", key=b"ord-1"))
    text = await explained(story)
    assert "from the staff: a person to resolve a quarantined record of topic purchasing.events.order.v1" in text


async def test_an_order_that_was_not_placed_waits_for_that(explained) -> None:
    text = await explained(Story().accepted())
    assert waits(text) == ["from the platform: the message that the order was placed; nothing is decided before"]


def test_there_are_words_for_each_kind_of_wait() -> None:
    assert _WORDS.keys() == WAIT_KINDS.keys() - {"unknown"}
