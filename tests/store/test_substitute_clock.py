"""Clocks for tests and the demo, on PostgreSQL."""

from datetime import timedelta

import asyncpg
import pytest

from service.store.substitute_clock import EVENTS, pass_time, set_clock

CLOCK = "select instant, watermark from purchasing_clock(null)"
READ = "update input_progress set watermark = clock_timestamp()"
EARLIER = "insert into input_progress values ('purchasing.events.payment.v1', 0, clock_timestamp())"


@pytest.fixture
async def connection(database: str):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_a_factor_speeds_up_the_clock_and_the_watermark(database: str, connection: asyncpg.Connection) -> None:
    began = await connection.fetchval("select clock_timestamp()")
    await set_clock(database, "10000000")
    _, unknown = await connection.fetchrow(CLOCK)
    await connection.execute(EARLIER)
    _, read = await connection.fetchrow(CLOCK)
    instant, still = await connection.fetchrow(CLOCK)
    await connection.execute(READ)
    _, later = await connection.fetchrow(CLOCK)

    assert unknown is None
    assert began < read == still < later
    # Every statement takes at least some microseconds of real time, and each of these is ten seconds.
    assert instant - read > timedelta(minutes=1)


async def test_a_clock_by_events_is_the_latest_time_seen_and_never_goes_back(
    database: str, connection: asyncpg.Connection
) -> None:
    await set_clock(database, EVENTS)
    before = await connection.fetchval("select instant from purchasing_clock('2026-03-02T09:00:00Z')")
    await pass_time(connection, before + timedelta(days=3))
    await pass_time(connection, before)
    # Setting it again, as every start with it does, changes nothing.
    await set_clock(database, EVENTS)

    assert tuple(await connection.fetchrow(CLOCK)) == (before + timedelta(days=3),) * 2


@pytest.mark.parametrize("factor", ["0", "-5", "10000001", "nan"])
async def test_a_factor_is_more_than_nothing_and_has_a_limit(database: str, factor: str) -> None:
    with pytest.raises(ValueError, match="up to 10000000 times"):
        await set_clock(database, factor)
