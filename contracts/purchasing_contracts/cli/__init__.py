"""The messages of the purchasing service: are mine right, do schemas still fit, what does a message look like.

Begin with `purchasing-contracts schema`, which lists the messages, and `purchasing-contracts example TYPE`. What came
with this version says `purchasing-contracts changes`.

Exit codes: 0 all is well; 1 something is wrong with what was checked; 2 it can't be read, or the command was called in
a way that it doesn't know.
"""

import argparse
import os
import sys

from purchasing_contracts.cli import changes, check, show, validate
from purchasing_contracts.cli.said import UNREADABLE, SaidError

COMMANDS = (validate, check, changes, show)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="purchasing-contracts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    given = parser.parse_args(arguments)
    if "run" not in given:
        parser.print_help(sys.stderr)
        return UNREADABLE
    try:
        code: int = given.run(given)
        sys.stdout.flush()
    except SaidError as error:
        sys.stderr.write(f"purchasing-contracts: {error}\n")
        return UNREADABLE
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
