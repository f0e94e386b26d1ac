"""A session's settings, set after connecting and read back, and a check that the session is a real one.

A pooler between this program and PostgreSQL refuses settings in the startup packet, or drops them silently. If it gives
the connection to other clients between transactions, no setting lasts, although each seems to work.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from service.runtime.error_classes import SESSIONS_NEEDED, ErrorClass, sqlstate_meaning
from service.store.errors import NotUsableError, StoreUnavailableError
from service.store.hosts import unusable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from service.store.driver import Connection

    Another: TypeAlias = Callable[[], Awaitable[Connection]]

ROUNDS = 10
"""The number of times that two sessions in turn ask for their server process. A pooler that shares connections gives
one session the process that the other has just used, unless another client takes it each time in between."""
SECOND_SECONDS = 3.0
"""Time limit for the second session of a pooler. Shorter than any connection timeout."""

_SET = "select name, set_config(name, setting, false) from unnest($1::text[], $2::text[]) as one (name, setting)"
_IN_FORCE = "select name, current_setting(name) from unnest($1::text[]) as name"


async def begin_session(
    connection: Connection, options: Mapping[str, str], settings: Mapping[str, str], another: Another
) -> None:
    """Set the URL's and the service's settings, and check that they last.

    `another` connects once more to the same server. Sets `is_pooled`. Raises NotUsableError if a setting is refused or
    does not last, or if the connection is shared with other clients; StoreUnavailableError; and asyncpg's errors.
    """
    process = await _server_process(connection)
    # A pooler answers the startup packet itself, with a process number of its own.
    connection.is_pooled = process != connection.get_server_pid()
    if connection.is_pooled:
        await _refuse_shared(connection, another)
    for name, setting in options.items():
        try:
            await connection.execute("select set_config($1, $2, false)", name, setting)
        except asyncpg.PostgresError as error:
            if sqlstate_meaning(error.sqlstate, str(error)).meaning is ErrorClass.WAIT:
                raise
            # The server's text contains the value.
            raise unusable(
                f"its option options sets {name}, and the server refuses it ({type(error).__name__})"
            ) from None
    if settings:
        wanted = dict(map(tuple, await connection.fetch(_SET, list(settings), list(settings.values()))))
        in_force = dict(map(tuple, await connection.fetch(_IN_FORCE, list(wanted))))
        if lost := sorted(name for name in wanted if in_force[name] != wanted[name]):
            raise NotUsableError(
                f"{', '.join(lost)} was set and is not in force at the next statement: a pooler, or another program "
                "before PostgreSQL, keeps no session settings"
            )


async def _server_process(connection: Connection) -> int:
    # Prepared without a name, because a named statement would stay in a connection that other clients get.
    statement = await connection.prepare("select pg_backend_pid()", name="")
    return int(await statement.fetchval())


async def _refuse_shared(connection: Connection, another: Another) -> None:
    """Raise NotUsableError if two sessions share a server process."""
    mine, others = set(), set()
    try:
        async with asyncio.timeout(SECOND_SECONDS):
            other = await another()
            try:
                for _ in range(ROUNDS):
                    mine.add(await _server_process(connection))
                    others.add(await _server_process(other))
            finally:
                other.terminate()
    except TimeoutError:
        raise StoreUnavailableError(
            f"the pooler before PostgreSQL gave no second connection within {SECOND_SECONDS:g} seconds, needed to "
            "check that it keeps sessions: its pool (default_pool_size) is too small, or in use"
        ) from None
    if len(mine) > 1 or len(others) > 1 or mine & others:
        raise NotUsableError(SESSIONS_NEEDED)
