"""Work with the messages of the purchasing service: check messages, compare or register schemas, show examples.

Begin with `purchasing-contracts schema`, which lists the messages, and `purchasing-contracts example TYPE`.
`purchasing-contracts changes` shows the changes of this version.

Exit codes: 0 everything is right; 1 something that was checked is wrong; 2 the input can't be read, or the command line
is wrong.
"""

import argparse
import os
import sys

from purchasing_contracts.cli import changes, check, register, show, validate
from purchasing_contracts.cli.common import UNREADABLE, CommandError

COMMANDS = (validate, check, changes, register, show)


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
    except CommandError as error:
        sys.stderr.write(f"purchasing-contracts: {error}\n")
        return UNREADABLE
    except BrokenPipeError:
        # The reader of our output has closed the pipe. Without this, Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
