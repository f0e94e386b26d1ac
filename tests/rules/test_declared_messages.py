"""The messages that a clause declares with `only_with` and `PLACES`: without them, it yields nothing."""

import pytest

from service.rules.identity import IDENTITIES
from service.rules.registry import REGISTRY, Concerned, Definitions
from tests.golden import cases
from tests.rules.playing import Played
from tests.rules.second_opinion.differential import orders_of, product, until_of
from tests.rules.second_opinion.histories import History

EVERY_TYPE = frozenset(IDENTITIES)
HISTORIES = 60
AT_ONCE = 15


@pytest.fixture
def everything(monkeypatch):
    """Return a function after which every clause is called for every order, whatever messages it has."""

    def call_every_clause() -> None:
        every = Concerned(Definitions.of(REGISTRY.clauses), EVERY_TYPE)
        monkeypatch.setattr(type(REGISTRY), "concerned", lambda self, messages: every)

    return call_every_clause


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_calling_every_clause_decides_a_worked_example_as_those_concerned_do(case, everything) -> None:
    def outputs():
        played = Played("ord-1001")
        for event in case.events:
            played.receive(event)
        return played.outputs

    of_concerned = outputs()
    everything()
    assert outputs() == of_concerned


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_calling_every_clause_decides_random_histories_as_those_concerned_do(first, everything) -> None:
    def decided():
        return {
            (seed, nth): product(events, history.sets, until_of(events))
            for seed in range(first, first + AT_ONCE)
            for history in (History(seed),)
            for nth, events in enumerate(orders_of(history, 2))
        }

    of_concerned = decided()
    everything()
    assert decided() == of_concerned
