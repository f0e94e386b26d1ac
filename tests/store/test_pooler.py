"""Behind a pooler that keeps sessions everything is as without one; one that doesn't is refused in a sentence."""

from __future__ import annotations

import json
import re

import pytest
from aiokafka import AIOKafkaProducer

from service.store.connection import connect, connected
from service.store.errors import NotUsableError, StoreUnavailableError
from service.store.postgres import PostgresStore, SessionLimits
from service.store.timeline import Timeline
from tests.cli.commands import command
from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import Worker, eventually
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order
from tests.security.site import recreate_topics
from tests.store.pooler import Pooler

SHARED = "a pooler stands between this program and PostgreSQL, and hands the connection to others"
LIMITS = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s", "transaction_timeout": "30s"}
IN_FORCE = "select name, current_setting(name) from unnest($1::text[]) as name"


async def test_limits_of_a_session_are_in_force_behind_a_pooler(database: str) -> None:
    async with Pooler(database, "session") as pooler:
        store = await PostgresStore.open(pooler.dsn, connections=2)
        try:
            assert dict(map(tuple, await store.fetch(IN_FORCE, list(LIMITS)))) == LIMITS
        finally:
            await store.close()


async def test_a_pooler_that_drops_startup_settings_does_not_take_the_limits_away(database: str) -> None:
    ignored = ",".join((*LIMITS, "application_name", "jit", "enable_seqscan"))
    async with Pooler(database, "session", ignore_startup_parameters=ignored) as pooler, connected(pooler.dsn) as one:
        assert await one.fetchval("show lock_timeout") == "10s"
        assert await one.fetchval("select application_name from pg_stat_activity where pid = pg_backend_pid()") == (
            "purchasing command"
        )


async def test_one_connection_after_another_is_a_session_of_its_own(database: str) -> None:
    """The pooler gives the server's process on: nothing of the one before is left."""
    async with Pooler(database, "session", default_pool_size=2) as pooler:
        for _ in range(3):
            connection = await connect(pooler.dsn, Timeline(), settings={"lock_timeout": "1s"})
            assert connection.is_pooled
            connection.terminate()


async def test_a_connection_without_a_pooler_is_not_taken_for_pooled(database: str) -> None:
    async with connected(database) as connection:
        assert not connection.is_pooled


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_keeps_no_sessions_is_refused(mode: str, database: str) -> None:
    async with Pooler(database, mode) as pooler:
        with pytest.raises(NotUsableError, match=SHARED):
            await connect(pooler.dsn, Timeline())


async def test_a_pooler_of_one_connection_is_refused_too(database: str) -> None:
    """With one connection only, every setting seems to last."""
    async with Pooler(database, "transaction", default_pool_size=1) as pooler:
        with pytest.raises(NotUsableError, match=SHARED):
            await connect(pooler.dsn, Timeline(), settings={"lock_timeout": "1s"})


async def test_the_check_of_a_refused_pooler_leaves_nothing_to_others(database: str) -> None:
    async with Pooler(database, "transaction", default_pool_size=1) as pooler:
        with pytest.raises(NotUsableError):
            await connect(pooler.dsn, Timeline(), settings={"lock_timeout": "1s"})
        assert await pooler.ask("select name from pg_prepared_statements where name <> ''") == []
        assert await pooler.ask("show lock_timeout") == [("0",)]


