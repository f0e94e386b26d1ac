"""List, show, replay and drop records that break the contract.

    quarantine list                       list the records, never their content
    quarantine show RECORD                show one record: the reason, and what was done about it. --content prints
                                          its value byte for byte (--json: key and headers too); the database
                                          notes who looked
    quarantine replay RECORD... | FILTER  handle records again, unchanged or repaired
    quarantine drop RECORD... | FILTER    declare records void

A RECORD is TOPIC/PARTITION/OFFSET, as in the list and in the notice. A replay keeps the identity of its record, so a
second replay has no effect, and the money ends as if the message had been right from the start. A record that still
breaks the contract stays in quarantine with its new reason.

While a record is in quarantine, no deposit is taken for any order whose id can be read from it, however garbled.
`list --order` finds all such records. `replay --order` and `drop --order` take only records whose key or subject is
exactly this id. Replay a record `in_the_future` after its time has come.

Exit code: 3 if a record was refused again. Needs no broker. Reads PURCHASING_DATABASE_URL and
PURCHASING_FUTURE_TOLERANCE_SECONDS.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import text_of

from service.cli.arguments import add_who, record, report, time
from service.operations.quarantine.lookup import QuarantineError, one_record
from service.operations.quarantine.resolution import UNREPAIRED, QuarantineOutcome, Repair, drop, replay
from service.orders.operator_actions import Intervention
from service.orders.operator_engine import operator_engine
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment, future_tolerance_of_environment
from service.store.connection import connected
from service.store.operators.quarantine import QuarantinedRecord, QuarantineFilter, actions, contents, count, note, page
from service.store.rows import QuarantineAction
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import AsyncIterator

    import asyncpg

    from service.orders.engine import Engine

LIST_AT_ONCE = 1_000

EXAMPLES = (
    ("List the open records that break a schema", "quarantine list --reason schema"),
    ("Show the reason for one record", "quarantine show purchasing.events.payment.v1/3/1042"),
    ("Handle the records again of a type that this version knows", "quarantine replay --reason unknown_type"),
    (
        "Handle one record with a repaired value",
        "quarantine replay purchasing.events.payment.v1/3/1042 --value repaired.json",
    ),
    ("Declare a record void", 'quarantine drop purchasing.events.payment.v1/3/1042 --why "a test of the sender"'),
)


def add(parser: ArgumentParser) -> None:
    """Declare the arguments of `quarantine`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = below.add_parser("list", help="list quarantined records")
    _add_filter(listing)
    state = listing.add_mutually_exclusive_group()
    state.add_argument("--resolved", action="store_true", help="list resolved records instead")
    state.add_argument("--everything", action="store_true", help="list open and resolved records")
    showing = below.add_parser("show", help="show one record")
    showing.add_argument("record", type=record, metavar="RECORD")
    showing.add_argument(
        "--content", action="store_true", help="print its content, private members too; the database notes who looked"
    )
    add_who(showing)
    for name, text in (("replay", "handle records again"), ("drop", "declare records void")):
        one = below.add_parser(name, help=text)
        one.add_argument("record", type=record, nargs="*", metavar="RECORD")
        _add_filter(one)
        one.add_argument("--all", action="store_true", help="all open records; only without a filter")
        add_who(one, why_required=name == "drop")
        if name == "replay":
            one.add_argument(
                "--value", type=Path, metavar="FILE", help="the repaired value of one record; -: standard input"
            )
            one.add_argument("--key", help="the repaired key of one record")
            one.add_argument("--without-headers", action="store_true", help="leave out headers that break the contract")
    for one in below.choices.values():
        one.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_filter(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", help="only records with this reason, such as schema or unknown_type")
    parser.add_argument("--topic", help="only records of this topic")
    parser.add_argument("--type", help="only records of this CloudEvents type")
    parser.add_argument("--order", metavar="ORDER", help="only records of this order; `list` also finds garbled ids")
    parser.add_argument("--since", type=time, metavar="TIME", help="quarantined at this time or later")
    parser.add_argument("--until", type=time, metavar="TIME", help="quarantined before this time")


def run(arguments: Namespace) -> int:
    """Run the subcommand. Raises QuarantineError, SettingsError, StoreUnavailableError, SchemaError."""
    does = {"list": _list, "show": _show, "replay": _replay, "drop": _drop}[arguments.what]
    return asyncio.run(does(arguments, database_of_environment()))


def meant_records(arguments: Namespace) -> QuarantineFilter:
    """Return the filter for a command's records. Raises QuarantineError if it names none."""
    which = QuarantineFilter(
        places=tuple(getattr(arguments, "record", ())),
        reason=arguments.reason,
        topic=arguments.topic,
        type=arguments.type,
        order_id=arguments.order,
        since=arguments.since,
        until=arguments.until,
        # Records that only might belong to the order are listed; replay and drop need their names.
        exactly=arguments.what != "list",
    )
    if arguments.what != "list" and which == QuarantineFilter(exactly=True) and not arguments.all:
        raise QuarantineError("Say which records: by name, by a filter, or --all for all open records.")
    if arguments.what == "list" and (arguments.resolved or arguments.everything):
        return which._replace(resolved=None if arguments.everything else True)
    return which


async def _list(arguments: Namespace, url: str) -> int:
    which, shown, after = meant_records(arguments), 0, None
    async with connected(url) as connection:
        while rows := await page(connection, which, after, LIST_AT_ONCE):
            for row in rows:
                sys.stdout.write((json.dumps(_plain(row)) if arguments.json else _line(row)) + "\n")
            shown, after = shown + len(rows), rows[-1].identity
    report(f"{shown} records.")
    return ExitCode.DONE


async def _show(arguments: Namespace, url: str) -> int:
    async with connected(url) as connection:
        row = await one_record(connection, arguments.record)
        document: dict[str, Any] = {
            **_plain(row),
            "actions": [
                {"at": text_of(one.at), "by": one.by, "what": one.what, "outcome": one.outcome, "why": one.why}
                for one in await actions(connection, row.identity)
            ],
        }
        value = None
        if arguments.content:
            if row.erased_at is not None:
                raise QuarantineError(f"The content of {row.name} was erased {text_of(row.erased_at)}.")
            # Note it first, so that nobody looks without a trace.
            await note(connection, [QuarantineAction(row.identity, "show", "shown", arguments.by, arguments.why)])
            content = (await contents(connection, [row.identity]))[row.identity]
            value = content.value or b""
            headers = [[name, _base64(data)] for name, data in content.headers]
            document["content"] = {"key": _base64(content.key), "value": _base64(content.value), "headers": headers}
    if arguments.json:
        sys.stdout.write(json.dumps(document) + "\n")
    elif value is not None:
        # Byte for byte, so that it can be saved in a file, repaired and replayed.
        sys.stdout.buffer.write(value)
        sys.stdout.flush()
    else:
        sys.stdout.write(_line(row) + "\n")
        for one in document["actions"]:
            why = f": {one['why']}" if one["why"] else ""
            sys.stdout.write(f"  {one['at']}  {one['what']} by {one['by']}: {one['outcome']}{why}\n")
    return ExitCode.DONE


async def _replay(arguments: Namespace, url: str) -> int:
    which, repair = meant_records(arguments), _repair(arguments)
    async with _engine_for_operator(url) as (connection, engine):
        if repair != UNREPAIRED:
            if len(which.places) != 1:
                raise QuarantineError("--value, --key and --without-headers repair one record: name exactly one.")
            await one_record(connection, which.places[0])
        by = Intervention(arguments.by, arguments.why)
        return await _report(arguments, connection, which, replay(connection, engine, which, by, repair))


async def _drop(arguments: Namespace, url: str) -> int:
    which = meant_records(arguments)
    async with _engine_for_operator(url) as (connection, engine):
        by = Intervention(arguments.by, arguments.why)
        return await _report(arguments, connection, which, drop(connection, engine, which, by))


async def _report(
    arguments: Namespace,
    connection: asyncpg.Connection[asyncpg.Record],
    which: QuarantineFilter,
    pages: AsyncIterator[list[QuarantineOutcome]],
) -> int:
    """Print the outcomes and the progress. Raises QuarantineError if a named record does not exist."""
    for place in which.places:
        await one_record(connection, place)
    total, seen = await count(connection, which), 0
    outcomes = {"resolved": 0, "refused": 0, "erased": 0, "known": 0}
    async for done in pages:
        for one in done:
            outcomes[one.outcome] += 1
            if arguments.json:
                sys.stdout.write(json.dumps(_plain_outcome(one)) + "\n")
            elif one.because:
                sys.stdout.write(f"{one.record.name}  {one.reason or ''} {one.place or ''}: {one.because}\n")
        seen += len(done)
        counts = ", ".join(f"{number} {_OUTCOMES_IN_WORDS[outcome]}" for outcome, number in outcomes.items() if number)
        report(f"{seen} of {total}: {counts}.")
    if not total:
        report("No such record is open in quarantine: nothing to do.")
    return ExitCode.CHECK if outcomes["refused"] or outcomes["erased"] else ExitCode.DONE


_OUTCOMES_IN_WORDS = {
    "resolved": "resolved",
    "refused": "refused again",
    "erased": "erased",
    "known": "resolved by somebody else",
}


def _repair(arguments: Namespace) -> Repair:
    value = None
    if arguments.value is not None:
        try:
            value = sys.stdin.buffer.read() if str(arguments.value) == "-" else arguments.value.read_bytes()
        except OSError as error:
            raise QuarantineError(f"{arguments.value} can't be read: {error.strerror}.") from None
    key = None if arguments.key is None else arguments.key.encode("utf-8", "surrogateescape")
    return Repair(value, key, arguments.without_headers)


@asynccontextmanager
async def _engine_for_operator(url: str) -> AsyncIterator[tuple[asyncpg.Connection[asyncpg.Record], Engine]]:
    timeline, tolerance = Timeline(), future_tolerance_of_environment()
    async with connected(url, timeline) as connection, operator_engine(url, timeline, tolerance) as (engine, _):
        yield connection, engine


def _plain(row: QuarantinedRecord) -> dict[str, Any]:
    return {
        "record": row.name,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "digest": row.digest.hex(),
        "sha256": row.sha256.hex(),
        "reason": row.reason,
        "place": row.place,
        "size": row.size,
        "order_id": row.order_id,
        "holds_up": list(row.holds_up),
        "type": row.type,
        "at": text_of(row.at),
        "resolved_at": None if row.resolved_at is None else text_of(row.resolved_at),
        "resolution": row.resolution,
        "erased_at": None if row.erased_at is None else text_of(row.erased_at),
    }


def _plain_outcome(one: QuarantineOutcome) -> dict[str, Any]:
    return {
        "record": one.record.name,
        "outcome": one.outcome,
        "reason": one.reason,
        "place": one.place,
        "because": one.because,
    }


def _line(row: QuarantinedRecord) -> str:
    about = [f"order {row.order_id}" if row.order_id else "order unreadable"]
    others = [one for one in row.holds_up if one != row.order_id]
    about += [f"holds up {' and '.join(others)}"] if others else []
    about.append(row.type or "type unknown")
    ends = [f"{row.resolution} {text_of(row.resolved_at)}"] if row.resolved_at else []
    ends += [f"erased {text_of(row.erased_at)}"] if row.erased_at else []
    words = [f"{row.reason} {row.place}".rstrip(), *about, f"{row.size} bytes", f"quarantined {text_of(row.at)}", *ends]
    return f"{row.name}  " + ", ".join(words)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
