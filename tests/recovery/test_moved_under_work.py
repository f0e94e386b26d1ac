"""The database is restored to the past while workers run, or is another than theirs: nothing whose offset was
committed is lost."""

import signal

from tests.delivery.outside import case_events, order_id
from tests.recovery.conftest import assert_lost_input_is_read_again, play


async def test_a_database_restored_under_work_reads_again_what_it_lost(torn, archive):
    """The case of a lagging replica that takes over: one worker ended with the old server, another lost no facts."""
    await torn.moved_to(archive.server)
    await archive.base_backup()
    placed, accepted, captured = case_events("01", order_id())
    await play(torn, [placed])
    instant = await archive.now()
    async with torn.worker() as stays, torn.worker() as goes:
        for worker in (stays, goes):
            await worker.has_logged("service_running")
        async with torn.outside() as outside:
            await outside.send_and_settle(accepted)
        goes.send(signal.SIGKILL)
        await archive.restore(instant)
        assert await stays.ended() == 1
    assert (
        "PostgreSQL has another timeline than before: a replica took over, or a backup was restored"
        in stays.log.read_text()
    )
    assert await torn.rows("select count(*) from facts") == [(1,)]
    # Nor did it note its earlier input as read: that would hide the loss from the next worker.
    assert not await torn.rows("select from input_progress where watermark > $1", instant)
    await assert_lost_input_is_read_again(torn, captured)


async def test_a_worker_with_another_database_takes_nothing_from_the_group_that_is_at_work(torn):
    placed, accepted, captured = case_events("01", order_id())
    await play(torn, [placed])
    right = torn.database
    async with torn.worker() as at_work:
        await at_work.has_logged("service_running")
        await torn.new_database()
        async with torn.worker() as astray:
            waits = await astray.has_logged(
                "startup_waiting", times=2, waiting_for="the consumer group to have no members"
            )
            assert "the database is new" in waits["because"]
            assert not await torn.rows("select from facts")
            torn.database = right
            async with torn.outside() as outside:
                for event in (accepted, captured):
                    await outside.send_and_settle(event)
    assert await torn.rows("select count(*) from facts") == [(3,)]
    assert len(await torn.ids()) == 1
