"""The relay on a real broker and a real database: what it publishes, and what makes a lane stop."""

from tests.outbox.world import World, eventually, relay_of


async def test_everything_written_is_published_once_and_in_order(world: World) -> None:
    await world.write_everywhere(rounds=3)
    async with relay_of(world):
        await eventually("what was there is published", world.all_noted)
        await world.write_everywhere(rounds=30)
        await eventually("what came later is published", world.all_noted)
    await world.assert_each_once_and_in_order()
