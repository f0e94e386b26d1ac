"""The money of each line adds up, term by term, after each event of every golden case and of random histories."""

from __future__ import annotations

import re
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING

import pytest
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.events.order import ProviderFaultFound
from purchasing_contracts.events.payment import RefundSucceeded

from service.operations.explain.explanation import lines_of, settlement_terms
from service.operations.explain.text import words_of_line, words_of_line_terms, words_of_terms
from service.rules.clock import Clock
from service.rules.decide import examine
from tests.golden import Case, cases
from tests.rules.money import examined
from tests.rules.orders import Order
from tests.rules.playing import Played, fact
from tests.rules.second_opinion.histories import ORDER, History
from tests.rules.second_opinion.plots import PLOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from service.operations.explain.explanation import Line
    from service.rules.decide import Examination
    from tests.rules.playing import Event


def examinations(case: Case) -> Iterator[Examination]:
    """The order as the rules examine it after each of its events, before and after the outputs are published."""
    return examined_after_each(Played("ord-1001"), case.events)


def examined_after_each(played: Played, events: Iterable[Event]) -> Iterator[Examination]:
    """The same of any events."""
    for event in events:
        one = fact(event)
        played.until(max(played.clock, one.at))
        played.facts.setdefault((one.source, one.id), one)
        for _ in ("before", "after"):
            found = examined(played)
            if found is not None:
                yield found
            played.look(played.clock, played.clock)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_terms_of_the_purchase_add_up_to_what_is_due(case: Case) -> None:
    for found in examinations(case):
        assert_terms_add_up(found)


@pytest.mark.parametrize("plot", dict.fromkeys(PLOTS), ids=lambda plot: plot.__name__)
def test_all_amounts_of_random_histories_add_up(plot: Callable[[History], None]) -> None:
    for seed in range(3):
        history = History(seed, plot=plot)
        events = [event for event in history.events if "quarantined" not in event]
        for found in examined_after_each(Played(ORDER), events):
            assert_terms_add_up(found)
            assert_lines_add_up(found)


@pytest.mark.parametrize("seed", range(20))
def test_all_amounts_of_histories_without_a_plot_add_up(seed: int) -> None:
    events = [event for event in History(1_000 + seed).events if "quarantined" not in event]
    for found in examined_after_each(Played(ORDER), events):
        assert_terms_add_up(found)
        assert_lines_add_up(found)


def assert_terms_add_up(found: Examination) -> None:
    one = settlement_terms(found)
    assert_printed_terms_add_up(words_of_terms(one, "CNY"))
    assert one.captured - one.third_party_fees == one.paid
    kept = one.price + one.reserved + one.fee + one.own_fees - one.not_kept
    money = one.paid - kept + one.not_paid + one.from_seller - one.unconfirmed
    rest = money - one.charged_back + one.charged_beyond
    assert rest - one.costs - one.penalties + one.beyond_money - one.deposit == one.due
    assert min(astuple(one)) >= 0


SIGNS = {
    "captured": 0,
    "third parties' fees in it": 0,
    "paid": 1,
    "kept for: price": -1,
    "reserved": -1,
    "fee": -1,
    "own fees": -1,
    "of that beyond the order amount and not kept": 1,
    "of that not paid yet": 1,
    "given by the seller beyond what it charges": 1,
    "of that waiting for confirmation": -1,
    "charged back": -1,
    "of that beyond what was the buyer's": 1,
    "costs": -1,
    "penalties": -1,
    "of these beyond what there was": 1,
    "deposit": -1,
}
"""Each term as it is printed, and whether a person who reads it aloud adds it, takes it off, or has done so before."""


def assert_printed_terms_add_up(words: str) -> None:
    printed = {}
    for part in re.split(r"; |, (?=[a-z])", words):
        name, _, amount = part.rpartition(" ")
        assert name not in printed, "no term is printed twice"
        printed[name] = int(re.sub(r"[¥,.]", "", amount))
    due = printed.pop("due")
    assert sum(SIGNS[name] * amount for name, amount in printed.items()) == due
    assert printed.get("captured", printed["paid"]) - printed.get("third parties' fees in it", 0) == printed["paid"]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_paid_out_and_withheld_add_up_to_the_amount_due_on_each_line(case: Case) -> None:
    for found in examinations(case):
        assert_lines_add_up(found)


