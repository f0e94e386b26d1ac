"""Pauses and the refund limit, on a real broker: while paused nothing goes out; resumed, all of it does, in order."""

import asyncio
import json
import uuid

from structlog.testing import capture_logs

from service.outbox import Relay
from service.outbox.refund_limit import REFUNDS
from service.store.operators.pauses import ALL_LANES, AUTOMATIC, Exceeded, Refund, admit, current_pauses, pause, resume
from tests.outbox.world import TAKE, WRITE, World, eventually, relay_of

LIMITS = {"CNY": 1_000}


async def refund(world: World, lane: int, *amounts: int, currency: str = "CNY") -> None:
    """Put refunds of one order into a lane, in one transaction."""
    values = [
        json.dumps({"id": uuid.uuid4().hex, "data": {"amount": {"currency": currency, "value": amount}}})
        for amount in amounts
    ]
    async with world.pool.acquire() as connection, connection.transaction():
        last = await connection.fetchval(TAKE, lane, len(values))
        order = f"order-{uuid.uuid4().hex[:6]}"
        await connection.execute(WRITE, lane, last - len(values), order, REFUNDS, values, False)
        await connection.execute("select pg_notify('purchasing_outbox', $1)", str(lane))
    world.written[lane] += [json.loads(value)["id"] for value in values]


def states(relay: Relay) -> dict[int, str]:
    return {lane.lane: lane.state for lane in relay.status().lanes}


async def actions(world: World) -> list[tuple[str, str, str]]:
    rows = await world.pool.fetch("select done_by, what, subject from operator_actions order by nth")
    return [tuple(row) for row in rows]


async def test_nothing_goes_out_of_a_paused_outbox_and_all_of_it_in_order_once_resumed(world: World) -> None:
    async with relay_of(world) as relay:
        await world.write_everywhere(1)
        await eventually("published", world.all_noted)
        before = len(await world.published())
        async with world.pool.acquire() as connection:
            await pause(connection, ALL_LANES, "ann", "something is odd")
        await world.write_everywhere(2)
        await eventually("all lanes pause", lambda: set(states(relay).values()) == {"paused"})
        reasons = {lane.reason for lane in relay.status().lanes}
        during = len(await world.published())
        async with world.pool.acquire() as connection:
            await resume(connection, ALL_LANES, "ann", "it was not")
        await eventually("published", world.all_noted)
        await eventually("nothing is paused", lambda: set(states(relay).values()) == {"waiting"})

    assert reasons == {"by ann: something is odd"}
    assert during == before
    await world.assert_each_once_and_in_order()
    assert await actions(world) == [("ann", "outbox pause", "all lanes"), ("ann", "outbox resume", "all lanes")]


async def test_a_paused_lane_holds_up_no_other_and_stays_paused_in_the_next_process(world: World) -> None:
    async with world.pool.acquire() as connection:
        await pause(connection, 1, "ann", "its receiver is being mended")
    await world.write_everywhere(1)
    for _ in range(2):
        async with relay_of(world) as relay:
            await eventually(
                "the others are published",
                lambda relay=relay: states(relay) == {0: "waiting", 1: "paused", 2: "waiting", 3: "waiting"},
            )
    published = {record.lane for record in await world.published()}
    async with world.pool.acquire() as connection:
        await resume(connection, 1, "ann", None)
    async with relay_of(world):
        await eventually("published", world.all_noted)

    assert published == {0, 2, 3}
    await world.assert_each_once_and_in_order()


async def test_refunds_beyond_the_limit_of_a_minute_stop_all_lanes_before_they_go_out(
    world: World,
) -> None:
    with capture_logs() as logged:
        async with relay_of(world, refund_limits=LIMITS) as relay:
            await refund(world, 0, 600, 300)
            await refund(world, 1, 5_000, currency="EUR")
            await eventually("what is within the limit goes out", world.all_noted)
            await refund(world, 2, 101)
            await eventually("all lanes pause", lambda: set(states(relay).values()) == {"paused"})
            await world.write(3, 5)
            published = len(await world.published())
            (pause,) = [tuple(row) for row in await world.pool.fetch("select lane, paused_by, why from outbox_pauses")]
            async with world.pool.acquire() as connection:
                await resume(connection, ALL_LANES, "ann", "a campaign was called off")
            await eventually("what was decided by then goes out", world.all_noted)
            await refund(world, 3, 150)
            await eventually("what comes later counts again", lambda: set(states(relay).values()) == {"paused"})

    assert published == 3
    assert pause == (-1, AUTOMATIC, "1001 CNY (minor units) would be refunded within a minute, the limit is 1000")
    exceeded = next(one for one in logged if one["event"] == "refund_limit_exceeded")
    assert (exceeded["log_level"], exceeded["amount"], exceeded["currency"], exceeded["limit"]) == (
        "error",
        1001,
        "CNY",
        1000,
    )
    assert (await actions(world))[:2] == [
        (AUTOMATIC, "outbox pause", "all lanes"),
        ("ann", "outbox resume", "all lanes"),
    ]


async def test_a_position_counts_once_however_often_it_is_tried(world: World) -> None:
    async with world.pool.acquire() as connection:
        same = [Refund(1, "CNY", 900)]
        assert [await admit(connection, 0, same, LIMITS) for _ in range(3)] == [None, None, None]
        assert await admit(connection, 1, same, LIMITS) == Exceeded("CNY", 1_800, 1_000)


async def test_two_lanes_at_once_do_not_both_stay_within_what_is_left(world: World) -> None:
    async def one(lane: int) -> Exceeded | None:
        async with world.pool.acquire() as connection:
            return await admit(connection, lane, [Refund(1, "CNY", 400)], LIMITS)

    answers = await asyncio.gather(*(one(lane) for lane in range(4)))
    async with world.pool.acquire() as connection:
        paused = await current_pauses(connection)
    assert sum(answer is None for answer in answers) == 2
    assert [pause.lane for pause in paused] == [ALL_LANES]


async def test_refunds_older_than_a_minute_are_not_counted(world: World) -> None:
    async with world.pool.acquire() as connection:
        await admit(connection, 0, [Refund(1, "CNY", 1_000)], LIMITS)
        await connection.execute("update refunds_admitted set at = at - interval '61 seconds'")
        assert await admit(connection, 0, [Refund(2, "CNY", 1_000)], LIMITS) is None


async def test_a_batch_tried_again_with_more_in_it_counts_only_what_is_new(world: World) -> None:
    first = [Refund(1, "CNY", 300), Refund(2, "EUR", 10), Refund(3, "CNY", 300)]
    async with world.pool.acquire() as connection:
        assert await admit(connection, 0, first, LIMITS) is None
        assert await admit(connection, 0, [*first, Refund(4, "CNY", 400)], LIMITS) is None
        assert await admit(connection, 0, [Refund(5, "CNY", 1)], LIMITS) == Exceeded("CNY", 1_001, 1_000)
