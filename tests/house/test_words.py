"""Plain words: docstrings name a thing or give an instruction; names of tests, docstrings and comments have no words of
conversation."""

import ast
import re
from collections.abc import Iterator

import pytest

OPENINGS = frozenset(
    {"what", "who", "whom", "whose", "where", "when", "how", "which", "why", "there", "whoever", "whatever"}
)
"""Words with which a docstring would ask a question instead of naming the thing."""

TALK = {
    **dict.fromkeys(("told", "tell", "tells", "said", "say", "says"), "reported, shown, named, published or logged"),
    **dict.fromkeys(("heard", "hear", "hears", "unheard"), "received or read"),
    "whoever": "the person, client or worker that it is",
    "tidings": "messages",
    "aloud": "reported",
    "astray": "misconfigured",
}  # fmt: skip
"""Words of conversation that stand in no name of a test, with what to write."""

DESCRIBED = re.compile(r"test_(what(?!_if_)|whatever|who|whose|whoever)_")
"""Names of tests that describe their subject instead of naming it; `what-if` is a command."""

SPOKEN = re.compile(r"(?i)\b(un)?heard\b|\bhears?\b|\b(told|tidings|whoever|whomever|befell|astray)\b")
"""Words of conversation that stand in no docstring and no comment: `received`, `reported`, or the person or program."""

PYTHON = ("service/", "contracts/purchasing_contracts/", "deploy/website/", "tests/")


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The docstrings of a module, also those of attributes, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def questions(name: str, tree: ast.Module) -> Iterator[str]:
    """Docstrings of a module that begin like a question."""
    for line, text in docstrings(tree):
        first = re.match(r"[\w']*", text)
        assert first
        if first[0].lower() in OPENINGS:
            yield f"{name}:{line} {text.splitlines()[0]}"


def talkative(name: str, tree: ast.Module) -> Iterator[str]:
    """Tests of a module whose name has a word of conversation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            if DESCRIBED.match(node.name):
                yield f"{name}:{node.lineno} {node.name}: begin with the thing, such as `a_refund` or `the_page`"
            for word in node.name.split("_"):
                if word in TALK:
                    yield f"{name}:{node.lineno} {node.name}: write {TALK[word]}"


def spoken(name: str, text: str, tree: ast.Module) -> Iterator[str]:
    """Docstrings, also of attributes, and comments of a module that have a word of conversation."""
    prose = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith("#")]
    prose += [(number, re.sub(r"`[^`]*`", "", docstring)) for number, docstring in docstrings(tree)]
    for number, one in prose:
        for found in SPOKEN.finditer(one):
            yield f"{name}:{number} {found[0]!r}"


def test_docstrings_name_a_thing_or_give_an_instruction(sources: dict[str, ast.Module]) -> None:
    found = [one for name, tree in sources.items() if name.startswith(PYTHON) for one in questions(name, tree)]
    assert found == [], "begin with a noun or an imperative, such as `The lag of the group` or `Return the lag`"


def test_no_docstring_and_no_comment_has_a_word_of_conversation(
    sources: dict[str, ast.Module], texts: dict[str, str]
) -> None:
    found = [
        one
        for name, tree in sources.items()
        if name.startswith(PYTHON) and name != "tests/house/test_words.py"
        for one in spoken(name, texts[name], tree)
    ]
    assert found == []


def test_no_name_of_a_test_has_a_word_of_conversation(sources: dict[str, ast.Module]) -> None:
    found = [one for name, tree in sources.items() if name.startswith("tests/") for one in talkative(name, tree)]
    assert found == []


@pytest.mark.parametrize(
    "code",
    ['"""What it does."""', 'class A:\n    """Where it is."""', 'def f():\n    """How."""', 'a = 1\n"""When."""'],
)
def test_a_docstring_that_asks_a_question_is_recognised(code: str) -> None:
    assert len(list(questions("service/example.py", ast.parse(code)))) == 1


@pytest.mark.parametrize("name", ["test_an_error_is_told", "test_it_says_why", "test_what_is_wrong_is_shown"])
def test_a_talkative_name_is_recognised(name: str) -> None:
    assert len(list(talkative("tests/example.py", ast.parse(f"def {name}(): ...")))) == 1
    for plain in ("test_an_error_is_reported", "test_what_if_reads_the_journals"):
        assert list(talkative("tests/example.py", ast.parse(f"def {plain}(): ..."))) == []


@pytest.mark.parametrize(
    "code", ['"""An order hears of it."""', "# whoever asks", 'a = 1\n"""The time that it was told."""']
)
def test_a_word_of_conversation_in_prose_is_recognised(code: str) -> None:
    assert len(list(spoken("tests/example.py", code, ast.parse(code)))) == 1
    plain = "`told` is a name"
    assert list(spoken("tests/example.py", f'"""{plain}"""', ast.parse(f'"""{plain}"""'))) == []
