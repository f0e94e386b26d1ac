"""The commands in the documents, as the program's own parser reads them."""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from service.cli import names, parser
from service.cli.quarantine import meant_records
from service.operations.quarantine.lookup import QuarantineError

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK, RIGHTS, README = (ROOT / name for name in ("service/docs/runbook.md", "deploy/rights.md", "README.md"))

# What stands in a document for something else, and something that it may stand for.
STANDS_FOR = {
    "ORDER": "ord-1",
    "TOPIC": "purchasing.events.order.v1",
    "RECORD": "purchasing.events.order.v1/0/1",
    "PROVIDER": "acme",
    "WHAT": "placed",
    "TIME": "2027-01-01T00:00:00Z",
    "NUMBER": "12",
    "N": "8",
    "L": "0",
    "P": "7",
    "NAME": "ann",
    "…": "a reason",
}
# Where the shell takes over: a pipe, a redirection, the next command, a comment.
ENDS = {"|", "<", ">", "&&", ";", "#"}


class Said(NamedTuple):
    """A command as a document writes it: its words, and whether it is written in full (`python -m service …`)."""

    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return " ".join(self.words)


def spans(document: Path) -> list[str]:
    """All that is set as code: what stands between backticks, and the lines of blocks."""
    text = document.read_text()
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    inline = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest)]
    return inline + [line.strip() for block in blocks for line in block.splitlines()]


def commands(document: Path) -> Iterator[Said]:
    """The service's commands in it."""
    for span in spans(document):
        _, service, after = span.partition("python -m service ")
        text = after if service else span
        words = text.replace("[", " ").replace("]", " ").split()
        if words and words != ["…"] and (service or words[0] in names()):
            yield Said(tuple(until_the_shell(text)), bool(service))


def until_the_shell(text: str) -> Iterator[str]:
    """The words up to where the shell takes over, with something that each placeholder may stand for."""
    for word in shlex.split(text.replace("[", " ").replace("]", " ")):
        if word in ENDS:
            return
        yield STANDS_FOR.get(word, word)


@cache
def the_parser() -> ArgumentParser:
    """The program's own."""
    return parser(names())


def problem(said: Said) -> str | None:
    """The reason why the program would not understand a command; None: it would."""
    try:
        chosen = the_parser().parse_args([*said.words])
        if said.words[0] == "quarantine" and chosen.what in ("replay", "drop"):
            meant_records(chosen)
    except SystemExit as ended:
        return "it is not understood" if ended.code else None
    except QuarantineError as error:
        return str(error)
    return None


def exists(said: Said) -> bool:
    """Whether a command that is only named is there."""
    try:
        the_parser().parse_args([*said.words, "--help"])
    except SystemExit as ended:
        return ended.code == 0
    return True
