"""The protocol of inbox, outbox and relay, checked exhaustively; each step done wrong is noticed."""

import ast
import re
import warnings
from pathlib import Path

import pytest

from tests.protocol.model import COMPILER, MODEL, MUTANTS, SCOPES, SPIN, check

ROOT = Path(__file__).resolve().parents[2]

if SPIN is None or COMPILER is None:

    def test_no_model_was_checked():
        warnings.warn("no spin on the PATH, or no C compiler: the protocol's model was not checked", stacklevel=1)

else:

    @pytest.mark.parametrize("name", SCOPES)
    def test_the_protocol_holds(name):
        outcome = check(SCOPES[name])

        assert outcome.broken is None, "\n".join(outcome.steps)

    @pytest.mark.parametrize("name", MUTANTS)
    def test_a_step_done_wrong_is_found(name):
        assert check(MUTANTS[name].scope, name).broken == MUTANTS[name].breaks


def test_every_mutant_of_the_model_is_tried():
    assert set(re.findall(r"MUTANT_([A-Z_]+)\b", MODEL.read_text())) - {"..."} == set(MUTANTS)


def test_every_step_of_the_page_names_a_function_that_exists():
    page = Path(__file__).with_name("README.md").read_text()
    named = re.findall(r"`(service/[\w/]+\.py)::([\w.]+)`", page)

    assert len(named) >= len(re.findall(r"^\| \w+:", page, re.MULTILINE)) > 10
    for path, function in named:
        assert function.rpartition(".")[2] in functions_of(ROOT / path), f"{path} has no {function}"


def functions_of(path: Path) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}
