"""The agreement and the rules: complete, without links out of the repository, found where they are mentioned."""

import re
from pathlib import Path

from service.rules.catalogue import agreement

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "service" / "docs"
RULES = (DOCS / "rules.md").read_text()
HEADINGS = set(re.findall(r"^## ([FR]\d+)\. ", RULES, re.MULTILINE))
LINKS = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def test_the_rules_have_every_section() -> None:
    assert {f"F{n}" for n in range(1, 6)} | {f"R{n}" for n in range(1, 25)} <= HEADINGS
    assert RULES.count("\n**") > 20
    assert len(re.findall(r"^\*\*[1-5]\. ", RULES, re.MULTILINE)) == 5, "worked examples"


def test_the_sections_that_rules_and_code_name_are_there(texts: dict[str, str]) -> None:
    cited = {
        (name, section)
        for name, text in texts.items()
        if name == "service/docs/rules.md" or (name.startswith(("service/", "tests/rules/")) and name.endswith(".py"))
        for section in re.findall(r"\(([FR]\d{1,2})[),;]", text)
    }
    assert {one for one in cited if one[1] not in HEADINGS} == set()
    assert len(cited) > 50


def test_every_link_of_the_documents_leads_to_a_file_of_the_repository() -> None:
    for document in DOCS.rglob("*.md"):
        for link in LINKS.findall(document.read_text()):
            target = (document.parent / link).resolve()
            assert target.exists(), f"{document.name}: {link}"
            assert target.is_relative_to(ROOT), f"{document.name}: {link}"


def test_every_document_that_code_mentions_is_there(texts: dict[str, str]) -> None:
    documents = {Path(name).name for name in texts if name.endswith(".md")}
    mentioned = {
        (name, document)
        for name, text in texts.items()
        if name.startswith(("service/", "contracts/purchasing_contracts/")) and name.endswith(".py")
        for document in re.findall(r"[\w-]+\.md\b", text)
    }
    assert {one for one in mentioned if one[1] not in documents} == set()


def test_the_clauses_of_the_agreement_are_numbered_without_a_gap() -> None:
    assert list(agreement()) == list(range(1, len(agreement()) + 1))
    assert len(agreement()) >= 30
