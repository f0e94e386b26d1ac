"""Of which history the database is: another begins where a replica takes over, or a backup is restored.

What was committed and acknowledged last may be missing then. So a worker that meets another history than it began with
ends, as nothing it remembers need be true any more; started again, the database and Kafka are held against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.errors import DatabaseMovedError

if TYPE_CHECKING:
    from service.store.connecting import Driver

# A server only gets a new timeline where WAL may have been lost, and a dump only ever fills another database.
_LINEAGE = """
select case when not pg_is_in_recovery() then concat_ws('/',
    (select system_identifier from pg_control_system()),
    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,
    (select oid from pg_database where datname = current_database())
) end
"""


class Lineage:
    """The one that the first connection met."""

    def __init__(self) -> None:
        self.known: str | None = None

    async def meet(self, connection: Driver) -> None:
        """Look at a new connection's. A server that only reads has none yet. Raises DatabaseMovedError."""
        found: str | None = await connection.fetchval(_LINEAGE)
        if self.known is None:
            self.known = found
        elif found is not None and found != self.known:
            raise DatabaseMovedError(
                "PostgreSQL is not as this worker knew it: a replica took over, or a backup was restored "
                f"(system/timeline/database was {self.known}, is {found}). What was acknowledged last may be missing "
                "there. Started again, the worker compares it with Kafka, and reads again what the database doesn't "
                "know of."
            )
