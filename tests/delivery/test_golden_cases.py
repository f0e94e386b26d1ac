"""All worked examples, live: through Kafka and PostgreSQL to the service as a process, one event at a time.

One database has one clock, and a clock by events never goes back. So the examples are played together along one line of
time: what happens at an instant is sent once every deadline before it has fired, as `simulate` does with each alone. A
late event is sent when its turn comes in its example, at the time that the example has reached by then.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from purchasing_contracts.base import instant_of

from service.store.substitute_clock import EVENTS, pass_time, set_clock
from tests.delivery.outside import Outside, order_id, renamed
from tests.delivery.service import eventually
from tests.golden import Case, cases, differences, summaries

EARLIEST_DUE = "select min(due_at) from orders where due_at < $1 and stuck is null"
DUE = "select exists (select from orders, test_clock where due_at < at and stuck is null)"
# The days of a demand run from its publication, which the relay notes a moment after it.
NOT_NOTED = """
select exists (select from outbox where timed and (lane, position) not in (select lane, position from publications))
"""


class Play:
    """One example under way, under an order id of its own."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.order = order_id()
        self.published: list[dict] = []

    def scenes(self) -> dict[datetime, list[dict]]:
        """The events to send at each instant, in the example's own order."""
        scenes, reached = defaultdict(list), datetime.min.replace(tzinfo=instant_of(self.case.until).tzinfo)
        for event in renamed(self.case.events, self.order):
            reached = max(reached, instant_of(event["time"]))
            scenes[reached].append(event)
        return scenes

    async def go_on(self, outside: Outside, events: list[dict]) -> None:
        """Send events, each when everything that the one before led to has been read."""
        for event in events:
            await outside.send_and_settle(event)

    async def end(self, outside: Outside) -> None:
        """Keep what was published; what the others' time still brings is no part of the example."""
        seen = await outside.settled(self.order)
        assert [one.version for one in seen] == list(range(1, len(seen) + 1))
        self.published = renamed([one.event for one in seen], "ord-1001", self.order)


async def deadlines_pass(outside: Outside, until: datetime) -> None:
    """Let the deadlines before an instant fire, in their order, each a microsecond after its last instant."""
    while (due := await outside.pool.fetchval(EARLIEST_DUE, until)) is not None:
        async with outside.pool.acquire() as connection:
            await pass_time(connection, due + timedelta(microseconds=1))
        await all_is_said(outside)


async def all_is_said(outside: Outside) -> None:
    """Wait until nothing is due, and every demand has its publication noted."""
    for waits, what in ((DUE, "deadlines fired"), (NOT_NOTED, "publications noted")):

        async def is_done(waits: str = waits) -> bool:
            return not await outside.pool.fetchval(waits)

        await eventually(is_done, what)


@pytest.fixture
async def played(own_site) -> list[Play]:
    """All examples, played to their ends."""
    await set_clock(own_site.database, EVENTS)
    plays = [Play(case) for case in cases()]
    scenes = {play: play.scenes() for play in plays}
    ends = {play: instant_of(play.case.until) for play in plays}
    async with own_site.worker() as worker, own_site.outside() as outside:
        await worker.has_logged("partitions_assigned")
        for instant in sorted({*ends.values(), *(at for found in scenes.values() for at in found)}):
            await deadlines_pass(outside, instant)
            await asyncio.gather(*(play.go_on(outside, scenes[play].get(instant, [])) for play in plays))
            await all_is_said(outside)
            await asyncio.gather(*(play.end(outside) for play in plays if ends[play] == instant))
    return plays


async def test_each_worked_example_publishes_what_it_expects_in_its_order(played):
    wrong = {}
    for play in played:
        commands, decisions = summaries(play.published)
        if found := differences(play.case.commands, commands) + differences(play.case.decisions, decisions):
            wrong[play.case.name] = found
    assert wrong == {}
    assert len(played) > 80
