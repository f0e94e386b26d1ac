"""Examples at the end of each help text, and descriptions of subcommands.

A command's module has EXAMPLES: pairs of a comment and a command line as a shell takes it, without the program's name.
The help of `order hold` shows the examples that begin with `order hold`, that of `order` shows all of `order`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Examples = tuple[tuple[str, str], ...]


class CommandParser(argparse.ArgumentParser):
    """A parser that knows its subcommands."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **arguments)
        self.commands: dict[str, tuple[str, CommandParser]] = {}
        """Help and parser of each subcommand, by its name."""

    def add_subparsers(self, **arguments: Any) -> Any:
        """Like argparse's."""
        return Subcommands(super().add_subparsers(parser_class=CommandParser, **arguments), self.commands)


class Subcommands:
    """The subcommands of a parser, as `add_subparsers` returns them."""

    def __init__(self, action: Any, commands: dict[str, tuple[str, CommandParser]]) -> None:
        self._action = action
        self._commands = commands

    def add_parser(self, name: str, *, help: str, description: str = "") -> CommandParser:  # noqa: A002 - argparse's name
        """Return the parser of another subcommand. Without a description its help begins with `help`."""
        begin = description or f"{help[:1].upper()}{help[1:]}."
        one: CommandParser = self._action.add_parser(name, help=help, description=begin)
        self._commands[name] = help, one
        return one

    @property
    def choices(self) -> dict[str, CommandParser]:
        """The parsers by their names."""
        return {name: one for name, (_, one) in self._commands.items()}


def give_examples(parser: CommandParser, program: str, path: Sequence[str], examples: Examples) -> None:
    """Let the help of a command, and of each of its subcommands, end with its examples. `path`: the command's words."""
    parser.epilog = text_of(program, of_command(path, examples))
    for name, (_, below) in parser.commands.items():
        give_examples(below, program, [*path, name], examples)


def of_command(path: Sequence[str], examples: Examples) -> Examples:
    """Return the examples of one command."""
    return tuple((words, line) for words, line in examples if line.split()[: len(path)] == [*path])


def text_of(program: str, examples: Examples) -> str:
    """Return examples as lines that can be pasted into a shell."""
    lines = [f"  # {words}\n  {program} {line}" for words, line in examples]
    return "examples:\n" + "\n".join(lines)
