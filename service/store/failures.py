"""What asyncpg and the operating system raise, put into the few words of `service.store.errors`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from service.store.errors import (
    ForeignFactError,
    NotAllowedError,
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
NO_TABLES = ("42P01", "42703", "3F000")


# What the driver says when it finds a connection closed, or the server's last word in the place of an answer.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Inside, errors of driver and connection become StoreErrors; those that mean a bug stay what they are."""
    try:
        yield
    except StoreError:
        raise
    except asyncpg.PostgresError as error:
        found = _of_server(error)
        if found is None:
            raise
        # The driver's text may quote a value: it goes no further.
        raise found from None
    except asyncpg.DataError as error:
        raise ValueRefusedError(f"the driver can't send a value ({type(error).__name__})") from None
    except UnicodeEncodeError:
        raise ValueRefusedError("a text has lone surrogates") from None
    except LOST as error:
        raise StoreUnavailableError("the connection to PostgreSQL was lost") from error
    except (OSError, TimeoutError) as error:
        raise StoreUnavailableError(f"PostgreSQL can't be reached ({type(error).__name__})") from None


def _of_server(error: asyncpg.PostgresError) -> StoreError | None:
    state = error.sqlstate or ""
    name = f"{type(error).__name__}, SQLSTATE {state}"
    if state.startswith(TRY_AGAIN) or isinstance(error, asyncpg.InvalidCachedStatementError):
        return StoreUnavailableError(f"PostgreSQL gave the transaction up ({name})")
    if state.startswith(REFUSED):
        return ValueRefusedError(f"PostgreSQL can't hold a value ({name})")
    if state == "23505" and error.constraint_name == ONE_ORDER:
        return ForeignFactError("a source and id of this batch are another order's fact")
    if state == NOT_ALLOWED:
        # Its text names a table or another thing of the schema, never a value.
        return NotAllowedError(
            f"the database user of PURCHASING_DATABASE_URL lacks a right ({error.args[0]}): grant it the role for what "
            "it does (deploy/rights.md); after an upgrade, `python -m service migrate` gives the roles their new rights"
        )
    if state.startswith(NO_TABLES):
        return SchemaError("the database has not the tables this program knows: run `python -m service migrate`")
    return None
