"""The figures that one look reads from the database, from rows put there."""

import asyncpg
import pytest

from service.observability.database_figures import figures

ORDERS_DUE = """
insert into orders (order_id, lane, due_at, stuck, held_at)
values ('o-1', 0, now() - interval '3 h', null, null), ('o-2', 0, now() - interval '1 h', null, null),
    ('o-3', 0, now() + interval '1 h', null, null), ('o-4', 0, now() - interval '3 h', 'KeyError', null),
    ('o-5', 0, now() - interval '3 h', null, now())
"""
READ_UP_TO = """
insert into input_progress (topic, partition, watermark)
select 't', n - 1, now() + ago::interval from unnest($1::text[]) with ordinality as given (ago, n)
"""


@pytest.mark.parametrize(
    ("read_up_to", "unknown", "due"),
    [
        ([], 0, 0),
        (["-2 h", None], 1, 0),
        (["-2 h", "2 h"], 0, 1),
        (["2 h", "2 h"], 0, 2),
    ],
    ids=["no partition", "one partition unknown", "one partition behind", "all partitions ahead of the clock"],
)
async def test_deadlines_are_due_by_the_watermark_and_overdue_by_the_clock(database, read_up_to, unknown, due):
    connection = await asyncpg.connect(database)
    await connection.execute(ORDERS_DUE)
    await connection.execute(READ_UP_TO, read_up_to)
    totals = (await figures(connection)).totals
    first = await connection.fetchval("select due_at from orders where order_id = 'o-1'")
    furthest_behind = await connection.fetchval("select min(watermark) from input_progress")
    await connection.close()

    assert (totals["unknown"], totals["due"], totals["overdue"]) == (unknown, due, 2)
    assert totals["overdue_since"] == first
    assert totals["watermark"] == (None if unknown else furthest_behind)
    assert (totals["stuck"], totals["held"]) == (1, 1)
