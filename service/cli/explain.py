"""Explain an order: events, decisions with their clauses, money, and what the order waits for.

Reads the journals only. Never shows private members. Reads PURCHASING_DATABASE_URL.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from datetime import datetime

from purchasing_contracts.base import text_of as time_of

from service.cli.unknown_order import report_unknown
from service.operations.explain.explanation import Explanation, explain
from service.operations.explain.text import text_of
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.order_history import open_histories
from service.terms.table import read_book

EXAMPLES = (
    ("Show what happened to an order and why", "explain ord-1"),
    ("Show what it waits for", "explain ord-1 --json | jq .waiting"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `explain`."""
    parser.add_argument("order", metavar="ORDER", help="the order's id")
    parser.add_argument("--json", action="store_true", help="print one JSON object; amounts in minor units")


def run(arguments: argparse.Namespace) -> int:
    """Explain. Exit code 1 for an unknown order. Raises SettingsError, StoreUnavailableError."""
    explanation = asyncio.run(_explanation_of(database_of_environment(), arguments.order))
    if explanation is None:
        return ExitCode.NOT_DONE
    if arguments.json:
        document = asdict(explanation)
        for one in document["waiting"]:
            one["from"] = one.pop("of")
        sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(text_of(explanation)) + "\n")
    return ExitCode.DONE


async def _explanation_of(url: str, order_id: str) -> Explanation | None:
    async with open_histories(url) as histories:
        history = await histories.of(order_id)
        if history is None:
            await report_unknown(histories.connection, order_id)
            return None
        return explain(history, await read_book(histories.connection), await histories.clock())


def _plain(value: object) -> str:
    assert isinstance(value, datetime)
    return time_of(value)
