"""The two stores agree: the worked examples come to the same on PostgreSQL as in memory, byte for byte."""

import json
from typing import Any

import pytest
from purchasing_contracts.base import instant_of

from service.simulate.simulation import Simulation, VirtualClock
from service.store.postgres import PostgresStore
from service.store.rows import StoreTime
from tests.golden import Case, cases


async def published(simulation: Simulation, events: list[dict[str, Any]], until: str) -> list[bytes]:
    """Publish what follows from the events for their order: on PostgreSQL, deadlines of the examples before it pass
    as well."""
    values = []
    (order_id,) = {event["subject"] for event in events}
    for event in events:
        async for handled in simulation.receive(json.dumps(event).encode()):
            values += [output.value for _, output in handled.outputs if output.key == order_id]
    async for handled in simulation.go_on(instant_of(until)):
        values += [output.value for _, output in handled.outputs if output.key == order_id]
    return values


@pytest.fixture(scope="module", params=range(9), ids=lambda n: f"{10 * n + 1:02} to {10 * n + 10}")
def ten_cases(request: pytest.FixtureRequest) -> list[Case]:
    return cases()[10 * request.param : 10 * request.param + 10]


async def test_worked_examples_publish_the_same_on_postgres(ten_cases: list[Case], database: str) -> None:
    clocks: list[VirtualClock] = []

    def clock(instant: StoreTime) -> StoreTime:
        return clocks[-1]() if clocks else instant

    postgres = await PostgresStore.open(database, connections=1, clock=clock)

    def on_postgres(clock: VirtualClock) -> PostgresStore:
        clocks.append(clock)
        return postgres

    compared = 0
    for number, case in enumerate(ten_cases):
        text = json.dumps([case.events, case.until]).replace("ord-1001", f"ord-{number}")
        events, until = json.loads(text)
        there = await published(Simulation(store_with=on_postgres), events, until)
        here = await published(Simulation(), events, until)
        assert here == there, case.name
        compared += len(here)
    await postgres.close()

    assert compared >= len(ten_cases)
