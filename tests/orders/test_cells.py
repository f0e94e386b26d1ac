"""Cells: an event is taken by the cell that has its order's lane, a record that breaks the contract by every cell."""

import pytest

from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.store.lanes import lane_of
from service.store.memory import MemoryStore
from tests.orders.conftest import engine_on
from tests.orders.stories import ANN, Story, paid_order, record, replayed

LANES = 4
CELLS = (range(2), range(2, 4))
Cells = list[tuple[MemoryStore, Engine]]


@pytest.fixture
def cells() -> Cells:
    """The stores of lanes 0 and 1, and of lanes 2 and 3, each with its engine."""
    stores = [MemoryStore(lanes=LANES, cell=cell) for cell in CELLS]
    return [(store, engine_on(store)) for store in stores]


def order_in(lane: int) -> str:
    return next(name for name in (f"ord-{n}" for n in range(1000)) if lane_of(name, LANES) == lane)


async def test_each_event_is_taken_by_one_cell_and_left_by_the_other(cells: Cells) -> None:
    orders = [f"ord-{n}" for n in range(20)]
    records = [one for order in orders for one in paid_order(order)]
    first, second = [await engine.handle(records) for _, engine in cells]
    assert first.facts + second.facts == len(records)
    assert (sum(first.elsewhere.values()), sum(second.elsewhere.values())) == (second.facts, first.facts)
    held = [{order for order, facts in store.facts.items() if facts} for store, _ in cells]
    assert held == [{order for order in orders if lane_of(order, LANES) in cell} for cell in CELLS]
    assert all(
        one.output.lane in cell for cell, result in zip(CELLS, (first, second), strict=True) for one in result.outputs
    )


async def test_a_batch_of_another_cells_orders_writes_nothing(cells: Cells) -> None:
    (store, engine), _ = cells
    handled = await engine.handle(list(Story(order_in(3)).placed()))
    assert (handled.facts, dict(handled.elsewhere)) == (0, {"purchasing.order.placed.v1": 1})
    assert store.orders == {}


@pytest.mark.parametrize(
    "broken",
    [
        record(b"no JSON", key=b"ord-1"),
        record(b"no JSON"),
        record(b"\xff", key=b"\xff\xfe"),
        record(b'{"subject": "ord-2"}', key=None, topic="purchasing.events.payment.v1"),
        record(None, key=b"ord-3"),
    ],
    ids=["its key", "no key", "a key that is no text", "a subject without a key", "no value"],
)
async def test_each_cell_quarantines_a_broken_record_and_one_gives_notice(cells: Cells, broken: InboundRecord) -> None:
    results = [await engine.handle([broken]) for _, engine in cells]
    assert [len(one.quarantined) for one in results] == [1, 1]
    notices = [(cell, one.output) for cell, result in zip(CELLS, results, strict=True) for one in result.outputs]
    assert len(notices) == 1
    ((cell, notice),) = notices
    assert notice.lane in cell


async def test_a_record_in_quarantine_holds_up_the_order_of_either_cell(cells: Cells) -> None:
    """The record's own key is an order of the first cell, and its value names one of the second."""
    key, named = order_in(0), order_in(3)
    broken = record(f'{{"order_id": "{named}"'.encode(), key=key.encode())
    for store, engine in cells:
        await engine.handle([broken])
        async with store.batch() as batch:
            held_up = (await batch.look([key, named])).quarantined
        assert held_up.keys() == {key, named}


async def test_a_repaired_record_is_replayed_only_in_the_cell_of_its_order(cells: Cells) -> None:
    order = order_in(2)
    good = Story(order).placed().last
    broken = record(b"no JSON", key=order.encode())
    repaired = replayed(broken, good)
    results = []
    for _, engine in cells:
        await engine.handle([broken])
        results.append(await engine.handle([repaired], ANN))
    assert [engine.is_elsewhere(repaired) for _, engine in cells] == [True, False]
    assert [(one.facts, len(one.resolved)) for one in results] == [(0, 0), (1, 1)]
