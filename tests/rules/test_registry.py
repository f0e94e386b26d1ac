"""The catalogue: every clause has a module that is found, and what decisions cite exists in the agreement."""

import ast
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from purchasing_contracts.topics import TOPICS

import service.rules
from service.rules import decide  # noqa: F401  # loads the clauses
from service.rules.catalogue import agreement
from service.rules.identity import IDENTITIES
from service.rules.registry import FUNCTIONS, REGISTRY, Concerned, Definitions, only_with

DIRECTORY = Path(service.rules.__file__).parent
FILES = sorted(path.stem for path in DIRECTORY.glob("clauses/clause_*.py"))
CORE = sorted(DIRECTORY.glob("*.py"))

TYPES = frozenset(IDENTITIES)

SECTIONS = {number: len(re.findall(r"^\(\d\) ", text, re.MULTILINE)) for number, text in agreement().items()}
"""The number of numbered sections of each clause of the agreement."""


def in_the_agreement(clause: str) -> bool:
    if clause in {"12(1)A", "12(1)B"}:
        return True
    number = re.fullmatch(r"([1-9][0-9]?)(?:\(([1-9])\))?", clause)
    if number is None or int(number[1]) not in SECTIONS:
        return False
    return number[2] is None or int(number[2]) <= SECTIONS[int(number[1])]


@cache
def cited() -> list[tuple[str, str]]:
    """Return every clause that the rules cite, with the file it is written in."""
    found = []
    for path in sorted(DIRECTORY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Basis":
                found += [
                    (path.stem, str(member.value.value))
                    for member in node.keywords
                    if member.arg == "clause" and isinstance(member.value, ast.Constant)
                ]
    return found


def test_discovery_finds_every_clause_module_in_the_order_of_their_numbers() -> None:
    assert [module.__name__.rpartition(".")[2] for module in REGISTRY.clauses] == FILES


@pytest.mark.parametrize("number", agreement())
def test_every_clause_of_the_agreement_has_a_module_with_title_and_description(number: int) -> None:
    assert f"clause_{number:02}" in FILES, f"service/docs/agreement.md has a clause {number}: add its module"
    (module,) = [m for m in REGISTRY.clauses if m.__name__.endswith(f".clause_{number:02}")]
    assert module.__doc__ is not None
    assert module.__doc__.startswith(f"Clause {number}:")
    assert module.TITLE.strip()
    assert module.DOES.strip().endswith(".")


def test_no_module_is_of_a_clause_the_agreement_does_not_have() -> None:
    others = [name for name in FILES if int(name.split("_")[1]) not in SECTIONS]
    assert others == [], f"service/docs/agreement.md has no '## N. Title' for {others}"


def test_each_event_declares_which_messages_are_the_same_fact() -> None:
    events = {message for topic in TOPICS if topic.direction == "in" for message in topic.messages}
    missing = sorted(message.__name__ for message in events - TYPES)
    assert missing == [], "add them to IDENTITIES in service/rules/identity.py, or an order that hears two is stuck"
    assert events >= TYPES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_a_clause_may_define_is_collected(name: str) -> None:
    defined = [module.__dict__[name] for module in REGISTRY.clauses if name in module.__dict__]
    assert defined
    everything = REGISTRY.concerned(TYPES)
    assert list(getattr(everything, name)) == defined


def test_places_are_collected_of_the_messages_that_were_received() -> None:
    declared = [place for module in REGISTRY.clauses for place in getattr(module, "PLACES", ())]
    assert declared
    assert list(REGISTRY.concerned(TYPES).places) == declared
    received = frozenset({declared[0].message})
    assert REGISTRY.concerned(received).places == tuple(place for place in declared if place.message in received)


def test_a_function_marked_for_messages_is_left_out_of_orders_without_them() -> None:
    class Message:
        pass

    class Other:
        pass

    @only_with(Message)
    def outcomes() -> None:
        pass

    module = ModuleType("clause_31")
    module.outcomes = outcomes  # type: ignore[attr-defined]
    assert Concerned(Definitions.of([module]), frozenset({Message, Other})).outcomes == (outcomes,)
    assert Concerned(Definitions.of([module]), frozenset({Other})).outcomes == ()


def test_the_core_of_the_rules_imports_no_clause() -> None:
    found = [
        f"{path.stem} imports {name}"
        for path in CORE
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imports(node)
        if ".clauses." in f"{name}." and path.stem != "registry"
    ]
    assert found == []
    assert len(CORE) > 20


def imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_every_clause_that_is_cited_exists_in_the_agreement() -> None:
    unknown = [one for one in cited() if not in_the_agreement(one[1])]
    assert unknown == [], "these modules cite addresses that service/docs/agreement.md does not have"
    assert len(cited()) > 40


def test_a_clauses_module_that_cites_anything_cites_its_own_clause() -> None:
    modules = {name for name, _ in cited() if name.startswith("clause_")}
    own = {name for name, clause in cited() if name[:9] == f"clause_{int(re.findall(r'[0-9]+', clause)[0]):02}"}
    assert modules == own


@pytest.mark.parametrize(
    "clause", ["0", "99", "12(8)", "13(8)", "1(3)", "2(1)", "12(1)C", "12(1)a", "22(6)", "012", ""]
)
def test_an_address_that_the_agreement_lacks_is_noticed(clause: str) -> None:
    assert not in_the_agreement(clause)
