"""Say what would be published for the events in a file, without a broker and a database.

Reads a case document, a JSON array or JSON lines of CloudEvents, from PATH or from the standard input (-). Writes what
would be published, one CloudEvent a line, in order. The clock is virtual: the latest event time seen so far; deadlines
fire as it passes them, and in the end it goes on to --until. So no event is ever ahead of it: what a running service
would quarantined because it can't have happened yet is taken, at its own time. The first that is dated more than an
hour after --until is told on stderr.

Exit code: 0 done; 2 the input or an option can't be read; 3 done, but some events were bad (each is told on stderr, and
its notice is among the output); 4 done, but the rules failed on an order.
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


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `simulate`."""
    parser.add_argument("path", metavar="PATH", help="the file with the events, or - for the standard input")
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=_instant,
        help="how far the clock goes on in the end (RFC 3339); a case document may name its own",
    )
    parser.add_argument(
        "--terms", metavar="FILE", type=Path, help="the terms in force, instead of those of the agreement"
    )


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
        codes.add(await _say(simulation.hear(item.value), item.where))
        seen = instant(simulation.seen)
        if until is not None and not ahead and seen > until + FUTURE_TOLERANCE:
            ahead = True
            sys.stderr.write(
                f"simulate: {item.where} is dated {text_of(seen)}, after {text_of(until)}, where the simulation was to "
                "end; a running service that hears it by then quarantines it (in_the_future)\n"
            )
    if until is not None and until < instant(simulation.seen):
        sys.stderr.write("simulate: the events go on behind --until; the clock ends with the last of them\n")
    rest = simulation.end() if until is None else simulation.go_on(until)
    codes.add(await _say(rest, "the end"))
    sys.stdout.flush()
    return max(codes)


async def _say(steps: AsyncIterator[BatchResult], where: str) -> ExitCode:
    """Write what was published to stdout and what went wrong to stderr, without content; return the exit code."""
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
