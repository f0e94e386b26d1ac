"""The relay on a real broker and a real database: what it publishes, and what makes a lane stop."""

from service.kafka.clients import BATCH_BYTES
from tests.outbox.world import LANES, World, eventually, relay_of


async def test_everything_written_is_published_once_and_in_order(world: World) -> None:
    await world.write_everywhere(rounds=3)
    async with relay_of(world):
        await eventually("what was there is published", world.all_noted)
        await world.write_everywhere(rounds=30)
        await eventually("what came later is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_a_backlog_larger_than_a_record_batch_goes_out_in_one_transaction_in_order(world: World) -> None:
    for _ in range(3):
        # All of an order's outputs, so of one partition.
        await world.write(0, 150, pad=BATCH_BYTES // 100)
    reported = []
    async with relay_of(world, report=lambda rows, seconds: reported.append((len(rows), sorted(seconds)))) as relay:
        await eventually("all of it is published", world.all_noted)
        assert len(relay.status().lanes) == LANES
        assert relay.status().lanes[0].transactions == 1
    assert reported == [(450, ["publish", "read"])]
    await world.assert_each_once_and_in_order()
