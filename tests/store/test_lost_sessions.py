"""A frozen worker, a lost connection and a refused value disturb others for a short time only."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from service.store.connection import connected, pool_of, pool_to_look
from service.store.errors import SchemaError, StoreUnavailableError, ValueRefusedError
from service.store.postgres import PostgresStore, SessionLimits
from service.store.rows import FactRow, OutputRow
from service.store.timeline import Timeline
from tests.orders.conftest import engine_on
from tests.orders.published import notices, outcomes_of, repetitions
from tests.orders.stories import paid_order, record
from tests.waiting import HANG_SECONDS

AT = datetime(2026, 3, 2, tzinfo=UTC)
NOTE = OutputRow(0, None, None, "purchasing.quarantine.v1", "key", "id", b"{}", AT, timed=False)


async def test_a_worker_frozen_between_lane_lock_and_commit_is_cut_off_by_the_server(database: str, beside) -> None:
    store = await PostgresStore.open(database, connections=1, limits=SessionLimits(idle=100))

    async def freezes() -> None:
        async with store.batch() as batch:
            await batch.write([], [NOTE])
            # It says nothing more; somebody else wants the lane and gets it when the server has cut in.
            await beside.execute("select from lanes where lane = 0 for update")
            await batch.look(())

    with pytest.raises(StoreUnavailableError):
        await freezes()
    await store.close()

    assert await beside.fetchval("select count(*) from outbox") == 0
    assert await beside.fetchval("select position from lanes where lane = 0") == 0


async def test_a_transaction_that_takes_too_long_is_ended_by_the_server(database: str) -> None:
    store = await PostgresStore.open(database, connections=1, limits=SessionLimits(transaction=100))
    with pytest.raises(StoreUnavailableError):
        async with store.batch() as batch:
            await batch._connection.execute("select pg_sleep(60)")
    await store.close()


async def test_sessions_have_the_limits_that_keep_them_from_holding_others_up(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    names = (
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "tcp_keepalives_count",
    )
    async with store.batch() as batch:
        found = [await batch._connection.fetchval(f"show {name}") for name in names]
    await store.close()

    assert found == ["5s", "10s", "30s", "10", "5", "3"]


@pytest.mark.parametrize("make", [lambda url, **options: pool_of(url, Timeline(), **options), pool_to_look])
async def test_a_pool_s_connection_keeps_its_settings_when_it_goes_back(database: str, make) -> None:
    ours = {"application_name": "ours", "lock_timeout": "5s", "synchronous_commit": "on", "enable_seqscan": "off"}
    async with make(database, min_size=0, max_size=1, settings=ours) as pool:
        pids = [await pool.fetchval("select pg_backend_pid()") for _ in range(2)]
        found = {name: await pool.fetchval("select current_setting($1)", name) for name in ours}
    assert (len(set(pids)), found) == (1, ours)


async def test_no_setting_of_the_database_takes_the_place_of_a_session_s(database: str, beside) -> None:
    """Neither of a session that is there when it changes, nor of one that comes later."""
    ours = {"lock_timeout": "5s", "transaction_timeout": "30s", "synchronous_commit": "on"}

    async def found(store: PostgresStore) -> dict[str, str]:
        return {name: (await store.fetch("select current_setting($1)", name))[0][0] for name in ours}

    before = await PostgresStore.open(database, connections=1)
    name = await beside.fetchval("select current_database()")
    for setting in ("lock_timeout = 0", "transaction_timeout = 0", "synchronous_commit = off"):
        await beside.execute(f"alter database {name} set {setting}")
    after = await PostgresStore.open(database, connections=1)
    async with connected(database) as command:
        assert await command.fetchval("show synchronous_commit") == "on"
    assert [await found(store) for store in (before, after)] == [ours, ours]
    for store in (before, after):
        await store.close()


async def test_a_connection_that_is_cut_is_an_unavailable_store_and_a_new_one_goes_on(database: str, beside) -> None:
    store = await PostgresStore.open(database, connections=1)
    engine = engine_on(store)
    story = paid_order().bought(goods=90_000)
    await engine.handle(story.inbound_records[:3])
    failures = 0
    for _ in range(10):
        await beside.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'purchasing' and datname = current_database()"
        )
        try:
            await engine.look_again(["ord-1"])
        except StoreUnavailableError:
            failures += 1
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            try:
                handled = await engine.handle(story.inbound_records[3:])
                break
            except StoreUnavailableError:
                failures += 1
    await store.close()

    assert outcomes_of(handled) == [("ord-1", 2, "purchase", 10_010)]
    assert failures <= 11


async def test_a_session_that_may_only_read_since_a_failover_is_left_for_a_new_one(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    engine = engine_on(store)
    await store.fetch("set default_transaction_read_only = on")
    with pytest.raises(StoreUnavailableError, match="25006"):
        await engine.handle(paid_order().inbound_records)
    handled = await engine.handle(paid_order().inbound_records)
    await store.close()

    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]


async def test_a_database_that_isn_t_there_is_an_unavailable_store(postgres, database: str) -> None:
    with pytest.raises(StoreUnavailableError):
        await PostgresStore.open("postgresql://nobody@127.0.0.1:1/nothing")


async def test_a_database_without_tables_names_the_command_to_run(empty_database: str) -> None:
    with pytest.raises(SchemaError, match="python -m service migrate"):
        await PostgresStore.open(empty_database)


async def test_a_value_that_only_the_database_refuses_is_quarantined(database: str, beside) -> None:
    store = await PostgresStore.open(database, connections=1)
    engine = engine_on(store)
    stories = [paid_order(f"ord-{n}") for n in range(7)]
    batch = [inbound_record for story in stories for inbound_record in story]
    batch[9] = culprit = batch[9]._replace(decoded=replace(batch[9].decoded, source="/te\0sts"))
    first = await engine.handle(batch)
    second = await engine.handle(batch)
    await store.close()

    assert first.facts == 20
    assert [("schema", "ord-3", culprit.offset)] == [(n["reason"], n["order_id"], n["offset"]) for n in notices(first)]
    assert {f"ord-{n}" for n in range(7) if n != 3} == {one[0] for one in outcomes_of(first)}
    assert repetitions(second) == 21


async def test_an_order_id_that_the_database_refuses_is_left_out_of_the_notice(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    engine = engine_on(store)
    good, bad = paid_order("ord-1").inbound_records, paid_order("ord-2").last
    culprit = bad._replace(decoded=replace(bad.decoded, subject="ord\0-2"))
    first = await engine.handle([*good, culprit])
    second = await engine.handle([*good, culprit])
    await store.close()

    assert first.facts == 3
    assert [("schema", None, culprit.offset)] == [(n["reason"], n.get("order_id"), n["offset"]) for n in notices(first)]
    assert repetitions(second) == 4


async def test_the_message_about_a_refused_value_doesn_t_repeat_it(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    told = []
    for value in ("{marker}", "marker\0", "marker\ud800"):
        with pytest.raises(ValueRefusedError) as raised:
            async with store.batch() as batch:
                await batch.add_facts([FactRow("ord-1", "/s", "e", 0, 1, AT, "t", value)], [], AT)
        told.append(raised.value)
    await store.close()

    assert all("marker" not in str(error) for error in told)
    assert all(error.__suppress_context__ for error in told)


async def test_a_bug_is_no_unavailable_store(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with store.batch() as batch:
            await batch._connection.execute("not sql")
    await store.close()


async def test_a_redelivered_batch_leaves_every_row_as_it_was(database: str, beside) -> None:
    async def rows() -> dict[str, list[str]]:
        tables = await beside.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {
            table: [row[0] for row in await beside.fetch(f"select xmin::text || t::text from {table} t order by 1")]
            for (table,) in tables
        }

    store = await PostgresStore.open(database, connections=1)
    batch = [*paid_order().bought(goods=90_000), record(b"{", key=b"ord-1")]
    await engine_on(store).handle(batch)
    before = await rows()
    await engine_on(store).handle(batch)
    after = await rows()
    await store.close()

    assert before == after
    assert all(before[table] for table in ("orders", "facts", "outbox", "quarantine"))
