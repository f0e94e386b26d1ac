"""Of which history the database is: another begins where a replica takes over, or a backup is restored.

What was stored last, with its offsets committed, may be missing then. So a worker that meets another history than it
began with ends, as nothing it remembers need be true any more; started again, the database and Kafka are held against
each other.

Every connection that can write is compared once, before anything else is done over it, and that is enough: a session
belongs to one start of one server. Within it the timeline changes once at most, where recovery ends, so a session met
outside recovery keeps its timeline until it breaks; and a session met in recovery is closed, never kept for later.
Session pooling doesn't change that (a pooler ends the client's session with the server's); transaction pooling would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.errors import DatabaseMovedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from service.store.driver import Driver

# A server only gets a new timeline where WAL may have been lost, and a dump only ever fills another database.
_TIMELINE = """
select case when not pg_is_in_recovery() then concat_ws('/',
    (select system_identifier from pg_control_system()),
    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,
    (select oid from pg_database where datname = current_database())
) end
"""

AGREED_AT = "select agreed_at from input_agreements where timeline = $1"

IN_RECOVERY = (
    "PostgreSQL is in recovery: it only reads until it is promoted or restored. Waiting helps where that is under way; "
    "where it is a standby, let PURCHASING_DATABASE_URL name the primary, or several hosts with "
    "target_session_attrs=primary"
)


class Timeline:
    """The one that the first connection met. One object for all connections that a process decides and writes by."""

    def __init__(self, moved: Callable[[DatabaseMovedError], None] = lambda _: None) -> None:
        """Tell `moved` when a connection meets another one, whoever wanted that connection, whatever becomes of it."""
        self.known: str | None = None
        self.agreed_at: datetime | None = None
        """When the input was held against the database in this timeline: tells two of the same name apart. Of two
        standbys, neither of which knows of the other's promotion, each gives its timeline the same number."""
        self._moved = moved

    async def meet(self, connection: Driver) -> None:
        """Compare a new connection's; one whose comparison raises may not be used.

        Raises DatabaseMovedError, and StoreUnavailableError where the server is in recovery: it has no timeline yet.
        """
        found: str | None = await connection.fetchval(_TIMELINE)
        if found is None:
            raise StoreUnavailableError(IN_RECOVERY)
        if self.known is None:
            self.known = found
        elif found != self.known or (
            self.agreed_at is not None and await connection.fetchval(AGREED_AT, found) != self.agreed_at
        ):
            raise self.moved(found)

    def moved(self, found: str | None) -> DatabaseMovedError:
        """Tell that the database is of another timeline, of this name; return what to raise."""
        error = DatabaseMovedError(
            "PostgreSQL is not as this worker knew it: a replica took over, or a backup was restored "
            f"(system/timeline/database was {self.known}, is {found}). What had its offsets committed last may "
            f"be missing "
            "there. Started again, the worker compares it with Kafka, and reads again what the database doesn't "
            "know of."
        )
        self._moved(error)
        return error
