"""Orders moved to the archive by a test, whether or not they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.operators.archive import add_file, journals, move

if TYPE_CHECKING:
    import asyncpg

ANY_ORDER_IS_OVER = """
create or replace view orders_that_are_over as
select order_id from orders where version is not null and archived_at is null
"""

ALL_PUBLISHED = """
insert into relay_notes (lane, position) select lane, position + 1 from lanes
on conflict (lane) do update set position = excluded.position
"""
"""As the relay notes it, with a position more, so that no output is the newest of its lane."""


async def archive(connection: asyncpg.Connection, *order_ids: str) -> list[str]:
    """Move these orders; return those that were moved."""
    exported = await journals(connection, order_ids)
    file = await add_file(
        connection, f"file-{'-'.join(order_ids)}-{await _files(connection)}", b"", 0, 1, "ann", "a test"
    )
    return sorted(await move(connection, file, exported))


async def _files(connection: asyncpg.Connection) -> int:
    return await connection.fetchval("select count(*) from archive_files")


async def archived(connection: asyncpg.Connection) -> list[str]:
    """The archived orders, none of which has a row left in a journal."""
    found = [row[0] for row in await connection.fetch("select order_id from archived_orders order by 1")]
    marked = [
        row[0] for row in await connection.fetch("select order_id from orders where archived_at is not null order by 1")
    ]
    assert found == marked
    for journal in ("facts", "outbox", "publications"):
        assert not await connection.fetchval(f"select count(*) from {journal} where order_id = any($1)", found)
    return found
