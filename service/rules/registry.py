"""Finds the clauses: every module of `clauses/`, and what each has to say.

A clause's module may define any of these functions; a new clause is one new module, and no list names it. A function
that only matters to orders that heard of certain things says so with `only_with`; without them it has nothing to say
(`tests/rules/test_declared_messages.py`). What the functions yield is in `assessment.py`.

| name | what it gives | given |
|---|---|---|
| `PLACES` | facts that come on the timeline at their own time (no function, but a tuple) | |
| `steps` | facts whose place on it depends on others | the timeline, before anything was applied |
| `begin` | what holds as of placing | the timeline |
| `test` | what makes the agreement effective, after the payments of an instant | the timeline, still open |
| `obstacle` | why the agreement can't become effective now: an ending, None if it can | the timeline |
| `plan` | what follows once a payment plan is in force | the timeline, the plan |
| `judge` | whether chargebacks are just, and what is owed on them | the assessment with its chargebacks |
| `costs` | costs and losses that the buyer bears | the timeline, its chargebacks |
| `caution` | what the effective agreement cites besides | the order's view |
| `adds` | what the line `purchase` cites besides the endings of its units | the assessment with its settlement |
| `dues` | what is due on lines: `Due` | the assessment so far, the ledger |
| `says` | decisions without amount that stand: `Said` | the assessment |
| `amounts` | standing amounts that the facts alone lead to: `StandingAmount` | the assessment, the clock |
| `follow` | amounts and commands that follow from what was published | the assessment, the lines, ledger, clock |
| `awaits` | what the order waits for (R21) | the examination, ledger, clock |
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

from service.rules import clauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from service.rules.timeline import Place


Functions = tuple["Callable[..., Any]", ...]
F = TypeVar("F", bound="Callable[..., Any]")

FUNCTIONS = (
    "steps",
    "begin",
    "test",
    "obstacle",
    "plan",
    "judge",
    "costs",
    "caution",
    "adds",
    "dues",
    "says",
    "amounts",
    "follow",
    "awaits",
)
"""What a clause's module may define."""


def only_with(*messages: type[Any]) -> Callable[[F], F]:
    """Mark a function of a clause: an order without any message of these types doesn't ask it.

    Most orders hear of few things. What doesn't concern them isn't even called.
    """

    def mark(function: F) -> F:
        _ONLY_WITH[function] = frozenset(messages)
        return function

    return mark


_ONLY_WITH: dict[Callable[..., Any], frozenset[type[Any]]] = {}


class Concerned:
    """The clauses' functions that concern orders which heard messages of the same types, in order of the clauses."""

    __slots__ = (*FUNCTIONS, "places")

    def __init__(self, modules: Iterable[ModuleType], messages: frozenset[type[Any]]) -> None:
        """Leave out the functions that are marked for other messages."""
        for name in FUNCTIONS:
            functions = [getattr(module, name) for module in modules if hasattr(module, name)]
            setattr(self, name, tuple([one for one in functions if _concerns(one, messages)]))
        places = [place for module in modules for place in getattr(module, "PLACES", ())]
        self.places: tuple[Place, ...] = tuple([place for place in places if place.message in messages])

    if TYPE_CHECKING:
        steps: Functions
        begin: Functions
        test: Functions
        obstacle: Functions
        plan: Functions
        judge: Functions
        costs: Functions
        caution: Functions
        adds: Functions
        dues: Functions
        says: Functions
        amounts: Functions
        follow: Functions
        awaits: Functions


def _concerns(function: Callable[..., Any], messages: frozenset[type[Any]]) -> bool:
    only_with_these = _ONLY_WITH.get(function)
    return only_with_these is None or not only_with_these.isdisjoint(messages)


class Registry:
    """The clauses' modules, in the order of their numbers."""

    def __init__(self) -> None:
        """Begin empty: the modules import the core, so they are imported after it."""
        self.clauses: tuple[ModuleType, ...] = ()
        self._concerned: dict[frozenset[type[Any]], Concerned] = {}

    def load(self) -> None:
        """Import the clauses' modules. Idempotent."""
        names = sorted(module.name for module in iter_modules(clauses.__path__))
        self.clauses = tuple(import_module(f"{clauses.__name__}.{name}") for name in names)
        self._concerned.clear()

    def concerned(self, messages: frozenset[type[Any]]) -> Concerned:
        """Return what concerns orders that heard messages of these types. Kept: real orders know few combinations."""
        found = self._concerned.get(messages)
        if found is None:
            if len(self._concerned) >= COMBINATIONS_MAX:
                self._concerned.clear()
            found = self._concerned[messages] = Concerned(self.clauses, messages)
        return found


COMBINATIONS_MAX = 10_000

REGISTRY = Registry()
"""The clauses of this service. `decide.py` loads it."""
