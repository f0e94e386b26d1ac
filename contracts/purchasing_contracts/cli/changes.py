"""Show the changes of this version: new messages and members, more choices, other limits.

purchasing-contracts changes                 since the release before this version
purchasing-contracts changes --since 0.1.0   since another release
purchasing-contracts changes goods_received  of one message
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from purchasing_contracts.advice import types
from purchasing_contracts.changes import Change, changes_between, releases, version_key
from purchasing_contracts.cli.common import FINE, CommandError, add_documented, type_named
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import class_of
from purchasing_contracts.versions import NOTES

WIDTH = 120


def add(commands: Any) -> None:
    """Declare the command."""
    parser = add_documented(commands, "changes", "what came with this version, in words", __doc__)
    parser.add_argument("type", nargs="?", metavar="TYPE", help="only of this message, such as goods_received")
    parser.add_argument("--since", metavar="VERSION", help="since this release; default: the one before this version")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Write the changes to stdout."""
    wanted = None if given.type is None else type_named(given.type)
    known, own = releases(), version("purchasing-contracts")
    earlier = [one for one in known if version_key(one) < version_key(own)]
    since = given.since or (earlier[-1] if earlier else "")
    if since not in known:
        raise CommandError(f"there is no release {since or 'before this version'}. There are: {', '.join(known)}")
    schemas = {type_: schema_of(cls) for type_ in types() if (cls := class_of(type_)) is not None}
    found = [one for one in changes_between(known[since], schemas) if wanted in (None, one.type)]
    sys.stdout.write(f"{own}, since {since}\n")
    if wanted is None:
        sys.stdout.writelines(notes for one, notes in NOTES.items() if version_key(one) > version_key(since))
    sys.stdout.writelines(_described(found))
    if not found:
        sys.stdout.write("nothing is new\n")
    return FINE


def _described(found: list[Change]) -> Iterator[str]:
    heading = ""
    for one in found:
        if one.type != heading:
            heading = one.type
            yield f"\n{heading}\n"
        words = f"{one.place}: {one.words}" if one.place else one.words
        yield textwrap.fill(words, WIDTH, initial_indent="    ", subsequent_indent="        ") + "\n"
