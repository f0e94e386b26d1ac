"""Every command that the documentation shows is one: read by the program's own parser, or by the shell.

`tests/deploy/test_runbook.py` and `tests/contracts/test_readme.py` look closer at the runbook, and at the sessions.
"""

from __future__ import annotations

import re
import subprocess
from argparse import ArgumentParser
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from purchasing_contracts.cli import COMMANDS

from deploy.website.documents import documents
from tests.deploy.documents import Said, exists, problem, spans, until_the_shell
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
PYTHON = ("python", ".venv/bin/python")
NEXT = re.compile(r" (?:&&|\|) |; (?=purchasing|python|make)")
BEGINS = re.compile(r"(make|purchasing|purchasing-contracts|(\.venv/bin/)?python -m|.* -- (python -m|purchasing)) \S")
HISTORY = {"CHANGELOG.md"}
"""Documents whose commands were right for the version that they are about."""


class Shown:
    """A command that a document shows, and the document."""

    def __init__(self, document: str, text: str) -> None:
        self.document, self.text = document, text
        self.words = [*until_the_shell(text)]

    def __repr__(self) -> str:
        return f"{self.document}: {self.text}"


def shown() -> Iterator[Shown]:
    """All that is set as code in any document and begins, perhaps behind a prompt or variables, as a command does."""
    for document in documents(ROOT):
        if document.as_posix() not in HISTORY:
            for span in spans(ROOT / document):
                line = re.sub(r" +# .*", "", span.removeprefix("$ "))
                for part in NEXT.split(line):
                    text = re.sub(r"^(\w+=\S* |uvx --from \S+ )+", "", part)
                    if BEGINS.match(text) and not text.endswith(("-m service", "service …", "purchasing …")):
                        yield Shown(document.as_posix(), text)


@cache
def of_contracts() -> ArgumentParser:
    parser = ArgumentParser()
    commands = parser.add_subparsers()
    for module in COMMANDS:
        module.add(commands)
    return parser


def fault(command: Shown) -> str | None:
    """The reason why a command would not be understood; None: it would."""
    program, *words = command.words
    if " -- " in command.text:
        return fault(Shown(command.document, command.text.partition(" -- ")[2]))
    if program == "make":
        return of_make(words)
    if program == "purchasing-contracts":
        # One word alone names a command.
        return of_argparse(of_contracts(), words if len(words) > 1 else [*words, "--help"])
    if program == "purchasing":
        return of_the_service(words)
    if words[:2] == ["-m", "service"]:
        return of_the_service(words[2:])
    return of_a_module(words[1], words[2:])


def of_make(words: list[str]) -> str | None:
    variables = [word.partition("=")[0] for word in words if "=" in word]
    unknown = [one for one in variables if f"$({one}" not in MAKEFILE]
    unknown += [word for word in words if "=" not in word and word not in TARGETS]
    return f"the Makefile has no {unknown}" if unknown else None


def of_argparse(parser: ArgumentParser, words: list[str]) -> str | None:
    try:
        parser.parse_args(words)
    except SystemExit as ended:
        return "it is not understood" if ended.code else None
    return None


def of_the_service(words: list[str]) -> str | None:
    said = Said(tuple(words), whole=True)
    # One word alone names a command.
    return None if len(words) == 1 and exists(said) else problem(said)


def of_a_module(module: str, words: list[str]) -> str | None:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return f"there is no module {module}"
    if module == "pytest":
        there = [ROOT / word.partition("::")[0] for word in words if not word.startswith("-")]
        return next((f"{one.name} is not there" for one in there if not one.exists()), None)
    home = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
    source = "".join(path.read_text() for path in (home.glob("*.py") if home.is_dir() else [home]))
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    return next((f"{module} has no {one}" for one in options if f'"{one}"' not in source), None)


@pytest.fixture(autouse=True)
def quiet(capsys):
    """Drop the output of parsers about commands that they refuse."""
    yield
    capsys.readouterr()


def test_every_command_of_every_document_is_understood_by_its_program() -> None:
    found = list(shown())
    assert {one.words[0] for one in found} >= {"make", "purchasing-contracts", *PYTHON}
    assert len(found) > 100
    assert {repr(one): said for one in found if (said := fault(one))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "make everything",
        "make test NOTHING=1",
        "purchasing-contracts exemple tip_paid",
        "purchasing-contracts validate --often FILE",
        "python -m service lagg",
        "python -m service order hold ORDER",
        "kubectl exec deploy/purchasing -- python -m service lag --often",
        ".venv/bin/python -m pytest tests/nothing",
        "python -m tests.nothing",
        "python -m tests.rules.second_opinion --histories 1 --seconds 1",
    ],
)
def test_a_command_that_is_no_command_is_noticed(text) -> None:
    assert fault(Shown("a document", text)) is not None


def test_every_block_for_the_shell_is_read_by_it() -> None:
    blocks = [
        (document, block)
        for document in documents(ROOT)
        for block in re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
        if not block.startswith("$")  # a session, with what is answered
    ]
    assert len(blocks) > 10
    script = "\n".join(f"part{number}() {{\n{block}\n}}" for number, (_, block) in enumerate(blocks))
    done = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
