"""Show and reset circuit breakers: topics that workers stopped reading because too many records break the contract.

    breaker list           list open breakers: since when, and how many records were bad
    breaker reset TOPIC    make all workers read the topic again, within two seconds

An open breaker leaves the topic's records in Kafka and delays deadlines. Other topics are read as usual. Have the cause
fixed before you reset, or the breaker opens again after the next PURCHASING_BREAKER_AT_LEAST records. Records that were
quarantined until then wait for `quarantine replay`. Exit code of `list`: 3 if a breaker is open. Reads
PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from purchasing_contracts.base import text_of
from purchasing_contracts.topics import TOPICS

from service.cli.arguments import add_who, report
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.operators.breakers import open_breakers, reset_breaker

if TYPE_CHECKING:
    import argparse

EXAMPLES = (
    ("Show the topics that are not read, and since when", "breaker list"),
    (
        "Read a topic again after its sender was fixed",
        'breaker reset purchasing.events.payment.v1 --why "PAY-12 is fixed"',
    ),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `breaker`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = below.add_parser("list", help="list open breakers")
    listing.add_argument("--json", action="store_true", help="print one JSON object per line")
    reset = below.add_parser("reset", help="read a topic again")
    reset.add_argument("topic", choices=[topic.name for topic in TOPICS if topic.direction == "in"], metavar="TOPIC")
    add_who(reset)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises SettingsError, StoreUnavailableError, SchemaError."""
    return asyncio.run(_list(as_json=arguments.json) if arguments.what == "list" else _reset(arguments))


async def _list(*, as_json: bool) -> int:
    async with connected(database_of_environment()) as connection, translated():
        found = await open_breakers(connection)
    for one in found:
        row = {"topic": one.topic, "opened_at": text_of(one.at), "bad": one.bad, "records": one.records}
        text = f"{one.topic}  open since {text_of(one.at)}: {one.bad} of {one.records} records were bad"
        sys.stdout.write((json.dumps(row) if as_json else text) + "\n")
    if not found:
        report("No circuit breaker is open.")
    return ExitCode.CHECK if found else ExitCode.DONE


async def _reset(arguments: argparse.Namespace) -> int:
    async with connected(database_of_environment()) as connection, translated():
        was_open = await reset_breaker(connection, arguments.topic, arguments.by, arguments.why)
    report(
        "The breaker is reset. All workers read the topic again."
        if was_open
        else "The breaker is not open: nothing to do."
    )
    return ExitCode.DONE
