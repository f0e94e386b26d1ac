"""Erasure of what clause 23 protects: an order's private members, the bytes of its quarantined records, and values that
people gave at the console to repair one.

Facts keep what payments need: that a member was present, and how many. Digests of quarantined records identify a
redelivery. So reading the topic again brings nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

    from service.store.rows import RecordIdentity


class Erased(NamedTuple):
    """Numbers of messages whose private members, and of records whose bytes, were just erased."""

    private_members: int
    quarantine_records: int


async def erase_order(
    connection: asyncpg.Connection[asyncpg.Record], order_id: str, by: str, why: str | None
) -> Erased | None:
    """Erase, and record who did it; return None if the order is unknown. Raises StoreUnavailableError.

    It locks nothing: data of a batch that commits meanwhile stays, as if the batch had come afterwards.
    """
    async with translated():
        row = await connection.fetchrow(_ERASE_ORDER, order_id, by, why)
    return None if row is None else Erased(row[0], row[1])


async def erase_record(
    connection: asyncpg.Connection[asyncpg.Record], record: RecordIdentity, by: str, why: str | None
) -> Erased:
    """Erase one quarantined record, for example one whose order could not be read. Raises StoreUnavailableError."""
    async with translated():
        row = await connection.fetchrow(_ERASE_RECORD, *record, by, why)
    assert row is not None
    return Erased(row[0], row[1])


# A key that equals the order id is not private, and people find the record by it.
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
# As an item of a proposal names it.
_ITEM = """topic || '/' || partition || '/' || "offset" || '#' || encode(digest, 'hex')"""
_ERASE_ORDER = f"""
with gone as (delete from private_members where order_id = $1 returning order_id),
repairs as (
    delete from console_repairs r
    where exists (select from console_proposal_orders o where o.proposal_id = r.proposal_id and o.order_id = $1)
        or exists (select from console_items i where i.proposal_id = r.proposal_id and i.subject in (
            select {_ITEM} from quarantine where order_id = $1 or key = convert_to($1, 'UTF8')))
),
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
with repairs as (
    delete from console_repairs r using console_items i, quarantine
    where i.proposal_id = r.proposal_id and i.subject = {_ITEM}
        and (topic, partition, "offset", digest) = ($1, $2, $3, $4)
),
wiped as ({_WIPE} where (topic, partition, "offset", digest) = ($1, $2, $3, $4) and erased_at is null
    returning topic, partition, "offset", digest),
{_NOTE_ACTIONS.format(by="$5::text", why="$6::text")}
insert into erasures (topic, partition, "offset", done_by, why, private_members, quarantine_records)
select $1, $2, $3, $5, $6, 0, (select count(*) from wiped)
returning private_members, quarantine_records
"""  # noqa: S608 - constants
