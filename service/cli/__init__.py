"""The command line: one module a command, found by its name.

A module `what_if` in this package is the command `what-if`. It has a docstring, whose first line is its
help, and two functions: `add(parser)` declares its arguments, `run(arguments)` does the work and returns the
exit code (`service.runtime.exit_codes`). Data goes to stdout, everything else to stderr.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import structlog

from service.observability import logs
from service.runtime.errors import catch_unexpected
from service.runtime.exit_codes import ExitCode
from service.runtime.version import own_version

log = structlog.get_logger("service")

HELPERS = frozenset({"arguments", "expected_errors"})


def names() -> tuple[str, ...]:
    """The commands there are."""
    found = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if name not in HELPERS))


def parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of these commands."""
    whole = argparse.ArgumentParser(
        prog="python -m service", description="Events of purchase orders in, commands and decisions out."
    )
    whole.add_argument("--version", action="version", version=own_version())
    below = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in commands:
        module = import_module(f"{__name__}.{name.replace('-', '_')}")
        text = (module.__doc__ or "").strip()
        one = below.add_parser(name, help=text.partition("\n")[0], description=text)
        one.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add(one)
        one.set_defaults(run=module.run)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Raises nothing but SystemExit, for what was not understood."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Only what is asked for is imported: `simulate` needs no Kafka.
    asked = [given[0]] if given and given[0] in names() else names()
    chosen = parser(asked).parse_args(given)
    # Commands that do one thing say themselves what went wrong; `run` says more and configures it anew.
    logs.configure("console", "error")
    logs.hush_clients()
    codes: list[int] = []
    try:
        with catch_unexpected(lambda error: codes.append(_tell(error))):
            codes.append(chosen.run(chosen))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return max(codes)


def _tell(error: Exception) -> int:
    from service.cli.expected_errors import sentence_for

    if isinstance(error, BrokenPipeError):
        # Whoever read our output has enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    if (sentence := sentence_for(error)) is not None:
        sys.stderr.write(f"{sentence}\n")
        return ExitCode.NOT_DONE
    log.critical("program_fault", message="The program has a fault, so the process ends.", exc_info=error)
    return ExitCode.FAULT
