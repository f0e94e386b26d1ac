"""Show the agreement's clauses and what the service does about each.

clauses       all clauses: title, what the service does (or why no money moves), module, tests
clauses 12    one clause: its text, what the service does, and each address that messages cite, with its words
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from service.rules.catalogue import Entry, agreement, catalogue
from service.runtime.exit_codes import ExitCode

WIDTH = 110

EXAMPLES = (
    ("List the clauses and what the service does about each", "clauses"),
    ("Show the text of clause 12 and the words that messages cite of it", "clauses 12"),
    ("List the titles", "clauses --json | jq --raw-output .title"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `clauses`."""
    numbers = tuple(agreement())
    parser.add_argument(
        "number", nargs="?", type=int, choices=numbers, metavar="NUMBER", help=f"{numbers[0]} to {numbers[-1]}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(arguments: argparse.Namespace) -> int:
    """Print all clauses, or one."""
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
