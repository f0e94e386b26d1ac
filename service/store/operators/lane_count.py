"""Change of the outbox's number of lanes, possible only if everything is published and no worker runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

_AT_WORK = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name in ('purchasing', 'purchasing-relay')
    and pid <> pg_backend_pid()
"""
_WAITING = """
select l.lane, l.position - coalesce(n.position, 0) from lanes l left join relay_notes n using (lane)
where l.position > coalesce(n.position, 0) order by l.lane
"""


class LanesError(Exception):
    """The number of lanes can't be changed now; the text says why."""


async def change_lanes(connection: asyncpg.Connection[asyncpg.Record], lanes: int, by: str, why: str) -> int:
    """Set the outbox's number of lanes; return the previous number. Positions of existing lanes continue.

    Raises LanesError, StoreUnavailableError.
    """
    async with translated(), connection.transaction():
        had = int(await connection.fetchval("select lanes from installation for update"))
        # A transaction that writes outputs locks one of these rows.
        await connection.execute("select lane from lanes order by lane for update")
        if await connection.fetchval("select count(*) from lanes") < had:
            raise LanesError("This database is a cell, and others have its other lanes: their number can't be changed.")
        if lanes < had or lanes & (lanes - 1) or lanes > 256:
            raise LanesError(
                f"The outbox has {had} lanes: it can be given more, a power of two up to 256, not {lanes}."
            )
        if at_work := await connection.fetchval(_AT_WORK):
            raise LanesError(f"Workers still have {at_work} sessions on this database: stop all workers first.")
        if waiting := await connection.fetch(_WAITING):
            counts = ", ".join(f"lane {row[0]}: {row[1]}" for row in waiting)
            raise LanesError(
                f"Outputs wait to be published ({counts}). An order's outputs could overtake each other in "
                "other lanes: let the service publish everything, stop it, and try again."
            )
        await connection.execute("update installation set lanes = $1", lanes)
        await connection.execute(
            "insert into lanes (lane) select generate_series($1::int, $2::int - 1) on conflict do nothing", had, lanes
        )
        await connection.execute(
            "insert into operator_actions (done_by, what, subject, outcome, why)"
            " values ($1, 'lanes change', 'all lanes', $2, $3)",
            by,
            f"from {had} to {lanes}",
            why,
        )
    return had
