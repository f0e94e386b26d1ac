"""The cache: bounded by facts, valid by the row's token, filled after COMMIT."""

from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest

from service.orders.cache import Cache
from service.orders.state import OrderState
from service.rules.facts import Fact
from service.store.errors import StoreUnavailableError
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.published import outcomes_of
from tests.orders.stories import paid_order


def state(facts: int) -> OrderState:
    return OrderState(version=uuid4(), facts=tuple(Fact(n, "/tests", f"e{n}", None, None) for n in range(facts)))


def test_the_least_recently_used_goes_when_there_are_too_many_facts() -> None:
    cache = Cache(facts_max=10)
    first, second, third = state(4), state(4), state(4)
    cache.fill([("a", first), ("b", second)])
    assert cache.get("a", first.version) is first
    cache.fill([("c", third)])

    assert cache.facts == 8
    assert cache.get("b", second.version) is None
    assert cache.get("a", first.version) is first
    assert cache.get("c", third.version) is third


def test_an_order_kept_anew_counts_once() -> None:
    cache = Cache(facts_max=10)
    cache.fill([("a", state(4))])
    cache.fill([("a", state(6))])

    assert (len(cache), cache.facts) == (1, 6)


def test_an_orders_bookmark_counts_as_a_fact() -> None:
    cache = Cache(facts_max=10)
    cache.fill([("a", state(4)), ("b", state(5))])

    assert (len(cache), cache.facts) == (1, 5)


def test_an_order_larger_than_the_cache_is_not_kept() -> None:
    cache = Cache(facts_max=10)
    cache.fill([("a", state(11))])

    assert (len(cache), cache.facts) == (0, 0)


def test_a_state_with_another_token_is_none() -> None:
    cache = Cache()
    cache.fill([("a", state(3))])

    assert cache.get("a", uuid4()) is None


@pytest.fixture
async def stores(database: str):
    pair = [await PostgresStore.open(database, connections=1) for _ in range(2)]
    yield pair
    for store in pair:
        await store.close()


async def test_a_write_of_another_worker_makes_the_cached_order_invalid(stores) -> None:
    here, there = (engine_on(store) for store in stores)
    story = paid_order().bought(goods=90_000).seller_refunds(1_000)
    first = await here.handle(story.inbound_records[:3])
    second = await there.handle(story.inbound_records[3:4])
    third = await here.handle(story.inbound_records[4:])

    assert [one[1] for one in outcomes_of(first, second, third)] == [1, 2, 3]
    assert outcomes_of(third) == [("ord-1", 3, "purchase", 1_001)]


async def test_nothing_is_read_for_a_cached_order(stores, monkeypatch) -> None:
    from service.store.batch import PostgresBatch

    asked: list[str] = []
    for name in ("facts", "outputs"):
        real = getattr(PostgresBatch, name)

        async def counted(self, order_ids, name=name, real=real):
            asked.append(name)
            return await real(self, order_ids)

        monkeypatch.setattr(PostgresBatch, name, counted)
    engine = engine_on(stores[0])
    story = paid_order().bought(goods=90_000)
    for inbound_record in story:
        await engine.handle([inbound_record])
    cached = list(asked)
    engine.cache.clear()
    await engine.handle([story.last])

    assert cached == []
    assert asked == ["facts", "outputs"]


REFUSE_AT_COMMIT = """
create function refuse() returns trigger language plpgsql as $$
begin raise exception 'no commit' using errcode = '40001'; end $$;
create constraint trigger refuse after insert on facts deferrable initially deferred
for each row execute function refuse();
"""


async def test_a_commit_that_fails_leaves_nothing_in_the_cache(database: str, stores) -> None:
    engine = engine_on(stores[0])
    story = paid_order().bought(goods=90_000)
    await engine.handle(story.inbound_records[:3])
    connection = await asyncpg.connect(database)
    await connection.execute(REFUSE_AT_COMMIT)
    with pytest.raises(StoreUnavailableError):
        await engine.handle(story.inbound_records[3:])
    left = len(engine.cache)
    await connection.execute("drop trigger refuse on facts")
    await connection.close()
    again = await engine.handle(story.inbound_records[3:])

    assert left == 0
    assert outcomes_of(again) == [("ord-1", 2, "purchase", 10_010)]


async def test_a_new_connection_empties_the_cache(database: str, stores) -> None:
    engine = engine_on(stores[0])
    await engine.handle([*paid_order("ord-1"), *paid_order("ord-2")])
    before = stores[0].epoch
    connection = await asyncpg.connect(database)
    ended = await connection.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'purchasing' and datname = current_database()"
    )
    assert ended == 2
    await connection.close()
    # The driver may have seen the end of the connection already, or see it only now.
    with suppress(StoreUnavailableError):
        await engine.look_again(["ord-1"])
    await engine.look_again(["ord-1"])

    assert stores[0].epoch == before + 1
    assert len(engine.cache) == 1
