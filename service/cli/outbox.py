"""Show, pause and resume publishing; compare Kafka to the journal.

    outbox status             per lane: last position decided, last position published, who paused it
    outbox pause [--lane N]   stop publishing, after the batch that a worker is publishing just now. The service still
                              decides about orders; the outputs wait in the journal
    outbox resume [--lane N]  publish again, in order; everything decided until now passes the refund limit
    outbox verify             read the output topics and compare them to the journal, position by position

If PURCHASING_REFUND_LIMIT_PER_MINUTE is set and the refunds of one minute would exceed it, all lanes pause by
themselves. `verify` needs the broker. Its exit code is 1 if an output is missing, duplicate, different, out of order or
unknown. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError
from purchasing_contracts.base import text_of

from service.cli.arguments import add_who, report
from service.kafka import compat
from service.kafka.connection import connection_of
from service.observability.reachability import UnreachableError, broker_problem
from service.outbox.repair.verify import verify
from service.runtime.errors import describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment, load
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.operators.pauses import ALL_LANES, current_pauses, lane_rows, pause, resume

if TYPE_CHECKING:
    import asyncpg

EXAMPLES = (
    ("Show how far each lane is", "outbox status"),
    ("Stop publishing", 'outbox pause --why "refunds look wrong"'),
    ("Publish again in one lane", "outbox resume --lane 0"),
    ("Compare the topics to the journal", "outbox verify"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `outbox`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    status = below.add_parser("status", help="show how far each lane is; exit code 3 if a lane is paused")
    for name, text in (("pause", "stop publishing"), ("resume", "publish again")):
        one = below.add_parser(name, help=text)
        one.add_argument("--lane", type=_lane, metavar="N", default=ALL_LANES, help="only this lane")
        add_who(one, why_required=name == "pause")
    holding = below.add_parser("verify", help="compare the topics to the journal")
    for one in (status, holding):
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def _lane(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text} is not the number of a lane")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises SettingsError, StoreUnavailableError, SchemaError, UnreachableError."""
    if arguments.what == "verify":
        return asyncio.run(_verify(as_json=arguments.json))
    return asyncio.run(_with_database(arguments))


async def _with_database(arguments: argparse.Namespace) -> int:
    async with connected(database_of_environment()) as connection, translated():
        if arguments.what == "status":
            return await _status(connection, as_json=arguments.json)
        lanes = [one.lane for one in await lane_rows(connection)]
        if arguments.lane not in (ALL_LANES, *lanes):
            report(f"There is no lane {arguments.lane}: the lanes are {lanes[0]} to {lanes[-1]}.")
            return ExitCode.NOT_DONE
        if arguments.what == "pause":
            new = await pause(connection, arguments.lane, arguments.by, arguments.why)
            report(
                "Paused. The batch that a worker is publishing may still go out." if new else "It is paused already."
            )
            return ExitCode.DONE
        gone = await resume(connection, arguments.lane, arguments.by, arguments.why)
        if arguments.lane != ALL_LANES and ALL_LANES in [one.lane for one in await current_pauses(connection)]:
            report("All lanes are paused together: resume them all, without --lane.")
            return ExitCode.NOT_DONE
        report("Publishing again." if gone else "It is not paused: nothing to do.")
        return ExitCode.DONE


async def _status(connection: asyncpg.Connection[asyncpg.Record], *, as_json: bool) -> int:
    pauses = {one.lane: one for one in await current_pauses(connection)}
    for row in await lane_rows(connection):
        held = pauses.get(ALL_LANES) or pauses.get(row.lane)
        document: dict[str, Any] = {
            "lane": row.lane,
            "decided": row.position,
            "published": row.noted,
            "waiting": row.position - row.noted,
        }
        if held is not None:
            document["paused"] = {"at": text_of(held.at), "by": held.by, "why": held.why}
        words = f"lane {row.lane}: decided up to {row.position}, published up to {row.noted}"
        if held is not None:
            words += f", paused {held} ({text_of(held.at)})"
        sys.stdout.write((json.dumps(document) if as_json else words) + "\n")
    return ExitCode.CHECK if pauses else ExitCode.DONE


async def _verify(*, as_json: bool) -> int:
    settings = load()
    compat.install()
    kafka = connection_of(settings)
    if reason := await broker_problem(kafka):
        raise UnreachableError(f"Kafka can't be reached: {reason}.")
    async with connected(settings.database()) as connection:
        try:
            found = await verify(connection, kafka, report)
        except KafkaError as error:
            raise UnreachableError(f"Kafka gave no usable answer: {describe(error)}.") from None
    if as_json:
        document = {"wrong": found.wrong, "counts": dict(found.counts), "complaints": found.complaints}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("".join(f"{complaint}\n" for complaint in found.complaints))
    report(found.summary())
    return ExitCode.NOT_DONE if found.wrong else ExitCode.DONE