def assert_lines_add_up(found: Examination) -> None:
    terms = settlement_terms(found)
    for one in lines_of(found):
        is_repaid_elsewhere = one.line == "owed" or one.line.startswith("chargeback:")
        repaid = 0 if is_repaid_elsewhere else one.repaid
        assert one.out == one.commanded + one.elsewhere - one.failed - repaid
        assert one.out + one.to_command + one.withheld - one.demanded - one.set_off == one.entitled
        assert one.entitled == (one.due if one.line == "purchase" else max(0, one.due - accepted(found, one.line)))
        assert one.line != "purchase" or (one.due, one.captured) == (terms.due, terms.captured)
        # Only what is out can be negative: if more was paid back than had been paid out.
        assert min(value for name, value in asdict(one).items() if name not in ("line", "out", "terms")) >= 0
        assert_terms_of_line_add_up(found, one)


def assert_terms_of_line_add_up(found: Examination, line: Line) -> None:
    """The sum, as it is printed, begins with what the facts say came in or was found, and ends with what is due."""
    if line.line == "purchase":
        assert line.terms == ()
        return
    printed = [part.rpartition(" ") for part in words_of_line_terms(line, "CNY").split("; ")]
    amounts = {name: int(re.sub(r"[¥,.]", "", amount)) for name, _, amount in printed if amount}
    due = amounts.pop("due", 0)
    assert sum(-amount if name.startswith("less ") else amount for name, amount in amounts.items()) == line.due == due
    brought = sum(amounts.get(name, 0) for name in ("paid in", "paid by the buyer", "taken from the deposit"))
    assert brought + amounts.get("received for goods", 0) == line.captured
    if line.line == "compensation":
        losses = [fact.data.direct_loss.value for fact in found.case.view.counted(ProviderFaultFound)]
        assert amounts.get("direct losses", 0) == sum(losses)
    if line.line == "owed":
        assert amounts.get("less owed: costs and penalties beyond what there was", 0) == found.case.settlement.owed
        noted = [one.amount for one in found.amounts if one.kind == "buyer_owes"]
        assert amounts.get("of that not paid yet", 0) == sum(noted)


def accepted(found: Examination, line: str) -> int:
    """The amount that chargebacks took from a line and that nobody claims again."""
    return sum(one.share(line) for one in found.case.chargebacks if line.startswith("tip:") or not one.is_unjust)


def test_a_refund_that_was_executed_is_shown_with_its_amount() -> None:
    order = Order().placed().accepted().paid().bought(goods=90_000).decided()
    (refund,) = [one for one in order.outputs if isinstance(one.data, RefundIssue)]
    order.add(RefundSucceeded(command_id=refund.id))
    found = examine("ord-1", order.facts, order.ledger, order.book, Clock(order.facts[-1].at, order.facts[-1].at))
    assert found is not None
    (line,) = lines_of(found)
    assert (line.commanded, line.succeeded) == (10_010, 10_010)


def test_the_amount_taken_by_the_institution_is_not_shown_as_still_due() -> None:
    (case,) = [case for case in cases() if case.name.startswith("64-")]
    *_, last = examinations(case)
    tips = [words_of_line(line, "CNY") for line in lines_of(last) if line.line == "tip:tip-1"]
    assert tips == [
        "paid in ¥200.00, due ¥200.00, taken back by the institution ¥200.00, due besides that ¥0.00, commanded ¥0.00"
    ]


def test_a_penalty_set_off_against_compensation_is_printed_term_by_term() -> None:
    (case,) = [case for case in cases() if case.name.startswith("86-")]
    *_, last = examinations(case)
    assert {line.line: words_of_line_terms(line, "CNY") for line in lines_of(last)} == {
        "purchase": "",
        "compensation": "direct losses ¥500.00; less set off against what the buyer owes ¥300.00; due ¥200.00",
        "owed": "less owed: costs and penalties beyond what there was ¥300.00; "
        "of that set off against compensation ¥300.00; due ¥0.00",
    }


def test_the_terms_have_the_words_and_the_order_of_the_rules() -> None:
    (case,) = [case for case in cases() if case.name.startswith("13-")]
    *_, last = examinations(case)
    words = words_of_terms(settlement_terms(last), "CNY")
    heads = [part.strip().rsplit(" ", 1)[0] for part in words.replace("kept for: price", "kept for price").split(";")]
    assert [head.split(" ¥")[0] for head in heads] == [
        "paid",
        "kept for price",
        "charged back",
        "costs",
        "penalties",
        "deposit",
        "due",
    ]
