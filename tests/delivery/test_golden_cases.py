"""The worked examples, live: one event at a time through Kafka and PostgreSQL, as the clauses of this version allow."""

import asyncio

import pytest

from tests.delivery.outside import order_id, renamed
from tests.golden import Case, cases, differences, told

# What needs a later clause (dissolution, receipt, brokerage, tips, chargebacks, liability) or a deadline is not here.
LIVE = {*range(1, 20), *range(36, 39), 40, 41, 44, 45, 47, 48}


def live_cases() -> list[Case]:
    return [case for case in cases() if int(case.name[:2]) in LIVE]


@pytest.fixture
async def played(outside):
    """What each case's order led to: every event sent when all outputs of the one before had been read."""

    async def play(case: Case) -> tuple[str, list[dict]]:
        order = order_id()
        for event in renamed(case.events, order):
            await outside.send_and_settle(event)
        seen = await outside.settled(order)
        assert [one.version for one in seen] == list(range(1, len(seen) + 1))
        return case.name, renamed([one.event for one in seen], "ord-1001", order)

    return dict(await asyncio.gather(*(play(case) for case in live_cases())))


async def test_each_case_publishes_what_it_expects_in_its_order(played):
    wrong = {}
    for case in live_cases():
        commands, decisions = told(played[case.name])
        if found := differences(case.commands, commands) + differences(case.decisions, decisions):
            wrong[case.name] = found
    assert wrong == {}
    assert len(played) == 28
