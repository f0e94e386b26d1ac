"""Translation of errors of asyncpg and the operating system into those of `service.store.errors`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from traceback import clear_frames
from typing import TYPE_CHECKING

import asyncpg

from service.runtime.database_url import SETTING
from service.runtime.error_classes import CHECK_ACCESS, SESSIONS_NEEDED, ErrorClass, sqlstate_meaning
from service.runtime.errors import describe
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

# The driver's errors for a closed connection, or for the server's last message in place of an answer.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
OF_THE_DRIVER = (asyncpg.PostgresError, *LOST, UnicodeEncodeError, OSError, TimeoutError)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Convert errors of the driver and the connection into StoreErrors. Errors that mean a bug stay unchanged."""
    try:
        yield
    except StoreError:
        raise
    except OF_THE_DRIVER as error:
        found = store_error(error)
        if found is None:
            raise
        _clear_frames(error)
        # The driver's text may quote a value, so it is not chained, except for a lost connection.
        cause = error if isinstance(error, LOST) and isinstance(found, StoreUnavailableError) else None
        try:
            raise found from cause
        finally:
            del found, cause


def _clear_frames(error: BaseException | None) -> None:
    """Clear the frames of an error and its context.

    The driver keeps its error in a frame that the error refers to. Without this, the batch's data would wait for the
    garbage collector, which may not look at it for minutes.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def store_error(error: BaseException) -> StoreError | None:
    """Return the StoreError for an error; None: a bug in this program, or not an error of the driver."""
    if not isinstance(error, OF_THE_DRIVER):
        return None
    if isinstance(error, asyncpg.PostgresError):
        return _of_server(error)
    if isinstance(error, asyncpg.DataError):
        return ValueRefusedError(f"the driver can't send a value ({type(error).__name__})")
    if isinstance(error, UnicodeEncodeError):
        return ValueRefusedError("a text has lone surrogates")
    if isinstance(error, LOST):
        return StoreUnavailableError("the connection to PostgreSQL was lost")
    return StoreUnavailableError(f"PostgreSQL can't be reached ({type(error).__name__})")


def _of_server(error: asyncpg.PostgresError) -> StoreError | None:
    if error.sqlstate == "23505" and error.constraint_name == ONE_ORDER:
        return ForeignFactError("a source and id of this batch are another order's fact")
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration has changed a table since this connection prepared its statement.
        return StoreUnavailableError(f"PostgreSQL aborted the transaction ({describe(error)})")
    found = sqlstate_meaning(error.sqlstate, str(error))
    match found.meaning:
        case ErrorClass.WAIT:
            return StoreUnavailableError(f"PostgreSQL aborted the transaction ({describe(error)})")
        case ErrorClass.VALUE:
            return ValueRefusedError(f"PostgreSQL can't hold a value ({describe(error)})")
        case ErrorClass.RIGHT:
            # The server's text names a table or another object of the schema, never a value.
            return NotAllowedError(
                f"the database user of {SETTING} lacks a right ({error.args[0]}): grant it the role for what "
                "it does (deploy/rights.md); after an upgrade, `python -m service migrate` gives the roles their new "
                "rights"
            )
        case ErrorClass.SCHEMA:
            return SchemaError(
                "the database lacks tables or columns that this program needs: run `python -m service migrate`, or, if "
                "a newer version has migrated it, start that version"
            )
        case ErrorClass.SETTING if found.advice == CHECK_ACCESS:
            return NotUsableError(
                f"PostgreSQL refuses the connection that {SETTING} describes ({describe(error)}): {CHECK_ACCESS}"
            )
        case ErrorClass.SETTING if found.advice == SESSIONS_NEEDED:
            return NotUsableError(SESSIONS_NEEDED)
        case ErrorClass.SETTING:
            sentence = f"the server of {SETTING} can't be used ({describe(error)})"
            return NotUsableError(f"{sentence}: {found.advice}" if found.advice else sentence)
    return None
