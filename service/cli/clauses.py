"""The agreement's 30 clauses, and what this service does about each.

clauses         all of them: title, what happens (or why nothing moves), module, tests
clauses 12      one: its text, what happens, and every address that messages cite with the words that go with it
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from service.rules.catalogue import NUMBERS, Entry, catalogue
from service.runtime.exit_codes import ExitCode

WIDTH = 110


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `clauses`."""
    parser.add_argument("number", nargs="?", type=int, choices=NUMBERS, metavar="NUMBER", help="1 to 30")
    parser.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue, or one entry of it."""
    entries = [one for one in catalogue() if arguments.number in (None, one.number)]
    for entry in entries:
        if arguments.json:
            sys.stdout.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
        else:
            lines = _lines(entry, whole=arguments.number is not None)
            sys.stdout.write("".join(f"{line}\n" for line in lines))
    return ExitCode.DONE


def _lines(entry: Entry, *, whole: bool) -> Iterator[str]:
    yield f"{entry.number:2}  {entry.title}"
    if whole:
        for paragraph in entry.text.split("\n"):
            yield from textwrap.wrap(paragraph, WIDTH, initial_indent="  | ", subsequent_indent="  | ") or ["  |"]
        yield ""
        yield "    What the service does:"
    yield from textwrap.wrap(entry.does, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4)
    yield f"    {', '.join(entry.modules)}; {', '.join(entry.tests)}"
    if whole:
        for clause, because in entry.grounds:
            yield from textwrap.wrap(f"{clause}: {because}", WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
    yield ""
