"""A standby takes over under work: no connection writes or decides before it was compared with the new primary, and
nothing whose offset was committed is lost."""

import uuid
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from service.observability.reachability import database_problem
from service.store.connection import connect_to_look, connected, pool_of
from service.store.errors import DatabaseMovedError, StoreUnavailableError
from service.store.migrate import migrate
from service.store.postgres import PostgresStore, SessionLimits
from service.store.rows import ProgressRow
from service.store.timeline import IN_RECOVERY, Timeline
from tests.conftest import NO_FSYNC
from tests.databases import on_server
from tests.delivery.outside import case_events, order_id
from tests.delivery.service import eventually
from tests.recovery.conftest import assert_lost_input_is_read_again, play
from tests.recovery.standby import Pair

PROGRESS = [ProgressRow("a topic", 0, datetime(2026, 3, 2, tzinfo=UTC))]


@pytest.fixture
async def lagging(pair) -> str:
    """A migrated database; the standby has all of it so far, and nothing later."""
    name = f"lagging_{uuid.uuid4().hex[:12]}"
    await on_server(pair.dsn, f"create database {name}")
    await migrate(pair.dsn_of(name))
    await pair.lag()
    return str(pair.dsn_of(name))


async def test_a_store_keeps_no_connection_that_was_met_in_recovery(pair, lagging) -> None:
    store = await PostgresStore.open(lagging, connections=1)
    await pair.fail_over()
    for _ in range(2):
        # The first worker finds its connection to the primary lost.
        with pytest.raises(StoreUnavailableError) as said:
            await store.server_time()
    assert str(said.value) == IN_RECOVERY
    await pair.promote()
    with pytest.raises(DatabaseMovedError, match="a replica took over"):
        await store.note_progress(PROGRESS)
    await store.close()
    assert not await pair.rows(lagging, "select from input_progress")


async def test_a_store_opened_in_recovery_waits_for_the_promotion(pair, lagging) -> None:
    await pair.fail_over()
    with pytest.raises(StoreUnavailableError, match="in recovery"):
        await PostgresStore.open(lagging, connections=1)
    await pair.promote()
    store = await PostgresStore.open(lagging, connections=1)
    assert store.timeline.known is not None
    await store.note_progress(PROGRESS)
    await store.close()


async def test_a_pool_and_a_command_refuse_a_server_in_recovery(pair, lagging) -> None:
    """The relay's pool, and every command that writes. Readers may connect to a standby and can't write later."""
    await pair.fail_over()
    async with pool_of(lagging, Timeline(), min_size=0, max_size=1) as pool:
        with pytest.raises(StoreUnavailableError, match="in recovery"):
            await pool.fetch("select")
    with pytest.raises(StoreUnavailableError, match="in recovery"):
        async with connected(lagging):
            raise AssertionError
    looking = await connect_to_look(lagging)
    await pair.promote()
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await looking.execute("insert into circuit_breakers (topic, bad, records) values ('a topic', 1, 1)")


async def test_connections_of_one_process_refuse_two_histories(pair, lagging) -> None:
    """A command that reads over one connection and decides over another."""
    timeline = Timeline()
    async with connected(lagging, timeline):
        pass
    await pair.fail_over()
    await pair.promote()
    with pytest.raises(DatabaseMovedError):
        await PostgresStore.open(lagging, connections=1, timeline=timeline)


async def test_two_standbys_with_the_same_timeline_number_are_distinguished(pair, lagging, servers) -> None:
    """Neither standby knows of the other's promotion: one takes over after the other, promoted before it, is lost,
    too."""
    third = EmbeddedPostgres(servers / f"third-{uuid.uuid4().hex[:8]}", settings=NO_FSYNC, temporary=True)
    async with AsyncExitStack() as undo:
        undo.push_async_exit(third)
        other = await undo.enter_async_context(Pair(pair.primary, third))
        await other.lag()
        await pair.fail_over()
        await pair.promote()
        await other.promote()
        store = await PostgresStore.open(lagging, connections=1)
        await store.note_input_agrees({})
        await pair.fail_over_to(other)
        with pytest.raises(DatabaseMovedError) as said:
            await noted_over_a_new_connection(store)
        await store.close()
        assert f"was {store.timeline.known}, is {store.timeline.known}" in str(said.value)


async def noted_over_a_new_connection(store: PostgresStore) -> None:
    with suppress(StoreUnavailableError):
        # The loss of the old primary was not noticed yet.
        await store.server_time()
    await store.note_progress(PROGRESS)


async def test_the_input_is_not_held_against_a_database_that_has_read_less(pair, lagging) -> None:
    """The database failed over between the comparison with the input and the note that both agree."""
    store = await PostgresStore.open(lagging, connections=1)
    with pytest.raises(DatabaseMovedError):
        await store.note_input_agrees({("a topic", 0): PROGRESS[0].watermark})
    assert not await store.input_agrees()
    await store.note_progress(PROGRESS)
    await store.note_input_agrees({("a topic", 0): PROGRESS[0].watermark, ("a topic", 1): None})
    assert await store.input_agrees()
    await store.close()


