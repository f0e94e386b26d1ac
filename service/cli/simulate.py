"""Print what the service would publish for the events in a file. Needs no broker and no database.

It reads a case document, a JSON array or JSON lines of CloudEvents from PATH, or from standard input (-). It prints one
CloudEvent per line, in order. Its clock is virtual: the latest event time seen so far. Deadlines fire as the clock
passes them; after the last event the clock goes on to --until. So no event is ahead of this clock, and none is
quarantined for its time. stderr names the first event that is dated more than an hour after --until.

Exit code: 0 done; 2 the input or an option can't be read; 3 done, but some events were bad (stderr names each, and its
notice is printed); 4 done, but the rules failed on an order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from purchasing_contracts.base import instant_of, text_of

from service.orders.engine import FUTURE_TOLERANCE
from service.rules.facts import instant
from service.rules.terms import TERMS_OF_THE_AGREEMENT, TermsBook
from service.runtime.exit_codes import ExitCode
from service.simulate.input import Input, InputError, read_input
from service.simulate.simulation import Simulation
from service.terms.files import TermsError, check_against_platform, read_terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from service.orders.batch_result import BatchResult

EXAMPLES = (
    ("Print what would be published for a case document", "simulate case.json"),
    ("Let deadlines pass after the last event", "simulate case.json --until 2027-01-01T00:00:00Z"),
    ("Read events from another program", "simulate - < events.jsonl"),
    ("Apply other terms", "simulate case.json --terms terms.toml"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `simulate`."""
    parser.add_argument("path", metavar="PATH", help="the file with the events; -: standard input")
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=_instant,
        help="where the clock ends (RFC 3339); a case document may have its own",
    )
    parser.add_argument("--terms", metavar="FILE", type=Path, help="the terms in force; default: the agreement's")


def run(arguments: argparse.Namespace) -> int:
    """Simulate; return the exit code."""
    try:
        events = read_input(_read(arguments.path))
        until = arguments.until or (instant_of(events.until) if events.until else None)
        terms = _terms(arguments.terms)
    except (InputError, TermsError, ValueError) as error:
        sys.stderr.write(f"simulate: {error}\n")
        return ExitCode.USAGE
    except OSError as error:
        sys.stderr.write(f"simulate: {error.filename or arguments.path} can't be read: {error.strerror}\n")
        return ExitCode.USAGE
    return asyncio.run(_simulate(events, until, terms))


async def _simulate(events: Input, until: datetime | None, terms: TermsBook) -> int:
    simulation = Simulation(terms)
    codes = {ExitCode.DONE}
    ahead = False
    for item in events.events:
        codes.add(await _print(simulation.receive(item.value), item.where))
        seen = instant(simulation.seen)
        if until is not None and not ahead and seen > until + FUTURE_TOLERANCE:
            ahead = True
            sys.stderr.write(
                f"simulate: {item.where} is dated {text_of(seen)}, after the end of the simulation, {text_of(until)}; "
                "a running service would quarantine it at that time (in_the_future)\n"
            )
    if until is not None and until < instant(simulation.seen):
        sys.stderr.write("simulate: some events are after --until; the clock ends with the last event\n")
    rest = simulation.end() if until is None else simulation.go_on(until)
    codes.add(await _print(rest, "the end"))
    sys.stdout.flush()
    return max(codes)


async def _print(steps: AsyncIterator[BatchResult], where: str) -> ExitCode:
    """Write outputs to stdout and errors, without content, to stderr; return the exit code."""
    code = ExitCode.DONE
    async for handled in steps:
        for written in handled.outputs:
            sys.stdout.buffer.write(written.output.value + b"\n")
        for _, refusal in handled.quarantined:
            place = refusal.place or "the event as a whole"
            sys.stderr.write(f"simulate: {where} is quarantined: {refusal.reason}, {place}: {refusal.because}\n")
            code = max(code, ExitCode.CHECK)
        for order_id, error, places in handled.stuck:
            sys.stderr.write(f"simulate: {where}: the rules failed on order {order_id}: {error} at {places[-1]}\n")
            code = max(code, ExitCode.CHECK_RULES)
    return code


def _read(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()


def _instant(text: str) -> datetime:
    try:
        return instant_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _terms(path: Path | None) -> TermsBook:
    if path is None:
        return TERMS_OF_THE_AGREEMENT
    book = TermsBook(tuple(declared.terms for declared in read_terms(path)))
    check_against_platform(book)
    return book
