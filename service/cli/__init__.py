"""The command line: one module per command, found by its name.

The module `what_if` is the command `what-if`. A module has a docstring, whose first line is the command's help;
EXAMPLES, with which the help ends; and two functions: `add(parser)` declares the arguments, `run(arguments)` does the
work and returns the exit code. Data goes to stdout, everything else to stderr.

The program is `purchasing` where the package is installed, and `python -m service` everywhere. Man pages and completion
scripts are made from the parsers and kept in `installed/` (CONTRIBUTING.md, "add a command to the command line").

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | not done: stderr says what is wrong and what to do |
| 2 | the command line was wrong |
| 3 | done, but some of the input was bad |
| 70 | a fault in the program |
| 130 | interrupted |
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import structlog

from service.cli.examples import CommandParser, Examples, give_examples, text_of
from service.observability import logs
from service.runtime.errors import catch_unexpected
from service.runtime.exit_codes import ExitCode
from service.runtime.version import own_version

log = structlog.get_logger("service")

PROGRAM = "purchasing"
HELPERS = frozenset({"arguments", "examples", "expected_errors", "unknown_order"})
EXAMPLES: Examples = (
    ("Play orders through a Kafka and a PostgreSQL that it starts, and explain them", "demo"),
    ("Print what would be published for the events in a file", "simulate events.jsonl"),
    ("Run the service; the settings are in the environment", "run"),
    ("See what is wrong and what to do", "doctor"),
    ("See what happened to an order, and why", "explain ord-1"),
)


def names() -> tuple[str, ...]:
    """Return the names of all commands."""
    found = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if name not in HELPERS))


def parser(commands: Sequence[str], program: str = PROGRAM) -> CommandParser:
    """Return a parser for these commands. `program`: how the program was started, as help shows it."""
    whole = CommandParser(
        prog=program,
        description="Read events of purchase orders; publish commands and decisions.",
        epilog=text_of(program, EXAMPLES),
    )
    whole.add_argument("--version", action="version", version=own_version())
    below = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in commands:
        module = import_module(f"{__name__}.{name.replace('-', '_')}")
        text = (module.__doc__ or "").strip()
        one = below.add_parser(name, help=text.partition("\n")[0], description=text)
        module.add(one)
        give_examples(one, program, [name], module.EXAMPLES)
        one.set_defaults(run=module.run)
    return whole


def main(arguments: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Run one command and return its exit code. Raises only SystemExit, where the command line was wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Import only the command that is called: `simulate` needs no Kafka.
    wanted = [given[0]] if given and given[0] in names() else names()
    chosen = parser(wanted, program).parse_args(given)
    # A command reports its own errors. `run` configures the log again.
    logs.configure("console", "error")
    logs.hush_clients()
    codes: list[int] = []
    try:
        with catch_unexpected(lambda error: codes.append(_report(error))):
            codes.append(chosen.run(chosen))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return max(codes)


def _report(error: Exception) -> int:
    from service.cli.expected_errors import sentence_for

    if isinstance(error, BrokenPipeError):
        # The reader of our output has closed the pipe. Without this, Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    if (sentence := sentence_for(error)) is not None:
        sys.stderr.write(f"{sentence}\n")
        return ExitCode.NOT_DONE
    log.critical("program_fault", message="The program has a fault, so the process ends.", exc_info=error)
    return ExitCode.FAULT
