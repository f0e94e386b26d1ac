"""Erasing what clause 23 protects: the private members of an order, and the bytes of its quarantined records.

Facts keep what the money needs (that a member was there, and how many), and by the digests of what was quarantined a
redelivery is known. So reading the topic again brings nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

    from service.store.rows import RecordIdentity


class Erased(NamedTuple):
    """How many messages' private members and how many records' bytes were erased just now."""

    private_members: int
    quarantine_records: int


async def erase_order(
    connection: asyncpg.Connection[asyncpg.Record], order_id: str, by: str, why: str | None
) -> Erased | None:
    """Erase, and note that it was done; None where nothing of the order is known. Raises StoreUnavailableError.

    Nothing is locked: a batch that commits meanwhile brings what is new, as if it had come afterwards.
    """
    async with translated():
        row = await connection.fetchrow(_ERASE_ORDER, order_id, by, why)
    return None if row is None else Erased(row[0], row[1])


async def erase_record(
    connection: asyncpg.Connection[asyncpg.Record], record: RecordIdentity, by: str, why: str | None
) -> Erased:
    """Erase one quarantined record, such as one whose order could not be read. Raises StoreUnavailableError."""
    async with translated():
        row = await connection.fetchrow(_ERASE_RECORD, *record, by, why)
    assert row is not None
    return Erased(row[0], row[1])


# A key that is the order's id is no secret, and people find the record by it.
_WIPE = """
update quarantine set value = null, headers = '[]', erased_at = clock_timestamp(),
    key = case when key = convert_to(order_id, 'UTF8') then key end
"""
_NOTE_ACTIONS = """
noted as (
    insert into quarantine_actions (done_by, what, topic, partition, "offset", digest, outcome, why)
    select {by}, 'erase', topic, partition, "offset", digest, 'erased', {why} from wiped
)
"""
_ERASE_ORDER = f"""
with gone as (delete from private_members where order_id = $1 returning order_id),
wiped as ({_WIPE} where (order_id = $1 or key = convert_to($1, 'UTF8')) and erased_at is null
    returning topic, partition, "offset", digest),
{_NOTE_ACTIONS.format(by="$2::text", why="$3::text")}
insert into erasures (order_id, done_by, why, private_members, quarantine_records)
select $1, $2, $3, (select count(*) from gone), (select count(*) from wiped)
where exists (select from orders where order_id = $1)
    or exists (select from quarantine where order_id = $1 or key = convert_to($1, 'UTF8'))
returning private_members, quarantine_records
"""  # noqa: S608 - constants
_ERASE_RECORD = f"""
with wiped as ({_WIPE} where (topic, partition, "offset", digest) = ($1, $2, $3, $4) and erased_at is null
    returning topic, partition, "offset", digest),
{_NOTE_ACTIONS.format(by="$5::text", why="$6::text")}
insert into erasures (topic, partition, "offset", done_by, why, private_members, quarantine_records)
select $1, $2, $3, $5, $6, 0, (select count(*) from wiped)
returning private_members, quarantine_records
"""  # noqa: S608 - constants
