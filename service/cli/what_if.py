"""Apply the rules to recorded facts: with other terms, or before a release.

    what-if --terms FILE    show what would be due under these terms, per provider and line, and the orders that differ
                            most. The file's sets replace the provider's from its first `effective_from` on
    what-if                 the release check: show what the installed rules would publish beyond the journals. Read the
                            list before you deploy; exit code 4 if it is not empty

It only reads, in short transactions, beside a running service. Data goes to stdout, progress to stderr.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from purchasing_contracts.base import instant_of, text_of

from service.cli.unknown_order import report_unknown
from service.operations.what_if import Difference, TermsComparison, other_book, unpublished
from service.operations.wording import amount_in_words, basis_in_words, output_in_words
from service.rules.facts import instant
from service.rules.terms import TermsBook
from service.runtime.errors import catch_unexpected, describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.driver_errors import translated
from service.store.order_history import HistoryFilter, OrderHistories, OrderHistory, open_histories
from service.terms.files import TermsError, read_terms
from service.terms.table import read_book

TOP = 20

EXAMPLES = (
    ("Show what other terms would change", "what-if --terms terms.toml --since 2026-03-01T00:00:00Z"),
    ("Show it for one order", "what-if --terms terms.toml --order ord-1"),
    ("Before a release: show what it would publish beyond the journals", "what-if"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `what-if`."""
    parser.add_argument("--terms", type=Path, metavar="FILE", help="other terms; without it: the release check")
    parser.add_argument("--order", metavar="ID", help="only this order")
    parser.add_argument("--provider", metavar="ID", help="only orders of this provider")
    parser.add_argument("--since", type=_time, metavar="TIME", help="only orders with a fact at or after it")
    parser.add_argument("--until", type=_time, metavar="TIME", help="only orders with a fact before it")
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"how many orders to list; default {TOP}")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line; amounts in minor units")


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Raises TermsError, SettingsError, StoreUnavailableError."""
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    which = HistoryFilter(arguments.order, arguments.since, arguments.until)
    declared = None if arguments.terms is None else _sets(arguments.terms)
    async with open_histories(database_of_environment()) as histories:
        async with translated():
            book = await read_book(histories.connection)
        if declared is None:
            return await _release_check(arguments, histories, which, book)
        clock = await histories.clock()
        after = other_book(book, declared)
        comparison = TermsComparison(book, after, clock, top=arguments.top, provider=arguments.provider)
        async for page in _with_progress(histories, which):
            comparison.add(page)
    lines = _as_json(comparison.found) if arguments.json else _as_text(comparison.found)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return ExitCode.DONE


def _sets(path: Path) -> list[Any]:
    try:
        return [one.terms for one in read_terms(path)]
    except OSError as error:
        raise TermsError(f"{path} can't be read: {error.strerror}.") from None


async def _with_progress(histories: OrderHistories, which: HistoryFilter) -> AsyncIterator[list[OrderHistory]]:
    about, done = await histories.count(), 0
    async for page in histories.all(which):
        yield page
        done += len(page)
        sys.stderr.write(f"{done} orders of about {max(about, done)}\n")


async def _release_check(
    arguments: argparse.Namespace, histories: OrderHistories, which: HistoryFilter, book: TermsBook
) -> int:
    different = failed = checked = held = 0
    async for page in _with_progress(histories, which):
        clock = await histories.clock()
        for history in page:
            if history.held:
                held += 1
                continue
            errors: list[Exception] = []
            outputs: Any = None
            with catch_unexpected(errors.append):
                outputs = unpublished(history, book, clock)
            wanted = [o for o in outputs or () if arguments.provider in (None, o.data.provider_id)]
            checked += 1
            if outputs is None:
                failed += 1
                why = describe(errors[0]) if errors else "this version can't read its journals"
                sys.stdout.write(_problem(history.order_id, why, as_json=arguments.json))
            different += bool(wanted)
            for output in wanted:
                sys.stdout.write(_output(output, as_json=arguments.json))
    if which.order_id is not None and not checked + held:
        return await report_unknown(histories.connection, which.order_id)
    left = f" {held} held orders were left out." if held else ""
    sys.stderr.write(f"{checked} orders checked: {different} would publish more, {failed} can't be assessed.{left}\n")
    return ExitCode.CHECK_RULES if different or failed else ExitCode.DONE


def _problem(order_id: str, why: str, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"order_id": order_id, "problem": why}) + "\n"
    return f"{order_id}: can't be assessed: {why}\n"


def _output(output: Any, *, as_json: bool) -> str:
    data = output.data
    if as_json:
        wire = json.loads(data.model_dump_json(exclude_none=True))
        return (
            json.dumps({"id": output.id, "type": data.TYPE, "time": text_of(instant(output.at)), "data": wire}) + "\n"
        )
    return f"{data.order_id}: {output_in_words(data)} (clause {basis_in_words(data.basis)})\n"


def _as_json(found: Difference) -> Iterator[str]:
    summary = {
        "orders": found.orders,
        "facts": found.facts,
        "differing": found.differing,
        "unreadable": found.unreadable,
    }
    yield json.dumps({"kind": "summary", **summary})
    for (provider, currency, line), (before, after) in sorted(found.totals.items()):
        row = {"provider_id": provider, "currency": currency, "line": line, "before": before, "after": after}
        yield json.dumps({"kind": "total", **row})
    for one in found.most:
        lines = {line: {"before": before, "after": after} for line, (before, after) in one.lines.items()}
        order = {"order_id": one.order_id, "provider_id": one.provider_id, "currency": one.currency, "lines": lines}
        yield json.dumps({"kind": "order", **order})


def _as_text(found: Difference) -> Iterator[str]:
    yield f"{found.orders} orders with {found.facts} facts; {found.differing} would end with different money."
    if found.unreadable:
        yield f"{found.unreadable} orders were left out because this version can't read them."
    yield ""
    yield "Due now, and under the other terms, by provider and line:"
    for (provider, currency, line), (before, after) in sorted(found.totals.items()):
        yield f"  {provider}  {line}: {_change(before, after, currency)}"
    if found.most:
        yield ""
        yield "The orders that differ most:"
    for one in found.most:
        changes = "; ".join(f"{line} {_change(*values, one.currency)}" for line, values in one.lines.items())
        yield f"  {one.order_id} ({one.provider_id}): {changes}"


def _change(before: int, after: int, currency: str) -> str:
    more = after - before
    sign = "+" if more > 0 else ""
    was, then = amount_in_words(before, currency), amount_in_words(after, currency)
    return f"{was} → {then} ({sign}{amount_in_words(more, currency)})"


def _time(text: str) -> datetime:
    try:
        return instant_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not an RFC 3339 time such as 2026-05-01T00:00:00Z") from None
