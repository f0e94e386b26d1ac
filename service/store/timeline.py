"""The timeline: which history the database has. A new one begins when a replica is promoted or a backup is restored.

Data stored last may then be missing, although its offsets were committed. So a worker that meets another timeline than
its first one ends, because what it remembers may be wrong. After its restart, the offsets are compared with the
database.

Each connection that can write is compared once, before anything else, and that is enough. A session belongs to one
start of one server. Within it the timeline changes at most once, when recovery ends. So a session that was met outside
recovery keeps its timeline until it breaks, and a session that was met in recovery is closed, never kept. Session
pooling doesn't change that (a pooler ends the client's session with the server's); transaction pooling would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.errors import DatabaseMovedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from service.store.driver import Driver

# A server gets a new timeline only if WAL may have been lost, and a dump is always restored into another database.
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
    """The timeline of the first connection. One object for all connections by which a process decides and writes."""

    def __init__(self, moved: Callable[[DatabaseMovedError], None] = lambda _: None) -> None:
        """Call `moved` when any connection meets another timeline, even if the error is then ignored."""
        self.known: str | None = None
        self.agreed_at: datetime | None = None
        """The instant at which the input was compared with the database in this timeline. It tells apart two timelines
        of the same name: two standbys that don't know of each other's promotion give theirs the same number."""
        self._moved = moved

    async def meet(self, connection: Driver) -> None:
        """Compare a new connection's timeline; don't use the connection if this raises.

        Raises DatabaseMovedError, and StoreUnavailableError if the server is in recovery, because it then has no
        timeline yet.
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
        """Report that the database has another timeline, named `found`; return the error to raise."""
        error = DatabaseMovedError(
            "PostgreSQL has another timeline than before: a replica took over, or a backup was restored "
            f"(system/timeline/database was {self.known}, is {found}). Data whose offsets "
            "were committed may be missing there. After a restart the worker compares the database with Kafka, and "
            "reads missing input again."
        )
        self._moved(error)
        return error
