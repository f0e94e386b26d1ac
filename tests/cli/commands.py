"""The program as an operator runs it, against a database of the test's own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.forkserver import run
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    from service.store.postgres import PostgresStore


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[Any]:
        """Its stdout as JSON values, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(database: str, *arguments: str, given: bytes | None = None, **environment: str) -> Ended:
    """Run it to its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")}
    own = {**inherited, "PURCHASING_PROCESSES": "1", "PURCHASING_DATABASE_URL": database, **environment}
    done = run("service", arguments, own, HANG_SECONDS, given or b"")
    return Ended(done.returncode, done.stdout, done.stderr.decode())


async def outputs(store: PostgresStore, order_id: str = "ord-1") -> list[str]:
    """Of each output of an order, a decision's kind and outcome or a command's line and amount."""
    rows = await store.fetch("select value from outbox where order_id = $1 order by order_version", order_id)
    data = [json.loads(row[0])["data"] for row in rows]
    return [f"{one.get('kind') or one.get('line')} {one.get('outcome') or one['amount']['value']}" for one in data]


async def tables_with(database: str, text: str) -> set[str]:
    """The tables of which some row has this text in it, plain or as bytes are written."""
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        query = (
            "select count(*) from {} t where position($1 in t::text) > 0"
            " or position(encode(convert_to($1, 'UTF8'), 'hex') in t::text) > 0"
            " or position(encode(convert_to($1, 'UTF8'), 'base64') in t::text) > 0"
        )
        return {row[0] for row in tables if await connection.fetchval(query.format(row[0]), text)}
    finally:
        await connection.close()
