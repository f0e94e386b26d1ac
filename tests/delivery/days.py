"""Days that pass at once, with everything else as it is: what was noted before them stays before them.

The database's clock leaps, and how far the input was read leaps with it only from there on. So a service that is down
while four days pass finds them passed, and its input read up to before the first of them, as if it had been waited for.
"""

from datetime import datetime, timedelta

import asyncpg

LEAPING = """
create table test_leaps (at timestamptz not null, days interval not null);
create function test_leapt(really timestamptz) returns timestamptz language sql volatile as $$
    select really + coalesce((select sum(days) from test_leaps where at <= really), '0')
$$;
create or replace function purchasing_clock(latest timestamptz, out instant timestamptz, out watermark timestamptz)
language sql volatile as $$
    select test_leapt(t), test_leapt(case when r is not null then least(t, r) end)
    from (select clock_timestamp() as t,
        (select case when count(*) = count(watermark) then min(watermark) end from input_progress) as r) as c
$$;
"""


class Calendar:
    """The clock of one database."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def begin(self) -> None:
        """Let the clock be one that leaps."""
        await self._do(LEAPING)

    async def days_pass(self, days: float) -> None:
        """Let days pass, now."""
        await self._do("insert into test_leaps values (clock_timestamp(), $1)", timedelta(days=days))

    async def now(self) -> datetime:
        """The service's present time."""
        return await self._ask("select instant from purchasing_clock(null)")

    async def watermarks(self) -> datetime | None:
        """Up to when the service takes its whole input for read."""
        return await self._ask("select watermark from purchasing_clock(null)")

    async def behind(self) -> set[tuple[str, int]]:
        """The partitions that were not read up to the last leap."""
        rows = await self._ask(
            """select array_agg((topic, partition::text)) from input_progress
            where watermark is null or watermark <= (select max(at) from test_leaps)"""
        )
        return {(topic, int(partition)) for topic, partition in rows or ()}

    async def _do(self, statement: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    async def _ask(self, query: str) -> object:
        connection = await asyncpg.connect(self._dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()
