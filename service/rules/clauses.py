"""Finds the clauses: every module `clause_*` of this package, and what each has to say.

A clause's module may define any of these functions; a new clause is one new module, and no list names it.

| function | is asked for | given |
|---|---|---|
| `obstacles` | why the order can't be reached or was refused | the reading |
| `requests` | requests judged on their own facts | the reading, and when the order counts as effective |
| `closings` | what closes the order without a request | the reading |
| `charges` | chargebacks | the reading |
| `dues` | what is due on the lines | the assessment so far: what closed the order, charges, earlier dues |
| `says` | decisions that stand | the whole assessment |
| `deadlines` | last instants of periods that still run | the whole assessment |
| `recoveries` | standing amounts and commands that follow from what was published | and what is withheld, the ledger |
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import service.rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PREFIX = "clause_"


def _modules() -> tuple[ModuleType, ...]:
    """Return the clauses' modules in the order of their numbers."""
    names = sorted(m.name for m in iter_modules(service.rules.__path__) if m.name.startswith(PREFIX))
    return tuple(import_module(f"{service.rules.__name__}.{name}") for name in names)


def _functions(name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(getattr(module, name) for module in CLAUSES if hasattr(module, name))


CLAUSES = _modules()
OBSTACLES = _functions("obstacles")
REQUESTS = _functions("requests")
CLOSINGS = _functions("closings")
CHARGES = _functions("charges")
DUES = _functions("dues")
SAYS = _functions("says")
DEADLINES = _functions("deadlines")
RECOVERIES = _functions("recoveries")
