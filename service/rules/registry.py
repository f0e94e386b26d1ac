"""The registry: finds the modules of `clauses/` and the functions that each defines.

A clause's module may define any of these functions. A new clause is one new module; no list names it. A function that
concerns only orders with certain messages is marked with `only_with`; without them it yields nothing
(`tests/rules/test_declared_messages.py`). The values that the functions yield are in `assessment.py`.

A timeline can go on with later facts (`bookmark.py`), so what is called while it applies facts reads of the view only
what happened until `timeline.at`; and `steps`, which is asked again then, finds what it put on the timeline before.

| name | result | arguments |
|---|---|---|
| `PLACES` | facts applied at their own time (a tuple, not a function) | |
| `steps` | facts whose place on the timeline depends on others | the timeline, before any fact is applied |
| `begin` | applies what holds from the order's placing on | the timeline |
| `test` | makes the agreement effective, after the payments of an instant | the timeline, still open |
| `obstacle` | why the agreement can't become effective now: an ending; None if it can | the timeline |
| `plan` | applies what follows once a payment plan is in force | the timeline, the plan |
| `judge` | notes whether chargebacks are just, and what is owed on them | the assessment with its chargebacks |
| `costs` | costs and losses that the buyer bears | the timeline, its chargebacks |
| `caution` | further grounds of the effective agreement | the order's view |
| `adds` | grounds of the line `purchase` besides the endings of its units | the assessment with its settlement |
| `dues` | amounts due on lines: `Due` | the assessment so far, the ledger |
| `outcomes` | standing decisions without an amount: `StandingOutcome` | the assessment |
| `amounts` | standing amounts by the facts alone: `StandingAmount` | the assessment, the clock |
| `follow` | amounts and commands that follow from what was published | the assessment, the lines, ledger, clock |
| `awaits` | the order's waits (R21) | the examination, which has assessment, ledger and clock |
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from service.rules import clauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Self

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
    "outcomes",
    "amounts",
    "follow",
    "awaits",
)
"""The functions that a clause's module may define."""


def only_with(*messages: type[Any]) -> Callable[[F], F]:
    """Mark a clause's function as needed only for orders with a message of these types.

    Most orders have few types of messages, so functions that don't concern them are not called.
    """

    def mark(function: F) -> F:
        _ONLY_WITH[function] = frozenset(messages)
        return function

    return mark


_ONLY_WITH: dict[Callable[..., Any], frozenset[type[Any]]] = {}


class Concerned:
    """The clauses' functions for orders with the same types of messages, in order of the clauses."""

    __slots__ = (*FUNCTIONS, "places")

    def __init__(self, definitions: Definitions, messages: frozenset[type[Any]]) -> None:
        """Leave out the functions and places that are for other messages."""
        for name, defined in definitions.functions.items():
            concerning = [one for one, only in defined if only is None or not only.isdisjoint(messages)]
            setattr(self, name, tuple(concerning))
        self.places: tuple[Place, ...] = tuple([place for place in definitions.places if place.message in messages])

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
        outcomes: Functions
        amounts: Functions
        follow: Functions
        awaits: Functions


class Definitions(NamedTuple):
    """The functions that the clauses' modules define, looked up once."""

    functions: dict[str, list[tuple[Callable[..., Any], frozenset[type[Any]] | None]]]
    """By the function's name: each clause's function, and the messages without which it yields nothing, if marked."""
    places: list[Place]

    @classmethod
    def of(cls, modules: Iterable[ModuleType]) -> Self:
        """Look up the names in each module."""
        functions: dict[str, list[tuple[Callable[..., Any], frozenset[type[Any]] | None]]] = {}
        found = list(modules)
        for name in FUNCTIONS:
            defined = [getattr(module, name) for module in found if hasattr(module, name)]
            functions[name] = [(function, _ONLY_WITH.get(function)) for function in defined]
        return cls(functions, [place for module in found for place in getattr(module, "PLACES", ())])


class Registry:
    """The clauses' modules, in the order of their numbers."""

    def __init__(self) -> None:
        """Begin empty: the modules import the core, so `load` imports them later."""
        self.clauses: tuple[ModuleType, ...] = ()
        self._definitions = Definitions.of(())
        self._concerned: dict[frozenset[type[Any]], Concerned] = {}

    def load(self) -> None:
        """Import the clauses' modules. Idempotent."""
        names = sorted(module.name for module in iter_modules(clauses.__path__))
        self.clauses = tuple(import_module(f"{clauses.__name__}.{name}") for name in names)
        self._definitions = Definitions.of(self.clauses)
        self._concerned.clear()

    def concerned(self, messages: frozenset[type[Any]]) -> Concerned:
        """Return the functions for orders with messages of these types. Cached: few combinations are common."""
        found = self._concerned.get(messages)
        if found is None:
            if len(self._concerned) >= COMBINATIONS_MAX:
                self._concerned.clear()
            found = self._concerned[messages] = Concerned(self._definitions, messages)
        return found


COMBINATIONS_MAX = 10_000

REGISTRY = Registry()
"""The clauses of this service. `decide.py` loads it."""
