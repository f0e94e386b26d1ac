"""The catalogue: every clause has an answer, and every entry points at what is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.rules.catalogue import Entry, agreement, catalogue
from service.rules.registry import REGISTRY
from tests.waiting import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = catalogue()
SILENT = frozenset({4, 11, 23, 26, 28, 29, 30})
"""The clauses that move nothing (docs/rules.md, R24). 27 moves nothing either, but demands cite it."""


def test_each_clause_has_an_entry_in_the_order_of_the_agreement():
    assert [entry.number for entry in ENTRIES] == list(agreement())


def test_a_clause_without_a_module_is_named_with_the_module_to_add(monkeypatch):
    monkeypatch.setattr(REGISTRY, "clauses", REGISTRY.clauses[:-1])
    with pytest.raises(LookupError, match=f"add service/rules/clauses/clause_{len(ENTRIES)}.py"):
        catalogue()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry.number))
def test_an_entry_describes_the_clause_and_names_existing_modules_and_tests(entry: Entry):
    assert entry.title
    assert entry.does.endswith(".")
    assert entry.modules
    for path in (*entry.modules, *entry.tests):
        assert (ROOT / path).is_file(), f"clause {entry.number} points at {path}, which is not there"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry.number))
def test_a_clause_is_cited_or_declares_that_it_moves_no_money(entry: Entry):
    silent = entry.number in SILENT
    assert silent == ("No money moves." in entry.does and not entry.grounds), entry.does
    for clause, because in entry.grounds:
        assert re.fullmatch(rf"{entry.number}(\(\d\)[AB]?)?", clause)
        assert because


def test_an_entry_has_the_clauses_own_words_of_the_agreement():
    texts = {entry.number: entry.text for entry in ENTRIES}
    document = (ROOT / "service" / "docs" / "agreement.md").read_text()
    assert all(len(text) > 80 and text in document for text in texts.values())
    assert texts[2].startswith("Upon your valid purchasing service request")
    assert "## " not in "".join(texts.values())


def test_tests_that_an_entry_names_speak_of_its_clause():
    for entry in ENTRIES:
        if entry.grounds:
            text = "".join((ROOT / path).read_text() for path in entry.tests)
            missing = [clause for clause, _ in entry.grounds if clause not in text]
            assert not missing, f"no test of clause {entry.number} speaks of {missing}"


def test_the_command_prints_all_of_them_or_one():
    def clauses(*arguments: str) -> str:
        command = [sys.executable, "-m", "service", "clauses", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANG_SECONDS).stdout

    everything, one = clauses("--json"), clauses("12")

    assert [json.loads(line)["number"] for line in everything.splitlines()] == list(agreement())
    assert "Order cancellation" in one
    assert "  | (7) In any case, once your purchased goods have completed customs clearance" in one
    assert "12(1)A: no purchase had been made of what is cancelled" in one
    assert "service/rules/clauses/clause_12.py" in one
