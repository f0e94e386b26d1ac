"""Finds the clauses: every module of `clauses/`, and what each has to say.

A clause's module may define any of these functions; a new clause is one new module, and no list names it.

| name | what it gives | given |
|---|---|---|
| `steps` | facts with a place on the timeline | the timeline, before anything was applied |
| `begin` | what holds as of placing | the timeline |
| `test` | what makes the agreement effective, after the payments of an instant | the timeline, not effective, not ended |
| `obstacle` | why the agreement can't become effective now: an ending, None if it can | the timeline |
| `after_instant` | what follows once all facts of an instant were applied | the timeline |
| `deadlines` | deadlines that are facts of the timeline | nothing |
| `judge` | whether chargebacks are just, and what is owed on them | the assessment with its chargebacks |
| `costs` | costs and losses that the buyer bears | the timeline, its chargebacks |
| `caution` | what the effective agreement cites besides | the order's view |
| `adds` | what the line `purchase` cites besides the endings of its units | the assessment with its settlement |
| `dues` | what is due on lines | the assessment so far, the ledger |
| `says` | decisions without amount that stand | the assessment |
| `amounts` | standing amounts that the facts alone lead to | the assessment, the clock |
| `follow` | standing amounts and commands that follow from what was published | the assessment, the lines, ledger, clock |
| `awaits` | what the order waits for (R21) | the examination, ledger, clock |
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from service.rules import clauses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from service.rules.timeline import Timeline


class Deadline(NamedTuple):
    """A deadline that takes effect after all facts of its last instant, and before every later fact."""

    last_instants: Callable[[Timeline], Sequence[int]]
    """When it would pass, as things stand on the timeline, in microseconds."""
    pass_by: Callable[[Timeline], None]
    """What happens when it has passed; nothing while the order is unclear (F5)."""


Functions = tuple["Callable[..., Any]", ...]


class Registry:
    """What the clauses' modules define, in the order of the clauses."""

    def __init__(self) -> None:
        """Begin empty: the modules import the core, so they are imported after it."""
        self.clauses: tuple[ModuleType, ...] = ()
        self.steps: Functions = ()
        self.begin: Functions = ()
        self.test: Functions = ()
        self.obstacle: Functions = ()
        self.after_instant: Functions = ()
        self.deadlines: tuple[Deadline, ...] = ()
        self.judge: Functions = ()
        self.costs: Functions = ()
        self.caution: Functions = ()
        self.adds: Functions = ()
        self.dues: Functions = ()
        self.says: Functions = ()
        self.amounts: Functions = ()
        self.follow: Functions = ()
        self.awaits: Functions = ()

    def load(self) -> None:
        """Import the clauses' modules, in the order of their numbers, and collect what they define. Idempotent."""
        names = sorted(module.name for module in iter_modules(clauses.__path__))
        self.clauses = tuple(import_module(f"{clauses.__name__}.{name}") for name in names)
        for name in FUNCTIONS:
            setattr(self, name, tuple(getattr(one, name) for one in self.clauses if hasattr(one, name)))
        self.deadlines = tuple(
            deadline for one in self.clauses if hasattr(one, "deadlines") for deadline in one.deadlines()
        )


FUNCTIONS = (
    "steps",
    "begin",
    "test",
    "obstacle",
    "after_instant",
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
"""The functions that a clause's module may define; and `deadlines`, which is asked once."""

REGISTRY = Registry()
"""The clauses of this service. `decide.py` loads it."""
