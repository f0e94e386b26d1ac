"""`python -m tests.cli.installed_files`: write the man pages and completion scripts that the wheel installs.

They are made from the parsers of `service/cli/` and kept in `service/cli/installed/`; a test compares them. The scripts
come from shtab. Man pages are written here (decision 0121).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shtab

from service.cli import EXAMPLES, PROGRAM, completion, names, parser
from service.cli.examples import CommandParser, Examples, of_command

PAGES = "share/man/man1"
EXIT_STATUS = (
    ("0", "Done."),
    ("1", "Not done. Standard error says what is wrong and what to do."),
    ("2", "The command line, or what it was given to read, was not understood."),
    ("3", "Done, and a person should look at something: some of the input was bad, or something stands still."),
    ("4", "Done, but the rules failed on an order, or would publish something other than what was published."),
    ("70", "A fault in the program."),
    ("130", "Interrupted."),
)
ENVIRONMENT = (
    "Settings come from variables that begin with PURCHASING_. README.md has the table; an unknown one is reported "
    "when the service starts."
)


def files() -> dict[str, str]:
    """All files by their path below `service/cli/installed/`."""
    found = {path: script(shell) for shell, path in completion.SCRIPTS.items()}
    whole = parser(names())
    pages = {PROGRAM: page(whole, PROGRAM, whole.description or "", EXAMPLES)}
    for name, (help_text, below) in whole.commands.items():
        pages[f"{PROGRAM}-{name}"] = page(below, f"{PROGRAM} {name}", help_text, examples_of(name))
    return found | {f"{PAGES}/{name}.1": text for name, text in pages.items()}


def examples_of(command: str) -> Examples:
    """The examples of a command's module."""
    module: Any = __import__(f"service.cli.{command.replace('-', '_')}", fromlist=["EXAMPLES"])
    return of_command([command], module.EXAMPLES)


# Completion


def script(shell: str) -> str:
    """The script by which a shell completes the program."""
    whole = parser(names())
    _prepare(whole)
    text: str = shtab.complete(whole, shell)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _prepare(one: CommandParser) -> None:
    """Let shells complete files where files are wanted, and show the first line about a command, not all."""
    one.description = None
    for action in one._actions:
        if action.metavar in ("FILE", "PATH"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if action.choices is not None and action.nargs != argparse.PARSER:
            # shtab takes any dictionary for subcommands.
            action.choices = tuple(action.choices)
    for _, below in one.commands.values():
        _prepare(below)


# Man pages


def page(one: CommandParser, name: str, about: str, examples: Examples) -> str:
    """A page of section 1, in the macros of man(7)."""
    title = name.replace(" ", "-")
    begin = about[:1].lower() + about[1:].rstrip(".")
    lines = [
        f'.TH {roff(title.upper())} 1 "" "{PROGRAM}" "Purchasing service"',
        ".nh",
        *(".SH NAME", f"{roff(title)} \\- {roff(begin)}"),
        *(".SH SYNOPSIS", *synopsis(one)),
        *(".SH DESCRIPTION", *prose((one.description or "").partition("\n\n")[2] or about)),
        *arguments(one),
        *(".SH EXAMPLES", *(line for example in examples for line in _example(*example))),
        *(".SH EXIT STATUS", *(line for code, text in EXIT_STATUS for line in (".TP", f".B {code}", roff(text)))),
        *(".SH ENVIRONMENT", roff(ENVIRONMENT)),
        *(".SH SEE ALSO", *see_also(one, title)),
    ]
    return "".join(f"{line}\n" for line in lines)


_AS_ROFF = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", '"': "\\(dq"})


def roff(text: str) -> str:
    """Text as roff takes it."""
    escaped = text.translate(_AS_ROFF)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def synopsis(one: CommandParser) -> Iterator[str]:
    """The synopsis: a line for the command, or one for each of its subcommands."""
    below = [command for _, command in one.commands.values()] if " " in one.prog else []
    for number, command in enumerate(below or [one]):
        words = [_called(action) for action in command._actions if action.help != argparse.SUPPRESS]
        yield from (*([".br"] if number else []), f".B {roff(command.prog)}", roff(" ".join(words)))


def _called(action: argparse.Action) -> str:
    """An argument as it stands on a command line. Not argparse's usage, which versions of Python write differently."""
    if not action.option_strings:
        form = {"?": "[{}]", "*": "[{}...]", argparse.PARSER: "{} ..."}.get(str(action.nargs), "{}")
        return form.format(_value(action))
    words = action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {_value(action)}"
    return words if action.required else f"[{words}]"


def _value(action: argparse.Action) -> str:
    choices = "" if action.choices is None else "|".join(map(str, action.choices))
    return str(action.metavar or choices or action.dest.upper())


def prose(text: str) -> Iterator[str]:
    """Paragraphs; indented lines as they are."""
    for number, paragraph in enumerate(text.strip("\n").split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("    "):
            yield from (".nf", *(roff(line) for line in paragraph.splitlines()), ".fi")
        else:
            yield from (roff(line) for line in paragraph.splitlines())


def arguments(one: CommandParser) -> Iterator[str]:
    """The meaning of each argument, of the command and of its subcommands."""
    own = [action for action in one._actions if action.help != argparse.SUPPRESS and action.nargs != argparse.PARSER]
    yield ".SH OPTIONS"
    yield from _options(own)
    for name, (help_text, below) in one.commands.items():
        if " " not in one.prog:
            yield from (".TP", f".BR {PROGRAM}\\-{roff(name)} (1)", roff(help_text))
            continue
        yield from (f".SS {roff(name)}", roff(below.description or help_text))
        yield from _options([action for action in below._actions if action.dest != "help"])


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    for action in actions:
        if action.help == argparse.SUPPRESS:
            continue
        flags = ", ".join(f"\\fB{roff(flag)}\\fR" for flag in action.option_strings)
        takes = "" if action.option_strings and action.nargs == 0 else f"\\fI{roff(_value(action))}\\fR"
        expanded = (action.help or "").replace("%(prog)s", PROGRAM).replace("%%", "%")
        yield from (".TP", " ".join(part for part in (flags, takes) if part), roff(expanded or "see above"))


def _example(words: str, line: str) -> Iterator[str]:
    yield from (".TP", f"{roff(words)}:", ".nf", f".B {roff(f'{PROGRAM} {line}')}", ".fi")


def see_also(one: CommandParser, title: str) -> Iterator[str]:
    """The other pages."""
    if title != PROGRAM:
        yield f".BR {PROGRAM} (1)"
        return
    found = [f"{PROGRAM}\\-{roff(name)}" for name in one.commands]
    for number, name in enumerate(found, 1):
        yield f".BR {name} (1){',' if number < len(found) else ''}"


def main() -> None:
    """Write the files, and remove others."""
    wanted = files()
    for path in sorted(completion.INSTALLED.rglob("*")):
        if path.is_file() and path.relative_to(completion.INSTALLED).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = Path(completion.INSTALLED, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
