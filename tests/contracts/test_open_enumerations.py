"""Enumerations of what we publish are open: readers take what they don't know, we write only what is known."""

import json
from typing import Any, get_args

import pytest
from purchasing_contracts.base import instant_of
from purchasing_contracts.decisions import DecisionMade, FactGround, Kind, Outcome
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.open_enumerations import unknown_values
from purchasing_contracts.quarantine import Reason, RecordQuarantined
from purchasing_contracts.shipped import example

from service.simulate.simulation import Simulation
from tests.contracts.wire import PUBLISHED, event, text
from tests.golden import Case, cases

OPEN = [
    ("purchasing.decision.made.v1", "kind"),
    ("purchasing.decision.made.v1", "outcome"),
    ("purchasing.decision.made.v1", "ground"),
    ("purchasing.refund.issue.v1", "destination"),
    ("purchasing.deduction.execute.v1", "source"),
    ("purchasing.deduction.execute.v1", "purpose"),
    ("purchasing.freeze.place.v1", "scope"),
    ("purchasing.record.quarantined.v1", "reason"),
]


def read(type_: str, **members: Any) -> Any:
    return decode_published(text(event(type_, PUBLISHED[type_].whole | members)))[1]


@pytest.mark.parametrize(("type_", "name"), OPEN)
def test_a_reader_accepts_an_unknown_value_and_can_recognise_it(type_: str, name: str) -> None:
    data = read(type_, **{name: "of_the_future"})

    assert getattr(data, name) == "of_the_future"
    assert list(unknown_values(data)) == [(name, "of_the_future")]


@pytest.mark.parametrize(("type_", "name"), OPEN)
@pytest.mark.parametrize("value", ["", "x" * 65, "a\0", 7], ids=["empty", "65 characters", "NUL", "a number"])
def test_a_value_is_a_short_text_all_the_same(type_: str, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        read(type_, **{name: value})


def test_whom_a_decision_is_for_is_not_open() -> None:
    with pytest.raises(ValueError, match="audience"):
        read("purchasing.decision.made.v1", audience="everybody")


def test_an_absent_ground_and_the_examples_are_known() -> None:
    without = {name: value for name, value in PUBLISHED[DecisionMade.TYPE].whole.items() if name != "ground"}
    data = decode_published(text(event(DecisionMade.TYPE, without)))[1]

    assert list(unknown_values(data)) == []
    for type_ in PUBLISHED:
        assert list(unknown_values(decode_published(json.dumps(example(type_)).encode())[1])) == []


@pytest.mark.parametrize(
    ("message", "name", "known"),
    [
        (DecisionMade, "kind", Kind),
        (DecisionMade, "outcome", Outcome),
        (DecisionMade, "ground", FactGround),
        (RecordQuarantined, "reason", Reason),
    ],
)
def test_the_known_values_are_those_that_the_service_types_its_own_with(message: Any, name: str, known: Any) -> None:
    assert message.model_fields[name].examples == list(get_args(known))


KINDS = """
    agreement closing unavailability cancellation dissolution obligation objection receipt chargeback tip_refund hold
    fact order_amount payment_demand retained_goods refund_withheld repayment_demand buyer_owes seller_excess
    third_party_fees refund_undeliverable brokerage_withheld foreign_currency
"""
OUTCOMES = """
    effective short_paid invalid refused unavailable withdrawn lapsed cancelled dissolved balance_unpaid ended rescinded
    agreed partly_agreed pending withdrawn_by_buyer moot terminated verification_requested redirected_to_logistics
    verified confirmed deemed_confirmed inquiry unjust accepted restored ignored outstanding settled demanded overdue
    authorised released withheld noted unconverted converted superseded
"""
GROUNDS = "order_ended purchased received no_units request_ended repeated unused"


@pytest.mark.parametrize(
    ("known", "words"), [(Kind, KINDS), (Outcome, OUTCOMES), (FactGround, GROUNDS)], ids=["kind", "outcome", "ground"]
)
def test_the_known_values_are_those_of_the_rules(known: Any, words: str) -> None:
    assert set(get_args(known)) == set(words.split()), (
        "write new values into the lists above, and R22 or R23 of the rules"
    )
    assert len(get_args(known)) == len(words.split())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_the_service_publishes_known_values_only(case: Case) -> None:
    simulation = Simulation()
    handled = [done for one in case.events async for done in simulation.receive(json.dumps(one).encode())]
    handled += [done async for done in simulation.go_on(instant_of(case.until))]
    published = [decode_published(output.value)[1] for done in handled for _, output in done.outputs]

    assert published
    assert [found for data in published for found in unknown_values(data)] == []
