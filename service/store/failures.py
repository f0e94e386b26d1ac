"""What asyncpg and the operating system raise, put into the few words of `service.store.errors`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from traceback import clear_frames
from typing import TYPE_CHECKING

import asyncpg

from service.store.errors import (
    ForeignFactError,
    NotAllowedError,
    NotUsableError,
    SchemaError,
    StoreError,
    StoreUnavailableError,
    ValueRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ONE_ORDER = "facts_one_order"

# SQLSTATE classes and codes after which the same batch may succeed: connections, rollbacks (deadlock, serialization),
# resources (disk, memory, connections), operators (shutdown, cancelled, timeouts), locks, read-only after a failover.
TRY_AGAIN = ("08", "40", "53", "57", "58", "55P03", "55006", "25006", "25P03", "25P04")
# Values the database can't hold; and 54: a row, an index entry or a text beyond its limits.
REFUSED = ("22", "54")
NOT_ALLOWED = "42501"
# Waiting doesn't help: wrong user or password (28), no such database (3D).
NOT_LET_IN = ("28", "3D")
NO_TABLES = ("42P01", "42703", "3F000")


# What the driver says when it finds a connection closed, or the server's last word in the place of an answer.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
OF_THE_DRIVER = (asyncpg.PostgresError, *LOST, UnicodeEncodeError, OSError, TimeoutError)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Inside, errors of driver and connection become StoreErrors; those that mean a bug stay what they are."""
    try:
        yield
    except StoreError:
        raise
    except OF_THE_DRIVER as error:
        found = _in_our_words(error)
        if found is None:
            raise
        _let_go(error)
        # The driver's text may quote a value: it goes no further, but where the connection was lost.
        cause = error if isinstance(error, LOST) and isinstance(found, StoreUnavailableError) else None
        try:
            raise found from cause
        finally:
            del found, cause


def _let_go(error: BaseException | None) -> None:
    """Let go of what its frames hold: the driver keeps its error in a frame that the error refers to. All that a batch
    had in hand would be left to Python's collector, which for minutes doesn't look at what batches leave."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def _in_our_words(error: BaseException) -> StoreError | None:
    if isinstance(error, asyncpg.PostgresError):
        return _of_server(error)
    if isinstance(error, asyncpg.DataError):
        return ValueRefusedError(f"the driver can't send a value ({type(error).__name__})")
    if isinstance(error, UnicodeEncodeError):
        return ValueRefusedError("a text has lone surrogates")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return NotUsableError("PURCHASING_DATABASE_URL can't be used as it is: check its options")
    if isinstance(error, LOST):
        return StoreUnavailableError("the connection to PostgreSQL was lost")
    return StoreUnavailableError(f"PostgreSQL can't be reached ({type(error).__name__})")


def _of_server(error: asyncpg.PostgresError) -> StoreError | None:
    state = error.sqlstate or ""
    name = f"{type(error).__name__}, SQLSTATE {state}"
    if state.startswith(TRY_AGAIN) or isinstance(error, asyncpg.InvalidCachedStatementError):
        return StoreUnavailableError(f"PostgreSQL gave the transaction up ({name})")
    if state.startswith(REFUSED):
        return ValueRefusedError(f"PostgreSQL can't hold a value ({name})")
    if state == "23505" and error.constraint_name == ONE_ORDER:
        return ForeignFactError("a source and id of this batch are another order's fact")
    if state.startswith(NOT_LET_IN):
        return NotUsableError(
            f"PostgreSQL refuses the connection that PURCHASING_DATABASE_URL describes ({name}): check its user, its "
            "password and its database"
        )
    if state == NOT_ALLOWED:
        # Its text names a table or another thing of the schema, never a value.
        return NotAllowedError(
            f"the database user of PURCHASING_DATABASE_URL lacks a right ({error.args[0]}): grant it the role for what "
            "it does (deploy/rights.md); after an upgrade, `python -m service migrate` gives the roles their new rights"
        )
    if state.startswith(NO_TABLES):
        return SchemaError("the database has not the tables this program knows: run `python -m service migrate`")
    return None