async def test_a_setting_that_does_not_last_is_named(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look: a pooler that isn't seen to share, and yet forgets what was set."""

    async def overlooked(*_: object) -> None:
        return

    monkeypatch.setattr("service.store.session._refuse_shared", overlooked)
    async with Pooler(database, "transaction", server_reset_query_always=1) as pooler:
        with pytest.raises(NotUsableError, match="lock_timeout was set and is not in force"):
            await connect(pooler.dsn, Timeline(), settings={"lock_timeout": "1s"}, statement_cache_size=0)


async def test_a_pooler_without_a_connection_to_spare_is_waited_for(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.session.SECOND_SECONDS", 0.2)
    async with Pooler(database, "session", default_pool_size=1) as pooler:
        with pytest.raises(StoreUnavailableError, match=r"no second connection .*default_pool_size"):
            await connect(pooler.dsn, Timeline())


async def test_a_pooler_whose_server_is_away_is_waited_for(database: str) -> None:
    nowhere = re.sub(r":\d+/", ":9/", database)
    async with Pooler(nowhere, "session", server_login_retry=1, query_wait_timeout=1) as pooler:
        with pytest.raises(StoreUnavailableError):
            await connect(pooler.dsn, Timeline())


async def test_a_pooler_that_does_not_know_the_database_is_for_a_person(database: str) -> None:
    async with Pooler(database, "session") as pooler:
        with pytest.raises(NotUsableError, match="check its user, its password and its database"):
            await connect(pooler.dsn.rpartition("/")[0] + "/nosuch", Timeline())
        with pytest.raises(NotUsableError, match="check its user, its password and its database"):
            await connect(re.sub("//[^@]*@", "//nobody:wrong@", pooler.dsn), Timeline())


async def test_a_batch_is_stored_behind_a_pooler(database: str) -> None:
    async with Pooler(database, "session") as pooler:
        store = await PostgresStore.open(pooler.dsn, limits=SessionLimits())
        try:
            await engine_on(store).handle(paid_order("ord-1"))
            assert await store.fetch("select order_id from orders") == [("ord-1",)]
        finally:
            await store.close()


async def test_commands_and_the_service_run_behind_a_pooler(kafka: str, empty_database: str, worker_logs) -> None:
    async with Pooler(empty_database, "session") as pooler:
        migrated = command(pooler.dsn, "migrate", "--lanes", "4")
        assert (migrated.code, "Applied: 0001" in migrated.err) == (0, True), migrated.err
        await recreate_topics(kafka)
        order = empty_database.rpartition("/")[2]
        async with Worker(kafka, pooler.dsn, worker_logs, order) as worker:
            await worker.has_logged("service_running")
            listening = (
                "select count(*) from pg_stat_activity where query like 'LISTEN%' and datname = current_database()"
            )
            await eventually(lambda: _is(pooler, listening, 1), "it listens", worker.log.read_text)
            async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
                for event in case_events("13", f"ord-{order}"):
                    value = json.dumps(event).encode()
                    await producer.send_and_wait(topic_for(event), value, event["subject"].encode())
            published = (
                "select count(*) from outbox o join relay_notes n using (lane)"
                " where o.position <= n.position and o.topic = 'purchasing.commands.refund.v1'"
            )
            await eventually(lambda: _is(pooler, published, 1), "a refund published", worker.log.read_text)
            where = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": kafka, "PURCHASING_CONSUMER_GROUP": order}
            explained = command(pooler.dsn, "explain", f"ord-{order}")
            assert (explained.code, explained.err) == (0, "")
            lag = command(pooler.dsn, "lag", "--json", **where)
            assert (lag.code, json.loads(lag.out)["database"]["stuck"]) == (0, 0), lag.err
            doctor = command(pooler.dsn, "doctor", "--json", **where)
            assert {"about": "database", "state": "well"}.items() <= doctor.lines[1].items(), doctor.out
            assert "a pooler, such as PgBouncer" in doctor.lines[1]["words"]
            worker.stop()
            assert await worker.ended() == 0


@pytest.mark.parametrize("words", [("migrate",), ("run",), ("explain", "o"), ("lag",), ("doctor",)], ids=" ".join)
async def test_each_command_refuses_transaction_pooling_in_a_sentence(words, kafka: str, database: str) -> None:
    async with Pooler(database, "transaction") as pooler:
        done = command(pooler.dsn, *words, PURCHASING_KAFKA_BOOTSTRAP_SERVERS=kafka, PURCHASING_HTTP_PORT="0")
        said = done.err + done.out.decode()
        assert (done.code, SHARED in said) == (1, True), said
        assert "program_fault" not in said


async def _is(pooler: Pooler, query: str, value: int) -> bool:
    return (await pooler.ask(query))[0][0] >= value
