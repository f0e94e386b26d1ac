"""Repair lanes where Kafka and the database contradict each other; add lanes.

    lanes show                  each lane as Kafka and as the database know it; exit code 1 if a lane cannot continue
    lanes recover               after a restore: put back outputs that the database lost, from Kafka, and hold their
                                orders until the facts were read again
    lanes release               after that: assess the held orders again
    lanes adopt --lane N --position P
                                let a lane continue after this position; a person decides this
    lanes change --to N         add lanes; every output must be published, and every worker stopped

Stop every worker first. `recover` and `adopt` say what they would do, and do it with --yes. The table
`operator_actions` keeps who did it and why. service/docs/runbook.md, "Two stores", says when to use which.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError
from purchasing_contracts.topics import OUTBOX

from service.cli.arguments import add_who, report
from service.kafka import compat
from service.kafka.connection import connection_of
from service.observability.reachability import UnreachableError, broker_problem
from service.orders.operator_actions import Intervention
from service.orders.operator_engine import operator_engine
from service.outbox.consistency import older_database
from service.outbox.reader import OutboxReader
from service.outbox.repair.adopt import adopt, consequences, lane_report
from service.outbox.repair.recover import find_lost, put_back
from service.runtime.errors import describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import Settings, load
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.operators.lane_count import LanesError, change_lanes
from service.store.rows import INSTALLATION, Installation
from service.store.timeline import Timeline

if TYPE_CHECKING:
    import argparse

    import asyncpg

AT_ONCE = 500

_RECOVERED_AT = "select max(at) from operator_actions where what = 'lanes recover'"
_WATERMARK = "select case when count(*) = count(watermark) then min(watermark) end from input_progress"
_HELD = """
select order_id from orders where held_at is not null and order_id in (
    select subject from operator_actions where what = 'order hold' and why = 'lanes recover')
order by order_id limit $1
"""

EXAMPLES = (
    ("Compare Kafka and the database", "lanes show"),
    (
        "Show which outputs a restored database lost; with --yes, put them back",
        'lanes recover --why "restored on 2 March"',
    ),
    ("Assess the orders again that it holds", "lanes release"),
    (
        "Show what it means to continue lane 0 after position 4711; with --yes, do it",
        'lanes adopt --lane 0 --position 4711 --why "the topic was deleted"',
    ),
    ("Publish in eight lanes from now on", 'lanes change --to 8 --why "one lane is too slow"'),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `lanes`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    below.add_parser("show", help="show each lane as Kafka and the database know it")
    for name, text in (
        ("recover", "put back outputs that a restored database lost"),
        ("release", "assess the held orders again"),
        ("adopt", "let a lane continue after a position"),
        ("change", "add lanes"),
    ):
        one = below.add_parser(name, help=text)
        add_who(one, why_required=name != "release")
        if name in ("recover", "adopt"):
            one.add_argument("--yes", action="store_true", help="do it; without --yes, only say what would be done")
        if name == "adopt":
            one.add_argument("--lane", type=int, required=True, metavar="N")
            one.add_argument("--position", type=int, required=True, metavar="P", help="0: from the beginning")
        if name == "change":
            one.add_argument("--to", type=int, required=True, metavar="N", help="a power of two, more than now")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises AdoptError, LanesError, SettingsError, UnreachableError, StoreUnavailableError."""
    return asyncio.run(_run(arguments, load()))


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.what == "release":
        return await _release(arguments, settings.database())
    compat.install()
    kafka = connection_of(settings)
    if reason := await broker_problem(kafka):
        raise UnreachableError(f"Kafka can't be reached: {reason}.")
    does = {"show": _show, "recover": _recover, "adopt": _adopt, "change": _change}[arguments.what]
    try:
        async with connected(settings.database()) as connection:
            async with translated():
                row = await connection.fetchrow(INSTALLATION)
            assert row is not None
            return await does(arguments, connection, kafka, Installation(*row))
    except (KafkaError, TimeoutError) as error:
        raise UnreachableError(f"Kafka gave no usable answer: {describe(error)}.") from None


