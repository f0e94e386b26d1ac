"""Every sentence of the pages and of the rules has a translation into zh-CN, and no translation is unused."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import Environment, nodes
from purchasing_contracts import decisions as contract_decisions

import service.rules as rules
from service.console.language import PageLanguage, PlainLanguage, language_of
from service.console.letter import AWAITED, SENTENCES
from service.console.words import ZH_CN
from service.operations.explain import waits_in_words
from service.operations.sentence import Amount, Id, Sentence, sentence
from service.operations.wording import fact_in_words, output_in_words
from service.rules import decisions
from service.rules.catalogue import _bases_in, catalogue
from tests.operations.test_sentences import PUBLISHED, RECEIVED, examples

ROOT = Path(__file__).parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")


def because() -> set[str]:
    """Every `because` that the rules can publish."""
    catalogue()
    found = {words for _, words in decisions.SECOND_OUTCOMES.values()} | {decisions._SUPERSEDED}
    for module in pkgutil.walk_packages(rules.__path__, "service.rules."):
        for value in vars(importlib.import_module(module.name)).values():
            found |= {basis.because for basis in _bases_in(value)}
    return found


def of_python() -> set[str]:
    """Every text that `sentence` is given in the service, and those that stand in tables for it."""
    found = set()
    for path in [*(ROOT / "service/operations").rglob("*.py"), *(ROOT / "service/console").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "sentence",
                "_tail",
                "_several",
                "BadRequestError",
            ):
                for argument in node.args:
                    found |= {
                        one.value
                        for one in ast.walk(argument)
                        if isinstance(one, ast.Constant) and isinstance(one.value, str)
                    }
    found -= {"{it}", ""}
    tables = [waits_in_words._WORDS, SENTENCES, AWAITED]
    return found | {text for table in tables for text in table.values()}


def of_templates() -> set[str]:
    """Every text that `t` or `p` is given in a template."""
    found = set()
    for path in (ROOT / "service/console/templates").glob("*.html"):
        for call in Environment().parse(path.read_text("utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("t", "p"):
                found.add(call.args[0].value)
    return found


def of_enumerations() -> set[str]:
    """Every word that stands for a value of an enumeration in a message."""
    kinds = {kind.replace("_", " ").capitalize() for kind in get_args(contract_decisions.Kind)}
    outcomes = {outcome.replace("_", " ") for outcome in get_args(contract_decisions.Outcome)}
    found = set()

    def templates(text: object) -> None:
        if isinstance(text, Sentence):
            if not text.parts:
                found.add(text.template)
            for one in (*text.arguments.values(), *text.parts):
                templates(one)

    for message in RECEIVED:
        for data in examples(message):
            templates(fact_in_words(data))
    for message in PUBLISHED:
        for data in examples(message):
            templates(output_in_words(data))
    return {text for text in found | kinds | outcomes if any(letter.isalpha() for letter in text)}


def of_clauses() -> set[str]:
    return {text for entry in catalogue() for text in (entry.title, entry.does)}


def of_sign_in() -> set[str]:
    from service.console.sign_in import tokens

    return {tokens.NOT_TAKEN, tokens.NO_NAME}


FILES = {
    because: "grounds.py",
    of_python: "story.py for sentences about orders, the other files for pages",
    of_templates: "pages.py, operators.py or acts.py",
    of_enumerations: "story.py",
    of_clauses: "clauses.py",
    of_sign_in: "pages.py",
}
"""The file in which each source's words are translated."""


@pytest.mark.parametrize("source", FILES)
def test_every_sentence_is_known_in_chinese(source) -> None:
    texts = source()
    assert texts
    missing = sorted(texts - ZH_CN.keys() - {"{type}"})
    assert missing == [], f"translate these in service/console/words/ ({FILES[source]}): {missing}"


def test_every_translation_has_the_arguments_of_its_sentence_and_is_chinese() -> None:
    arguments = re.compile(r"\{\w+\}")
    for english, chinese in ZH_CN.items():
        assert sorted(set(arguments.findall(english))) == sorted(set(arguments.findall(chinese))), english
        assert HAN.search(chinese) or not any(letter.isalpha() for letter in arguments.sub("", english)), english


def test_every_translated_sentence_is_used() -> None:
    texts = because() | of_python() | of_templates() | of_enumerations() | of_clauses() | of_sign_in()
    spoken_elsewhere = {text for text in ZH_CN if text.islower() and "{" not in text}
    assert sorted(ZH_CN.keys() - texts - spoken_elsewhere) == []


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "code"),
    [
        (None, None, None, "en"),
        (None, None, "zh", "zh-CN"),
        (None, None, "fr, zh-TW;q=0.8, en;q=0.7", "zh-CN"),
        (None, None, "zh;q=0, en;q=0.1", "en"),
        (None, None, "en;q=x,;;,zh;q=0.2", "zh-CN"),
        (None, "zh-CN", "en", "zh-CN"),
        ("en", "zh-CN", "zh", "en"),
        ("<script>", "xx", "*", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_one_kept_else_the_browsers(asked, kept, accepted, code) -> None:
    assert language_of(asked, kept, accepted) == code


def test_members_of_messages_are_escaped_in_every_language() -> None:
    paid = sentence("The buyer paid {amount} ({id}).", amount=Amount("<b>"), id=Id('"><script>{x}'))
    for code in ("en", "zh-CN"):
        html = str(PageLanguage(code, may_search=True).translate(paid))
        assert "<script>" not in html
        assert "<b>" not in html
        assert "{x}" in html
        assert "{x}" in PlainLanguage(code).translate(paid)


def test_a_sentence_without_translation_is_marked_as_english() -> None:
    assert str(PageLanguage("zh-CN").translate(Sentence("never said"))) == '<span lang="en">never said</span>'
    assert 'lang="en"' in str(PageLanguage("zh-CN").translate_published("a reason of a newer version"))
