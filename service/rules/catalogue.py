"""The catalogue: each clause of the agreement and what the service does about it.

The numbers and texts come from docs/agreement.md, everything else from the clauses' modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules import decide  # noqa: F401  # loads the clauses
from service.rules.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_NAME = re.compile(r"clause_(\d\d)")
_OF = re.compile(r"\d+")
_HEADING = re.compile(r"^## (\d+)\. .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One clause in this service."""

    number: int
    title: str
    text: str
    """The clause's text from the agreement, in paragraphs."""
    does: str
    """The service's part in it, or why it moves no money."""
    modules: tuple[str, ...]
    """Paths in the repository, the clause's own first."""
    tests: tuple[str, ...]
    """Paths in the repository of the clause's tests."""
    grounds: tuple[tuple[str, str], ...]
    """Each address of the clause that messages cite, with its words, sorted by address."""


def catalogue() -> tuple[Entry, ...]:
    """Return the entries in the order of the agreement.

    Raises `LookupError` if a clause of the agreement has no module.
    """
    modules = {_number_of(module): module for module in REGISTRY.clauses}
    missing = agreement().keys() - modules.keys()
    if missing:
        names = ", ".join(f"service/rules/clauses/clause_{number:02}.py" for number in sorted(missing))
        raise LookupError(f"docs/agreement.md has clauses without a module: add {names}")
    grounds = _grounds()
    return tuple(_entry(number, modules[number], grounds.get(number, set())) for number in agreement())


@cache
def agreement() -> dict[int, str]:
    """Return the text of each clause by number, from docs/agreement.md, which is in the wheel too."""
    text = files("service").joinpath("docs", "agreement.md").read_text(encoding="utf-8")
    parts = _HEADING.split(text)[1:]
    return {int(number): clause.strip() for number, clause in zip(parts[::2], parts[1::2], strict=True)}


def _entry(number: int, own: ModuleType, grounds: set[tuple[str, str]]) -> Entry:
    paths = [_path_of(own.__name__)]
    paths += [_path_of(f"service.rules.{name}") for name in getattr(own, "SEE", ())]
    return Entry(
        number=number,
        title=own.TITLE,
        text=agreement()[number],
        does=own.DOES,
        modules=tuple(paths),
        tests=tuple(getattr(own, "TESTS", (f"tests/rules/clauses/test_clause_{number:02}.py",))),
        grounds=tuple(sorted(grounds)),
    )


def _number_of(module: ModuleType) -> int:
    found = _NAME.search(module.__name__)
    assert found is not None
    return int(found[1])


def _path_of(module: str) -> str:
    return str(PurePosixPath(*module.split("."))) + ".py"


def _grounds() -> dict[int, set[tuple[str, str]]]:
    """Return all grounds that the rules' modules can cite, by the clause's number."""
    found: dict[int, set[tuple[str, str]]] = {}
    for module in REGISTRY.clauses:
        for basis in _bases_of(module):
            number = _OF.match(basis.clause)
            assert number is not None, f"{module.__name__} cites {basis.clause!r}, which is no clause"
            found.setdefault(int(number[0]), set()).add((basis.clause, basis.because))
    return found


def _bases_of(module: ModuleType) -> Iterator[Basis]:
    for value in vars(module).values():
        yield from _bases_in(value)


def _bases_in(value: object) -> Iterator[Basis]:
    if isinstance(value, Basis):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _bases_in(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _bases_in(one)
