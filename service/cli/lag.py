"""Show how late the service is: unhandled messages, unpublished outputs, overdue deadlines.

It asks only the broker and the database, so it also works while no worker runs. It counts messages up to the last one
that can be read. A topic written in transactions therefore shows no lag where Kafka's own tool counts its last marker.

Exit code: 1 if broker or database could not be asked (the figures of the other are shown), 3 if the next records of a
partition are gone. Reads PURCHASING_* like `run`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import asyncpg
from aiokafka.errors import KafkaError

from service.cli.arguments import report
from service.inbox.consumer import EVENT_TOPICS
from service.kafka import compat
from service.kafka.connection import connection_of
from service.observability import database_figures
from service.observability.database_figures import furthest_behind
from service.observability.lag import GroupLag, LagLook
from service.observability.reachability import UnreachableError, broker_problem, database_problem
from service.runtime.errors import describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import Settings, load
from service.store.errors import StoreError

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from service.observability.database_figures import Figures
    from service.observability.lag import PartitionLag

EXAMPLES = (
    ("Show how late the service is", "lag"),
    ("Show the partitions with unhandled messages", "lag --json | jq '.partitions[] | select(.messages > 0)'"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `lag`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the lag. Raises SettingsError."""
    compat.install()
    return asyncio.run(_run(load(), as_json=arguments.json))


async def _run(settings: Settings, *, as_json: bool) -> int:
    lag, figures = await asyncio.gather(_of_broker(settings), _of_database(settings))
    if as_json:
        sys.stdout.write(json.dumps(document(settings.consumer_group, lag, figures), indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table(lag, figures)))
    if lag is None or figures is None:
        return ExitCode.NOT_DONE
    return ExitCode.CHECK if any(one.is_lost for one in lag.partitions) else ExitCode.DONE


async def _of_broker(settings: Settings) -> GroupLag | None:
    kafka = connection_of(settings)
    try:
        if reason := await broker_problem(kafka):
            report(f"Kafka can't be reached: {reason}.")
            return None
        async with LagLook(kafka, settings.consumer_group, EVENT_TOPICS) as look:
            return await look.look()
    except UnreachableError as error:
        report(str(error))
        return None
    except (KafkaError, OSError, TimeoutError) as error:
        report(f"Kafka gave no usable answer: {describe(error)}.")
        return None


async def _of_database(settings: Settings) -> Figures | None:
    url = settings.database()
    try:
        reason = await database_problem(url)
        if reason is None:
            connection = await database_figures.connect(url)
            try:
                return await database_figures.figures(connection)
            finally:
                connection.terminate()
    except UnreachableError as error:
        reason = str(error)
    except StoreError as error:
        reason = str(error)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        reason = describe(error)
    report(f"PostgreSQL can't be queried: {reason}")
    return None


def document(group: str, lag: GroupLag | None, figures: Figures | None) -> dict[str, Any]:
    """Return everything as plain JSON values. Ages are in seconds; None means unknown."""
    return {
        "group": group,
        "members": None if lag is None else lag.members,
        "partitions": None if lag is None else [_partition(one, lag.at) for one in lag.partitions],
        "database": None if figures is None else _figures(figures),
    }


def _partition(one: PartitionLag, now: float) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "partition": one.partition,
        "begin": one.begin,
        "committed": one.committed,
        "stable": one.stable,
        "end": one.end,
        "messages": one.messages,
        "seconds": one.seconds(now),
        "held_back": one.held_back,
        "lost": one.is_lost,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    totals = figures.totals
    at, watermark = totals["at"], totals["watermark"]
    return {
        "watermark": None if watermark is None else watermark.isoformat(),
        "watermark_seconds": _age(at, watermark),
        "watermark_held_by": furthest_behind(figures),
        "unpublished": {str(row["lane"]): row["unpublished"] for row in figures.lanes},
        "oldest_unpublished_seconds": {str(row["lane"]): _age(at, row["oldest_at"]) or 0.0 for row in figures.lanes},
        "deadlines_due": totals["due"],
        "deadlines_overdue": totals["overdue"],
        "deadlines_overdue_seconds": _age(at, totals["overdue_since"]) or 0.0,
        "stuck": totals["stuck"],
        "held": totals["held"],
        "quarantine": dict(sorted((row["reason"], row["open"]) for row in figures.quarantine)),
        "open_breakers": _open_topics(figures),
        "pauses": _paused_lanes(figures),
    }


def _open_topics(figures: Figures) -> list[str]:
    return sorted(row["topic"] for row in figures.open_breakers)


def _paused_lanes(figures: Figures) -> list[int]:
    return sorted(row["lane"] for row in figures.pauses)


def _age(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (now - then).total_seconds())


def table(lag: GroupLag | None, figures: Figures | None) -> list[str]:
    """Return everything as lines for people, money first."""
    lines = []
    if figures is not None:
        lines += _in_words(figures)
    if lag is not None:
        members = "unknown" if lag.members is None else lag.members
        lines += [f"workers in the group    {members}", ""]
        lines.append(f"{'TOPIC':42} {'PARTITION':>9} {'COMMITTED':>12} {'END':>12} {'MESSAGES':>9} {'SECONDS':>9}")
        lines += [_row(one, lag.at) for one in lag.partitions]
        lines.append(f"{'total':42} {'':9} {'':12} {'':12} {sum(one.messages for one in lag.partitions):9}")
    return lines


def _row(one: PartitionLag, now: float) -> str:
    seconds = one.seconds(now)
    age = "?" if seconds is None else f"{seconds:.1f}"
    committed = "-" if one.committed is None else one.committed
    more = f"  {one.held_back} held back by an open transaction" if one.held_back else ""
    more += "  its next records are gone" if one.is_lost else ""
    return f"{one.topic:42} {one.partition:9} {committed:>12} {one.end:12} {one.messages:9} {age:>9}{more}"


def _in_words(figures: Figures) -> list[str]:
    totals = figures.totals
    at = totals["at"]
    unpublished = sum(row["unpublished"] for row in figures.lanes)
    oldest = min((row["oldest_at"] for row in figures.lanes if row["oldest_at"] is not None), default=None)
    watermark = _age(at, totals["watermark"])
    read = "unknown for some partition" if watermark is None else f"{watermark:.1f} s ago"
    if held_by := furthest_behind(figures):
        read += f", held by {held_by[0]}, partition {held_by[1]}"
    return [
        f"outputs not published   {unpublished}" + ("" if oldest is None else f", the oldest {_age(at, oldest):.1f} s"),
        f"outbox paused           {', '.join(map(str, _paused_lanes(figures))) or 'no'}",
        f"deadlines not fired     {totals['overdue']} passed by the clock, {totals['due']} of them by the input",
        f"input read up to        {read}",
        f"orders stuck / held     {totals['stuck']} / {totals['held']}",
        f"records in quarantine   {sum(row['open'] for row in figures.quarantine)}",
        f"breakers open           {', '.join(_open_topics(figures)) or 'none'}",
    ]
