"""Databases of tests on a running server."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.embedded import EmbeddedPostgres


async def on_server(dsn: str, *statements: str) -> None:
    """Run statements outside of a transaction, on a connection of their own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def temporary_database(postgres: EmbeddedPostgres, template: str | None = None) -> AsyncIterator[str]:
    """The DSN of a new database, empty or a copy of the template, which is dropped when the block ends."""
    name = f"test_{uuid.uuid4().hex}"
    copied = "" if template is None else f" template {template} strategy file_copy"
    await on_server(postgres.dsn, f"create database {name}{copied}")
    try:
        yield postgres.dsn_of(name)
    finally:
        await on_server(postgres.dsn, f"drop database {name} with (force)")
