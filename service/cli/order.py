"""List halted and waiting orders; hold, release or retry an order.

    order list              orders that publish nothing: held by an operator, or stuck because the rules failed on them
    order waiting           what orders wait for, from whom, until when and for how much money; the longest wait first
    order hold ORDER        the order stores facts and decides nothing; outputs decided before still go out
    order release ORDER     assess the order again; its money ends as if it had not been held
    order retry ORDER       assess a stuck order again, after the rules were fixed (--all: every stuck order)

Exit code of `retry`: 3 if an order is still stuck. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from purchasing_contracts.base import text_of

from service.cli.arguments import add_who, report
from service.cli.unknown_order import report_unknown
from service.observability.database_figures import OrderWait, order_waits
from service.operations.acts.retry import retry
from service.operations.wording import amount_in_words
from service.orders.operator_actions import Intervention
from service.orders.operator_engine import operator_engine
from service.rules.waits import WAIT_KINDS
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.operators.holds import Halted, halt_of, halted, hold
from service.store.timeline import Timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    import asyncpg

PAGE = 500
_PARTIES = tuple(dict.fromkeys(party for kind in WAIT_KINDS.values() for party in kind.of.split(", ")))

EXAMPLES = (
    ("List the orders that publish nothing", "order list"),
    ("List what is overdue from sellers", "order waiting --from seller --overdue"),
    ("Stop deciding about an order", 'order hold ord-1 --why "the buyer disputes the receipt"'),
    ("Decide about it again", "order release ord-1"),
    ("Assess every stuck order again", "order retry --all"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `order`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = below.add_parser("list", help="list halted orders")
    waiting = below.add_parser("waiting", help="list what orders wait for")
    waiting.add_argument(
        "--what", dest="waits_for", metavar="WHAT", choices=WAIT_KINDS, help=f"only {', '.join(WAIT_KINDS)}"
    )
    waiting.add_argument(
        "--from", dest="waits_of", metavar="WHOM", choices=_PARTIES, help=f"only from {', '.join(_PARTIES)}"
    )
    waiting.add_argument("--overdue", action="store_true", help="only waits of which the last instant has passed")
    for one in (listing, waiting):
        one.add_argument("--json", action="store_true", help="print one JSON object per line")
    for name, text in (
        ("hold", "stop deciding about an order"),
        ("release", "continue a held order"),
        ("retry", "assess it again"),
    ):
        one = below.add_parser(name, help=text)
        if name == "retry":
            which = one.add_mutually_exclusive_group(required=True)
            which.add_argument("order", metavar="ORDER", nargs="?")
            which.add_argument("--all", action="store_true", help="every stuck order")
        else:
            one.add_argument("order", metavar="ORDER")
        add_who(one, why_required=name == "hold")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises SettingsError, StoreUnavailableError, SchemaError."""
    does = {"list": _list, "waiting": _waiting, "hold": _hold, "release": _release, "retry": _retry}[arguments.what]
    return asyncio.run(does(arguments, database_of_environment()))


async def _list(arguments: argparse.Namespace, url: str) -> int:
    shown = 0
    async with connected(url) as connection:
        async for row in _all_halted(connection):
            shown += 1
            held = None if row.held_at is None else text_of(row.held_at)
            words = [f"held since {held}"] if held else []
            words += [f"stuck: {row.stuck}"] if row.stuck else []
            document = json.dumps({"order_id": row.order_id, "held_at": held, "stuck": row.stuck})
            sys.stdout.write((document if arguments.json else f"{row.order_id}  {', '.join(words)}") + "\n")
    report(f"{shown} orders publish nothing." if shown else "No order is halted or stuck.")
    return ExitCode.DONE


