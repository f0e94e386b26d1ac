"""Looks that work, fail, hang and take long, without a broker or a database: those are in test_outages."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from structlog.testing import capture_logs

from service.observability import lag, poller
from service.observability.lag import GroupLag, LagLook, PartitionLag
from service.observability.poller import Poller
from tests.observability.seen import ORDERS
from tests.waiting import HANG_SECONDS

TOPICS = (ORDERS,)


async def for_ever(*_: object) -> None:
    await asyncio.Event().wait()


async def until(seen) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while not seen():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0)


@pytest.fixture
async def looking(monkeypatch):
    """A survey that looks without a pause, at a database whose answers a test can set, and at no broker."""
    answers = SimpleNamespace(schema=lambda _: no_problem(), census=lambda _: no_problem())

    async def no_problem() -> None:
        return None

    async def figures(_connection):
        return SimpleNamespace(totals={"at": datetime.now(UTC)})

    async def connect(_url):
        return SimpleNamespace(terminate=lambda: None)

    monkeypatch.setattr(poller, "schema_problem", lambda url: answers.schema(url))
    monkeypatch.setattr(poller.database_figures, "census", lambda connection: answers.census(connection))
    monkeypatch.setattr(poller.database_figures, "figures", figures)
    monkeypatch.setattr(poller.database_figures, "connect", connect)
    monkeypatch.setattr(poller, "CENSUS_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(poller, "AFTER_FAILURE_SECONDS", 0.0)
    seen = Poller({}, "", "purchasing", TOPICS, every=0.0)
    monkeypatch.setattr(seen, "_look_at_broker", for_ever)
    task = asyncio.create_task(seen.run(asyncio.Event()))
    yield seen, answers
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_database_that_freezes_at_any_question_counts_as_one_that_does_not_answer(looking, monkeypatch):
    monkeypatch.setattr(poller, "LOOK_LIMIT_SECONDS", 0.01)
    monkeypatch.setattr(poller, "SCHEMA_EVERY_SECONDS", 0.0)
    seen, answers = looking
    await until(lambda: seen.database.works)
    answers.schema = for_ever
    await until(lambda: seen.database.failures > 1)
    assert not seen.database.works


async def test_a_count_of_waiting_orders_that_takes_long_keeps_no_look_waiting(looking):
    seen, answers = looking
    begun = asyncio.Event()

    async def census(_connection):
        begun.set()
        await for_ever()

    answers.census = census
    await begun.wait()
    last = seen.database.at
    await until(lambda: seen.database.at > last)
    assert seen.census.at is None


def test_before_the_first_look_none_has_worked():
    assert not poller.LastLook().works
    assert poller.LastLook().within(60) is None


def test_a_hidden_retention_is_logged_once_per_set_of_topics():
    seen = Poller({}, "", "purchasing", TOPICS)

    def lag_of(*topics: str, retention: dict) -> GroupLag:
        return GroupLag(tuple(PartitionLag(topic, 0, 0, 0, 0, 0) for topic in topics), 1, retention, 0.0)

    with capture_logs() as said:
        seen._warn_of_missing_rights(lag_of("a", "b", retention={"a": None, "b": 60.0}))
        assert not said
        for _ in range(3):
            seen._warn_of_missing_rights(lag_of("a", "b", retention={"a": 60.0}))
        seen._warn_of_missing_rights(lag_of("a", "b", retention={}))
    assert [one["topics"] for one in said] == [["b"], ["a", "b"]]
    assert "Grant DESCRIBE_CONFIGS" in said[0]["message"]


class Broker:
    """A broker that answers all that `LagLook` asks: one partition of one topic, and its retention."""

    retention = "60000"
    asked = 0

    async def list_consumer_group_offsets(self, _group):
        return {}

    async def describe_consumer_groups(self, _groups):
        return []

    async def beginning_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    end_offsets = beginning_offsets

    async def describe_configs(self, _resources):
        self.asked += 1
        entries = [("retention.ms", self.retention)]
        return [SimpleNamespace(resources=[(0, "", 2, ORDERS, entries)])]


async def test_a_retention_that_was_changed_is_known_within_a_minute(monkeypatch):
    async def there(_admin, _topics):
        return [TopicPartition(ORDERS, 0)]

    monkeypatch.setattr(lag, "partitions_there", there)
    look, broker = LagLook({}, "purchasing", TOPICS), Broker()
    await look.close()
    look._admin = look._uncommitted = look._committed = broker
    assert (await look.look()).retention == {ORDERS: 60.0}
    broker.retention = "600000"
    assert (await look.look()).retention == {ORDERS: 60.0}
    assert broker.asked == 1
    monkeypatch.setattr(lag, "RETENTION_EVERY_SECONDS", 0.0)
    assert (await look.look()).retention == {ORDERS: 600.0}
