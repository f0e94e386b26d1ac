"""Clocks for tests and the demo, in which days pass quickly. Never use them on a database with real orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.connection import connect
from service.store.driver_errors import translated
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

EVENTS = "events"
FASTEST = 10_000_000

_BY_EVENTS = """
create table if not exists test_clock (one boolean primary key default true check (one), at timestamptz not null);
insert into test_clock (at) values ('2000-01-01T00:00:00Z') on conflict do nothing;
create or replace function purchasing_clock(latest timestamptz, out instant timestamptz, out watermark timestamptz)
language sql volatile as $$
    update test_clock set at = greatest(at, latest) returning at, at
$$
"""
_BY_FACTOR = """
create or replace function purchasing_clock(latest timestamptz, out instant timestamptz, out watermark timestamptz)
language sql volatile as $$
    select {began} + (t - {began}) * {factor},
        case when r is not null then {began} + (least(t, r) - {began}) * {factor} end
    from (select clock_timestamp() as t,
        (select case when count(*) = count(watermark) then min(watermark) end from input_progress) as r) as c
$$
"""


async def set_clock(dsn: str, clock: str) -> None:
    """Replace a database's clock.

    `events`: the time is the latest event time, and is also the watermark. A number: time passes this many times faster
    from now on, up to FASTEST. Raises ValueError for anything else.
    """
    factor = None if clock == EVENTS else float(clock)
    if factor is not None and not 0 < factor <= FASTEST:
        raise ValueError(f"a clock goes up to {FASTEST} times as fast")
    async with translated():
        connection = await connect(dsn, Timeline())
        try:
            if factor is None:
                await connection.execute(_BY_EVENTS)
            else:
                began = await connection.fetchval("select quote_literal(clock_timestamp()::text) || '::timestamptz'")
                await connection.execute(_BY_FACTOR.format(began=began, factor=factor))
        finally:
            await connection.close()


async def pass_time(connection: asyncpg.Connection[asyncpg.Record], until: datetime) -> None:
    """Move a clock by events forward to an instant without an event."""
    await connection.execute("select purchasing_clock($1)", until)