async def _waiting(arguments: argparse.Namespace, url: str) -> int:
    shown = 0
    kinds = [
        what
        for what, kind in WAIT_KINDS.items()
        if arguments.waits_for in (None, what)
        and (arguments.waits_of is None or arguments.waits_of in kind.of.split(", "))
    ]
    async with connected(url) as connection, translated():
        async for wait in order_waits(connection, kinds, only_overdue=arguments.overdue):
            shown += 1
            sys.stdout.write((json.dumps(_document(wait)) if arguments.json else _line(wait)) + "\n")
    report(f"Waits: {shown}.")
    return ExitCode.DONE


def _document(wait: OrderWait) -> dict[str, object]:
    kind = WAIT_KINDS[wait.what]
    amount = None if wait.amount is None else {"currency": wait.currency, "value": wait.amount}
    return {
        "order_id": wait.order_id,
        "row": kind.row,
        "what": wait.what,
        "ref": wait.ref,
        "from": kind.of,
        "since": text_of(wait.since),
        "until": None if wait.until is None else text_of(wait.until),
        "overdue": wait.is_overdue,
        "amount": amount,
    }


def _line(wait: OrderWait) -> str:
    words = f"{wait.order_id}  {wait.what} {wait.ref}".rstrip() + f" from {WAIT_KINDS[wait.what].of}"
    if wait.amount is not None:
        words += f", {amount_in_words(wait.amount, wait.currency)}"
    words += f", since {text_of(wait.since)}"
    if wait.until is not None:
        words += f", {'overdue since' if wait.is_overdue else 'until'} {text_of(wait.until)}"
    return words


async def _hold(arguments: argparse.Namespace, url: str) -> int:
    async with connected(url) as connection, translated():
        if await halt_of(connection, arguments.order) is None:
            return await report_unknown(connection, arguments.order)
        new = await hold(connection, arguments.order, arguments.by, arguments.why)
    report("Halted. Outputs that were decided before still go out." if new else "The order is halted already.")
    return ExitCode.DONE


async def _release(arguments: argparse.Namespace, url: str) -> int:
    timeline = Timeline()
    async with connected(url, timeline) as connection, translated():
        if await halt_of(connection, arguments.order) is None:
            return await report_unknown(connection, arguments.order)
    async with operator_engine(url, timeline) as (engine, _):
        handled = await engine.intervene(Intervention(arguments.by, arguments.why, release=(arguments.order,)))
    if not handled.released:
        report("The order is not halted: nothing to do.")
        return ExitCode.DONE
    report(f"Released: {len(handled.outputs)} outputs.")
    for stuck in handled.stuck:
        report(f"The rules fail on the order: {stuck.error}. It is stuck.")
    return ExitCode.CHECK if handled.stuck else ExitCode.DONE


async def _retry(arguments: argparse.Namespace, url: str) -> int:
    still = tried = 0
    timeline = Timeline()
    async with connected(url, timeline) as connection, operator_engine(url, timeline) as (engine, _):
        if arguments.all:
            orders = [row.order_id async for row in _all_halted(connection) if row.stuck is not None]
        else:
            async with translated():
                row = await halt_of(connection, arguments.order)
            if row is None:
                return await report_unknown(connection, arguments.order)
            if row.held_at is not None:
                report("The order is halted: release it with `order release`.")
                return ExitCode.NOT_DONE
            orders = [arguments.order]
        for order_id in orders:
            # One order at a time: each has its own outcome, and a fault of one does not hold up the others.
            handled, outcome = await retry(connection, engine, order_id, arguments.by, arguments.why)
            tried, still = tried + 1, still + bool(handled.stuck)
            report(f"{tried} of {len(orders)}: {order_id} {outcome}, {len(handled.outputs)} outputs.")
    if not orders:
        report("No order is stuck.")
    return ExitCode.CHECK if still else ExitCode.DONE


async def _all_halted(connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[Halted]:
    after = ""
    while True:
        async with translated():
            rows = await halted(connection, after, PAGE)
        if not rows:
            return
        for row in rows:
            yield row
        after = rows[-1].order_id
