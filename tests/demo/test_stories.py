"""The orders that `make demo` plays, through the engine alone, and the words of their timelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.envelope import decode_published

from service.demo.narration import narrate
from service.demo.stories import Sent, Story, TimePasses, stories
from service.simulate.simulation import Simulation

if TYPE_CHECKING:
    from datetime import datetime

    from service.demo.stories import Step

STORIES = {story.order_id: story for story in stories()}
FROM_THE_DEPOSIT, TWO_ITEMS, DEARER, TWO_ROUNDS = "demo-08", "demo-09", "demo-10", "demo-11"


def instants(story: Story) -> list[datetime]:
    times = [step.until if isinstance(step, TimePasses) else step.at for step in story.steps]
    return [at for at in times if at is not None]


async def played(order_id: str) -> list[tuple[Step, list[Any]]]:
    """Each step with what was published in answer."""
    simulation = Simulation()
    found: list[tuple[Step, list[Any]]] = []
    for step in STORIES[order_id].steps:
        answer = simulation.receive(step.value) if isinstance(step, Sent) else simulation.go_on(step.until)
        outputs = [one.output.value async for handled in answer for one in handled.outputs]
        found.append((step, [decode_published(value)[1] for value in outputs]))
    return found


async def sums(order_id: str, kind: type[Any]) -> list[tuple[int, str]]:
    """The amounts of the commands of a kind, in fen, and where they go, come from or lie."""
    published = [data for _, answer in await played(order_id) for data in answer if isinstance(data, kind)]
    names = ("payment_id", "destination", "deduction_id", "hold_id")
    return [
        (data.amount.value, next(filter(None, (getattr(data, name, None) for name in names)))) for data in published
    ]


async def decided(order_id: str) -> list[tuple[str, str, int | None]]:
    published = [data for _, answer in await played(order_id) for data in answer if isinstance(data, DecisionMade)]
    return [(data.kind, data.outcome, None if data.amount is None else data.amount.value) for data in published]


def previous(order_id: str) -> Story | None:
    before = [one for one in STORIES.values() if one.order_id < order_id]
    return before[-1] if before else None


def test_a_story_begins_when_the_one_before_has_ended() -> None:
    for story in STORIES.values():
        before = previous(story.order_id)
        assert before is None or min(instants(story)) > max(instants(before)), story.order_id
    assert len(STORIES) == int(TWO_ROUNDS.rpartition("-")[2])


async def test_the_money_of_an_item_out_of_stock_goes_back_and_the_order_goes_on() -> None:
    assert await sums(TWO_ITEMS, RefundIssue) == [(40_040, "pay-1")]
    assert ("unavailability", "ended", None) in await decided(TWO_ITEMS)
    assert "closing" not in {kind for kind, _, _ in await decided(TWO_ITEMS)}


async def test_an_agreed_supplement_is_kept_and_what_was_not_needed_of_it_goes_back() -> None:
    amounts = [one for one in await decided(DEARER) if one[0] == "order_amount"]
    assert amounts == [("order_amount", "outstanding", 10_010), ("order_amount", "settled", None)]
    assert await sums(DEARER, RefundIssue) == [(2_002, "pay-2")]


async def test_a_dispute_of_two_rounds_has_two_holds_and_two_demands_and_one_deduction() -> None:
    assert await sums(TWO_ROUNDS, FreezePlace) == [(102_801, "cb-1"), (102_801, "cb-1:2")]
    assert await sums(TWO_ROUNDS, DeductionExecute) == [(102_801, "cb-1")]
    assert await sums(TWO_ROUNDS, RefundIssue) == [(101_301, "deposit")]
    made = await decided(TWO_ROUNDS)
    assert [outcome for kind, outcome, _ in made if kind == "chargeback"] == ["unjust", "restored", "unjust"]
    assert [outcome for kind, outcome, _ in made if kind == "payment_demand"] == ["demanded", "settled"] * 2


@pytest.mark.parametrize("order_id", [FROM_THE_DEPOSIT, TWO_ROUNDS])
async def test_time_passes_until_the_deposit_is_taken(order_id: str) -> None:
    (answer,) = [answer for step, answer in await played(order_id) if isinstance(step, TimePasses)]
    assert [type(data) for data in answer] == [DeductionExecute]


@pytest.mark.parametrize("order_id", [FROM_THE_DEPOSIT, TWO_ROUNDS])
async def test_a_story_with_a_claim_ends_with_nothing_owed_and_no_hold(order_id: str) -> None:
    last = (await played(order_id))[-1][1]
    assert [type(data) for data in last] == [DecisionMade, FreezeRelease]
    assert (await decided(order_id))[-1] == ("payment_demand", "settled", None)


async def test_a_won_chargeback_is_explained_by_the_institution_s_answer() -> None:
    lines = list(narrate(STORIES[TWO_ROUNDS], await played(TWO_ROUNDS)))
    restored = lines.index("                · Chargeback (cb-1): restored.")
    assert lines[restored + 1].strip().startswith("clause 22, the institution returned the money; 22(1), ")


async def test_each_story_s_timeline_has_its_title_every_step_and_every_answer() -> None:
    for story in STORIES.values():
        steps = await played(story.order_id)
        lines = list(narrate(story, steps))
        assert f"{story.order_id}: {story.title}" in lines[1]
        assert sum(line.startswith(("  0", "  1", "  2", "  3")) for line in lines) == len(instants(story))
        assert sum("⇒" in line or "·" in line[:18] for line in lines) == sum(len(answer) for _, answer in steps)


async def test_the_readme_s_excerpt_is_what_the_demo_prints() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    excerpt = text.partition("```text\n━━ ")[2].partition("```")[0].splitlines()
    order_id = excerpt[0].partition(":")[0]
    told = iter(narrate(STORIES[order_id], await played(order_id)))
    missing = [line for line in excerpt[1:] if line.strip() != "…" and line not in told]
    assert missing == []
    assert len(excerpt) > 8