async def _show(
    _arguments: argparse.Namespace, connection: asyncpg.Connection[Any], kafka: Any, installation: Installation
) -> int:
    outbox_id = str(installation.outbox_id)
    wrong = False
    for lane in installation.own:
        standing = await lane_report(connection, kafka, lane)
        cursor = standing.cursor
        ours = cursor is not None and (cursor.outbox_id, cursor.lane) == (outbox_id, lane)
        async with translated():
            older = await older_database(OutboxReader(connection), cursor) if ours and cursor is not None else None
        # A running relay notes a position after publishing it, so the note is never ahead of the cursor.
        bad = bool(standing.unreadable or older or (cursor is not None and not ours))
        bad = bad or standing.noted > (cursor.position if cursor is not None else 0)
        wrong = wrong or bad
        sys.stdout.write(
            f"{standing.in_words(outbox_id)}{'  <- ' + (older or 'they contradict each other') if bad else ''}\n"
        )
    return ExitCode.NOT_DONE if wrong else ExitCode.DONE


async def _recover(
    arguments: argparse.Namespace, connection: asyncpg.Connection[Any], kafka: Any, installation: Installation
) -> int:
    recovery = await find_lost(connection, kafka, installation, report)
    if not recovery.outputs:
        report("The database has everything that was published.")
        return ExitCode.DONE
    for sentence in recovery.sentences():
        report(f"{sentence}.")
    if not arguments.yes:
        report("Nothing was done. Repeat the command with --yes.")
        return ExitCode.NOT_DONE
    held = await put_back(connection, recovery, installation.lanes, arguments.by, arguments.why)
    report(f"Done: {held} orders are halted. Start the service, and run `lanes release` after it has caught up.")
    return ExitCode.DONE


async def _release(arguments: argparse.Namespace, url: str) -> int:
    timeline = Timeline()
    async with connected(url, timeline) as connection, translated():
        recovered_at = await connection.fetchval(_RECOVERED_AT)
        watermark = await connection.fetchval(_WATERMARK)
        if recovered_at is not None and (watermark is None or watermark < recovered_at):
            raise LanesError("The input was not read up to the recovery yet. Let the service catch up first.")
        released = 0
        async with operator_engine(url, timeline) as (engine, _store):
            while order_ids := [row[0] for row in await connection.fetch(_HELD, AT_ONCE)]:
                intervention = Intervention(arguments.by, arguments.why, release=tuple(order_ids))
                released += len((await engine.intervene(intervention)).released)
    report(f"{released} orders were released.")
    return ExitCode.DONE


async def _adopt(
    arguments: argparse.Namespace, connection: asyncpg.Connection[Any], kafka: Any, installation: Installation
) -> int:
    if arguments.lane not in installation.own:
        raise LanesError(
            f"There is no lane {arguments.lane} here: "
            f"the lanes are {installation.first_lane} to {installation.last_lane}."
        )
    standing = await lane_report(connection, kafka, arguments.lane)
    for sentence in consequences(standing, str(installation.outbox_id), arguments.position):
        report(sentence)
    if not arguments.yes:
        report("Nothing was done. Repeat the command with --yes.")
        return ExitCode.NOT_DONE
    await adopt(connection, kafka, installation, arguments.lane, arguments.position, arguments.by, arguments.why)
    report("Done.")
    return ExitCode.DONE


async def _change(
    arguments: argparse.Namespace, connection: asyncpg.Connection[Any], kafka: Any, _installation: Installation
) -> int:
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        (topic,) = await admin.describe_topics([OUTBOX.name])
        had = await change_lanes(connection, arguments.to, arguments.by, arguments.why)
        # More partitions than lanes stop the relay, so add partitions last. A second run adds what is missing.
        if len(topic["partitions"]) < arguments.to:
            await admin.create_partitions({OUTBOX.name: NewPartitions(arguments.to)})
    finally:
        await admin.close()
    report(f"The outbox now has {arguments.to} lanes (before: {had}). Start the workers.")
    return ExitCode.DONE
