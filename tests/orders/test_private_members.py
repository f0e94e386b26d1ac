"""Private members (clause 23): stored apart from the facts, compared while they exist, without effect once erased."""

import json

import asyncpg
import pytest

from service.orders.engine import Engine
from service.store.memory import MemoryStore
from tests.orders.conftest import engine_on
from tests.orders.published import notices, outcomes_of, repetitions
from tests.orders.stories import Story, paid_order, record

ADDRESS = "Warehouse 3, marker-5e1f"


@pytest.fixture
def erase(where: str | None, store):
    async def erased() -> None:
        if where is None:
            assert isinstance(store, MemoryStore)
            store.private.clear()
            return
        connection = await asyncpg.connect(where)
        assert await connection.execute("delete from private_members") == "DELETE 1"
        await connection.close()

    return erased


async def test_the_same_message_with_another_address_is_a_conflict(engine: Engine) -> None:
    await engine.handle(Story().placed(address=ADDRESS).inbound_records)
    handled = await engine.handle(Story().placed(address="Warehouse 4").inbound_records)

    assert [(n["reason"], n["place"]) for n in notices(handled)] == [("conflict", "/data")]


async def test_the_same_message_with_the_same_address_is_known(engine: Engine) -> None:
    story = Story().placed(address=ADDRESS, contact={"email": "a@b.example"})
    await engine.handle(story.inbound_records)

    assert repetitions(await engine.handle(story.inbound_records)) == 1


async def test_a_message_without_the_address_is_another_message(engine: Engine) -> None:
    await engine.handle(Story().placed(address=ADDRESS).inbound_records)
    handled = await engine.handle(Story().placed(address=None).inbound_records)

    assert [n["reason"] for n in notices(handled)] == ["conflict"]


async def test_once_erased_a_redelivery_is_known_and_doesn_t_bring_them_back(engine: Engine, erase) -> None:
    story = Story().placed(address=ADDRESS)
    await engine.handle(story.inbound_records)
    await erase()
    handled = [await engine.handle(story.inbound_records), await engine.handle(story.inbound_records)]
    engine.cache.clear()
    handled.append(await engine.handle(story.inbound_records))

    assert [repetitions(one) for one in handled] == 3 * [1]


async def test_the_rules_go_on_after_an_erasure(store, erase) -> None:
    story = paid_order()
    await engine_on(store).handle(story.inbound_records[:2])
    await erase()
    handled = await engine_on(store).handle([story.last])

    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]


async def test_private_members_are_only_in_their_own_table_and_in_quarantine(database: str) -> None:
    from service.store.postgres import PostgresStore

    store = await PostgresStore.open(database)
    engine = engine_on(store)
    story = paid_order_at(ADDRESS)
    event = json.loads(story.inbound_records[0].value)
    event["data"]["quote"]["goods"]["value"] = -1
    broken = record(json.dumps(event).encode(), key=b"ord-1")
    handled = await engine.handle([*story, broken])
    await store.close()
    connection = await asyncpg.connect(database)
    tables = [row[0] for row in await connection.fetch("select tablename from pg_tables where schemaname = 'public'")]
    holding = {
        table
        for table in tables
        if await connection.fetchval(
            f"select count(*) from {table} t"
            " where position($1 in t::text) > 0 or position(encode($2, 'hex') in t::text) > 0",
            "marker-5e1f",
            b"marker-5e1f",
        )
    }
    await connection.close()

    assert len(handled.quarantined) == 1
    assert {"private_members", "quarantine"} == holding
    assert "marker-5e1f" not in repr(notices(handled))


def paid_order_at(address: str) -> Story:
    return Story().placed(address=address).accepted().paid()
