"""Check everything that the service needs, and say what is wrong and what to do.

It checks database, schema, clock, terms, broker, topics and ACLs, and lists what waits for a person. It changes
nothing. Exit code: 1 if the service cannot work, 3 if somebody should look at something. Reads PURCHASING_* like `run`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from service.inbox.consumer import EVENT_TOPICS
from service.kafka import compat
from service.operations.doctor import examine
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import load

if TYPE_CHECKING:
    import argparse

EXAMPLES = (
    ("Check everything", "doctor"),
    ("Show only what is wrong", "doctor --json | jq 'select(.state == \"bad\")'"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(arguments: argparse.Namespace) -> int:
    """Examine. Raises SettingsError."""
    compat.install()
    found = asyncio.run(examine(load(), EVENT_TOPICS))
    for one in found:
        sys.stdout.write(
            (json.dumps(asdict(one)) if arguments.json else f"{one.state:5} {one.about:9} {one.words}") + "\n"
        )
    states = {one.state for one in found}
    if "bad" in states:
        return ExitCode.NOT_DONE
    return ExitCode.CHECK if "look" in states else ExitCode.DONE
