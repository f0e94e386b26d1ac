"""Records that break the contract: list, show, replay, drop.

    quarantine list                       what lies there, never its content
    quarantine show RECORD                about one record: why, and what was done; with --content its value, byte
                                          for byte (--json: key and headers too). Whoever looks is noted
    quarantine replay RECORD... | FILTER  puts them through the door again, as they are or repaired
    quarantine drop RECORD... | FILTER    deals with them without replaying them

A RECORD is TOPIC/PARTITION/OFFSET, as the list and the notice say it. A replay has the identity of its record, so doing
it twice does nothing twice, and the money ends as if the message had been right at once, however late. What breaks the
contract still stays, with the new reason. While a record lies there, no deposit is taken for any order whose id can be
read out of it, however garbled; `list --order` has all of these records, `replay --order` and `drop --order` only those
whose key or subject is this very id. A record `in_the_future` is replayed once its time has come. Needs no broker. Exit
code 3: some were refused again. Reads PURCHASING_DATABASE_URL and PURCHASING_FUTURE_TOLERANCE_SECONDS.
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

from service.cli.arguments import add_who, record, tell, time
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


def add(parser: ArgumentParser) -> None:
    """Declare the arguments of `quarantine`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = below.add_parser("list", help="what lies there")
    _add_filter(listing)
    state = listing.add_mutually_exclusive_group()
    state.add_argument("--resolved", action="store_true", help="what was dealt with instead")
    state.add_argument("--everything", action="store_true", help="both")
    showing = below.add_parser("show", help="about one record")
    showing.add_argument("record", type=record, metavar="RECORD")
    showing.add_argument("--content", action="store_true", help="what is in it, private members too; noted")
    add_who(showing)
    for name, text in (("replay", "through the door again"), ("drop", "deal with them without replaying")):
        one = below.add_parser(name, help=text)
        one.add_argument("record", type=record, nargs="*", metavar="RECORD")
        _add_filter(one)
        one.add_argument("--all", action="store_true", help="everything that lies there, where no filter is given")
        add_who(one, why_required=name == "drop")
        if name == "replay":
            one.add_argument("--value", type=Path, metavar="FILE", help="the repaired value of one record; -: stdin")
            one.add_argument("--key", help="the repaired key of one record")
            one.add_argument("--without-headers", action="store_true", help="where headers are what is broken")
    for one in below.choices.values():
        one.add_argument("--json", action="store_true", help="for programs: an object a line")


def _add_filter(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", help="such as schema or unknown_type")
    parser.add_argument("--topic")
    parser.add_argument("--type", help="the CloudEvents type")
    parser.add_argument("--order", metavar="ORDER", help="list: also where the id is garbled; else this very id")
    parser.add_argument("--since", type=time, metavar="TIME", help="quarantined at this time or later")
    parser.add_argument("--until", type=time, metavar="TIME", help="quarantined before this time")


def run(arguments: Namespace) -> int:
    """Do one of them. Raises QuarantineError, SettingsError, StoreUnavailableError, SchemaError."""
    does = {"list": _list, "show": _show, "replay": _replay, "drop": _drop}[arguments.what]
    return asyncio.run(does(arguments, database_of_environment()))


def meant_records(arguments: Namespace) -> QuarantineFilter:
    """Return which records a command is about. Raises QuarantineError where it doesn't say."""
    which = QuarantineFilter(
        places=tuple(getattr(arguments, "record", ())),
        reason=arguments.reason,
        topic=arguments.topic,
        type=arguments.type,
        order_id=arguments.order,
        since=arguments.since,
        until=arguments.until,
        # What only might be the order's is listed, and dealt with by name.
        exactly=arguments.what != "list",
    )
    if arguments.what != "list" and which == QuarantineFilter(exactly=True) and not arguments.all:
        raise QuarantineError("Say which records: by name, by a filter, or --all for everything that lies there.")
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
    tell(f"{shown} records.")
    return ExitCode.DONE


async def _show(arguments: Namespace, url: str) -> int:
    async with connected(url) as connection:
        row = await one_record(connection, arguments.record)
        told: dict[str, Any] = {
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
            # Noted first: nobody looks without a trace.
            await note(connection, [QuarantineAction(row.identity, "show", "shown", arguments.by, arguments.why)])
            content = (await contents(connection, [row.identity]))[row.identity]
            value = content.value or b""
            headers = [[name, _base64(data)] for name, data in content.headers]
            told["content"] = {"key": _base64(content.key), "value": _base64(content.value), "headers": headers}
    if arguments.json:
        sys.stdout.write(json.dumps(told) + "\n")
    elif value is not None:
        # As it is, so that it can be kept in a file, mended and replayed.
        sys.stdout.buffer.write(value)
        sys.stdout.flush()
    else:
        sys.stdout.write(_line(row) + "\n")
        for one in told["actions"]:
            why = f": {one['why']}" if one["why"] else ""
            sys.stdout.write(f"  {one['at']}  {one['what']} by {one['by']}: {one['outcome']}{why}\n")
    return ExitCode.DONE


async def _replay(arguments: Namespace, url: str) -> int:
    which, repair = meant_records(arguments), _repair(arguments)
    async with _at_the_door(url) as (connection, engine):
        if repair != UNREPAIRED:
            if len(which.places) != 1:
                raise QuarantineError("--value, --key and --without-headers repair one record: name it.")
            await one_record(connection, which.places[0])
        by = Intervention(arguments.by, arguments.why)
        return await _go_through(arguments, connection, which, replay(connection, engine, which, by, repair))


async def _drop(arguments: Namespace, url: str) -> int:
    which = meant_records(arguments)
    async with _at_the_door(url) as (connection, engine):
        by = Intervention(arguments.by, arguments.why)
        return await _go_through(arguments, connection, which, drop(connection, engine, which, by))


async def _go_through(
    arguments: Namespace,
    connection: asyncpg.Connection[asyncpg.Record],
    which: QuarantineFilter,
    pages: AsyncIterator[list[QuarantineOutcome]],
) -> int:
    """Say what becomes of the records, and how far it is. Exit code 1 where a record named is nowhere."""
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
        said = ", ".join(f"{number} {_SAID[outcome]}" for outcome, number in outcomes.items() if number)
        tell(f"{seen} of {total}: {said}.")
    if not total:
        tell("Nothing lies there that is meant: nothing to do.")
    return ExitCode.CHECK if outcomes["refused"] or outcomes["erased"] else ExitCode.DONE


_SAID = {
    "resolved": "dealt with",
    "refused": "refused again",
    "erased": "erased",
    "known": "dealt with by somebody else",
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
async def _at_the_door(url: str) -> AsyncIterator[tuple[asyncpg.Connection[asyncpg.Record], Engine]]:
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
    about = [f"order {row.order_id}" if row.order_id else "no order that could be read"]
    others = [one for one in row.holds_up if one != row.order_id]
    about += [f"holds up {' and '.join(others)}"] if others else []
    about.append(row.type or "no known type")
    ends = [f"{row.resolution} {text_of(row.resolved_at)}"] if row.resolved_at else []
    ends += [f"erased {text_of(row.erased_at)}"] if row.erased_at else []
    words = [f"{row.reason} {row.place}".rstrip(), *about, f"{row.size} bytes", f"quarantined {text_of(row.at)}", *ends]
    return f"{row.name}  " + ", ".join(words)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
