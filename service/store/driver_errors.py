"""What asyncpg and the operating system raise, put into the few words of `service.store.errors`."""

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
        found = store_error(error)
        if found is None:
            raise
        _clear_frames(error)
        # The driver's text may quote a value: it goes no further, but where the connection was lost.
        cause = error if isinstance(error, LOST) and isinstance(found, StoreUnavailableError) else None
        try:
            raise found from cause
        finally:
            del found, cause


def _clear_frames(error: BaseException | None) -> None:
    """Let go of what its frames hold: the driver keeps its error in a frame that the error refers to. All that a batch
    had in hand would be left to Python's collector, which for minutes doesn't look at what batches leave."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def store_error(error: BaseException) -> StoreError | None:
    """Return what it is in the words of the store; None: a fault in this program, or no error of the driver."""
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
        # A migration changed a table since this connection prepared its statement.
        return StoreUnavailableError(f"PostgreSQL gave the transaction up ({describe(error)})")
    found = sqlstate_meaning(error.sqlstate, str(error))
    match found.meaning:
        case ErrorClass.WAIT:
            return StoreUnavailableError(f"PostgreSQL gave the transaction up ({describe(error)})")
        case ErrorClass.VALUE:
            return ValueRefusedError(f"PostgreSQL can't hold a value ({describe(error)})")
        case ErrorClass.RIGHT:
            # Its text names a table or another thing of the schema, never a value.
            return NotAllowedError(
                f"the database user of {SETTING} lacks a right ({error.args[0]}): grant it the role for what "
                "it does (deploy/rights.md); after an upgrade, `python -m service migrate` gives the roles their new "
                "rights"
            )
        case ErrorClass.SCHEMA:
            return SchemaError("the database has not the tables this program knows: run `python -m service migrate`")
        case ErrorClass.SETTING if found.advice == CHECK_ACCESS:
            return NotUsableError(
                f"PostgreSQL refuses the connection that {SETTING} describes ({describe(error)}): {CHECK_ACCESS}"
            )
        case ErrorClass.SETTING if found.advice == SESSIONS_NEEDED:
            return NotUsableError(SESSIONS_NEEDED)
        case ErrorClass.SETTING:
            said = f"the server of {SETTING} can't be worked with ({describe(error)})"
            return NotUsableError(f"{said}: {found.advice}" if found.advice else said)
    return None
