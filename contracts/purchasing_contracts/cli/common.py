"""Shared by the commands: exit codes, reading files, names of types."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from purchasing_contracts.advice import types

FINE, WRONG, UNREADABLE = 0, 1, 2


class CommandError(Exception):
    """The command failed. The text says why and what to do."""


def add_documented(commands: Any, name: str, help_line: str, documentation: str | None) -> argparse.ArgumentParser:
    """Declare a command whose `--help` shows the documentation as it is written."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_line, description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def read(path: str) -> bytes:
    """Return the content of a file, or of the standard input for `-`."""
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}") from None


def type_named(name: str) -> str:
    """Return the type of a name. A part of it is enough if no other type has it: `tip_paid`."""
    known = types()
    fitting = [type_ for type_ in known if f".{name}." in f".{type_}."]
    if len(fitting) == 1:
        return fitting[0]
    short = {type_.split(".")[-2]: type_ for type_ in known}
    alike = [short[one] for one in difflib.get_close_matches(name, short, 3)]
    close = fitting or [one for one in known if name in one][:5] or alike or difflib.get_close_matches(name, known, 3)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    raise CommandError(f"no message has the type {name}.{hint} `purchasing-contracts schema` lists all of them.")


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