async def test_a_worker_that_connects_in_recovery_reads_again_what_the_standby_lacks(torn, pair) -> None:
    placed, accepted, captured = case_events("01", order_id())
    await torn.moved_to(pair)
    async with torn.worker() as worker:
        await worker.has_logged("service_running")
        async with torn.outside() as outside:
            await outside.send_and_settle(placed)
            await pair.lag()
            await outside.send_and_settle(accepted)
        await pair.fail_over()
        progress = await pair.rows(torn.database, "select * from input_progress order by 1, 2")
        # By its own account it was connected while nothing could be compared.
        await worker.has_logged("database_retry", task="decide what is due", because=IN_RECOVERY)
        await pair.promote()
        assert await worker.ended() == 1
    assert "PostgreSQL has another timeline than before" in worker.log.read_text()
    assert await torn.rows("select * from input_progress order by 1, 2") == progress
    assert await torn.rows("select count(*) from facts") == [(1,)]
    await assert_lost_input_is_read_again(torn, captured)


async def test_a_worker_started_in_recovery_works_after_the_promotion(torn, pair) -> None:
    placed, accepted, captured = case_events("01", order_id())
    await torn.moved_to(pair)
    await play(torn, [placed, accepted])
    await pair.lag()
    await pair.fail_over()
    async with torn.worker() as worker, torn.sender() as sender:
        assert (await worker.has_logged("startup_waiting", waiting_for="PostgreSQL"))["because"] == IN_RECOVERY
        await sender.send(captured)
        await pair.promote()
        async with torn.outside(past=True) as outside:
            (decision,) = await outside.until(captured["subject"], bool)
    assert decision.event["data"]["outcome"] == "effective"
    assert await torn.rows("select count(*) from facts") == [(3,)]
    assert len(await torn.ids()) == 1


async def test_a_synchronous_standby_takes_over_with_batches_in_flight(torn, pair) -> None:
    events = [event for _ in range(20) for event in case_events("01", order_id())]
    await torn.moved_to(pair)
    await pair.confirm_every_commit()
    async with torn.worker() as worker, torn.sender() as sender:
        await worker.has_logged("service_running")
        for event in events[: len(events) // 2]:
            await sender.send(event)
        await pair.fail_over()
        await pair.promote()
        for event in events[len(events) // 2 :]:
            await sender.send(event)
        assert await worker.ended() == 1
    async with torn.worker(), torn.outside(past=True) as outside:
        for subject in {event["subject"] for event in events}:
            (decision,) = await outside.until(subject, bool)
            assert decision.event["data"]["outcome"] == "effective"
    assert await torn.rows("select count(*) from facts") == [(len(events),)]
    ids = await torn.ids()
    assert len(ids) == len(set(ids)) == 20


async def test_a_commit_that_the_synchronous_standby_did_not_confirm_is_read_by_nobody(pair) -> None:
    """However long a commit takes, and although the service gives up waiting for it: its output would be published,
    and then be lost with the primary."""
    name = f"unconfirmed_{uuid.uuid4().hex[:12]}"
    await on_server(pair.dsn, f"create database {name}")
    await migrate(pair.dsn_of(name))
    await pair.confirm_every_commit()
    limits = SessionLimits(transaction=500, client=1_000)
    store = await PostgresStore.open(pair.dsn_of(name), connections=2, limits=limits)
    looking = await connect_to_look(pair.dsn_of(name))
    await pair.standby.kill()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await store.note_progress(PROGRESS)
    assert await looking.fetch("select from input_progress") == []
    await pair.standby.start()
    await eventually(lambda: looking.fetch("select from input_progress"), "what is confirmed now")
    await looking.close()
    await store.close()


async def test_a_replaced_primary_that_still_runs_keeps_a_worker_from_starting(pair, lagging) -> None:
    one, other = pair.primary.port, pair.standby.port
    url = lagging.replace(urlsplit(lagging).netloc.rpartition("@")[2], f"127.0.0.1:{one},127.0.0.1:{other}")
    assert await database_problem(url) is None, "a primary and a standby"
    await pair.promote()
    said = f"127.0.0.1:{one} and 127.0.0.1:{other} accept writes and have different histories"
    assert str(await database_problem(url)).startswith(said)
    assert await database_problem(url.replace(f"127.0.0.1:{other}", f"localhost:{one}")) is None, "one server, twice"
    await pair.primary.kill()
    assert await database_problem(url) is None


async def test_a_command_reports_that_it_reached_a_standby(torn, pair) -> None:
    await torn.moved_to(pair)
    await pair.lag()
    await pair.fail_over()
    for command in (("order", "hold", "an-order", "--why", "because"), ("migrate",)):
        done = await torn.command(*command)
        assert IN_RECOVERY in done.stderr, command
        assert done.returncode == 1, command
    assert f"bad   database  {IN_RECOVERY}" in (await torn.command("doctor")).stdout
