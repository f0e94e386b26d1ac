"""A batch is committed once it is stored, and only then."""

import asyncio
import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import AsyncMock, MagicMock

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import (
    CommitFailedError,
    GroupCoordinatorNotAvailableError,
    IllegalStateError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.metadata import MetadataRequest_v5

from service.inbox import commits
from service.inbox.commits import BatchOffsets, OffsetCommitter
from service.inbox.consumer import EVENT_TOPICS, Inbox
from service.inbox.stopwatch import ELAPSED
from service.kafka.compat.fetch_pacing import BUSY_MS
from service.runtime import retry
from service.store.errors import StoreUnavailableError
from tests.inbox.test_parser import RECORD
from tests.waiting import HANG_SECONDS

WHERE = TopicPartition(RECORD.topic, RECORD.partition)
NOWHERE = {"bootstrap_servers": ["127.0.0.1:1"], "security_protocol": "PLAINTEXT"}


class World:
    """An inbox that is not connected, with a store under the test's control and a message that remembers
    its ack.
    """

    def __init__(self):
        self.stopping = asyncio.Event()
        self.failures = []
        self.handed = []
        self.trouble = []
        self.tried = asyncio.Event()
        self.message = SimpleNamespace(raw_message=(RECORD,))
        self.consumer = SimpleNamespace(
            position=AsyncMock(return_value=RECORD.offset + 2),
            commit=AsyncMock(),
            _fetcher=SimpleNamespace(_fetch_task=asyncio.get_running_loop().create_future()),
            _coordinator=SimpleNamespace(_coordination_task=asyncio.get_running_loop().create_future()),
        )
        self.reported = []
        self.commits = []
        self.inbox = Inbox(
            NOWHERE, "group", self.handle, self.stopping, self.fail, stored=self.report, committed=self.commits.append
        )
        self.inbox._subscriber.running = True
        self.inbox._subscriber.consumer = self.consumer

    async def handle(self, inbound_records):
        assert not self.consumer.commit.called
        self.tried.set()
        self.handed.append([inbound_record.offset for inbound_record in inbound_records])
        if self.trouble:
            raise self.trouble.pop(0)

    def report(self, records, partitions, seconds):
        self.reported.append((len(records), seconds))

    def fail(self, error):
        self.failures.append(error)
        self.stopping.set()

    async def batch(self):
        await self.inbox._parse((RECORD,), AsyncMock(return_value=SimpleNamespace()))
        await asyncio.wait_for(self.inbox._on_batch(self.message), HANG_SECONDS)
        await asyncio.wait_for(self.inbox._committer.done(), HANG_SECONDS)

    async def batch_that_parks(self):
        """The handler must not come back while the subscriber could take another batch."""
        handling = asyncio.create_task(self.batch())
        done, _ = await asyncio.wait([handling], timeout=0.1)
        assert not done
        self.inbox._subscriber.running = False
        await handling


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(retry.Backoff, "pause", lambda *_: 0.0)
    world = World()
    yield world
    # A client that nobody closes says so whenever it is collected, in the midst of another test.
    await world.inbox.scout.stop()


async def test_a_stored_batch_is_reported_with_the_seconds_of_its_stages_and_of_all(world):
    await world.batch()
    ((records, seconds),) = world.reported
    assert records == 1
    assert seconds.keys() == {"decode", "store", ELAPSED}
    assert seconds[ELAPSED] >= seconds["decode"] + seconds["store"]


async def test_a_commit_is_reported_with_its_seconds(world):
    await world.batch()
    assert len(world.commits) == 1
    assert world.commits[0] >= 0


async def test_a_stored_batch_is_committed(world):
    await world.batch()
    assert world.handed == [[41]]
    world.consumer.commit.assert_awaited_once_with({WHERE: RECORD.offset + 2})
    assert world.inbox.in_progress == {}


async def test_while_the_store_is_away_the_same_batch_is_tried_again_and_nothing_committed(world):
    world.trouble = [StoreUnavailableError("away")] * 5
    await world.batch()
    assert world.handed == [[41]] * 6
    world.consumer.commit.assert_awaited_once_with({WHERE: RECORD.offset + 2})
    assert (world.inbox.failures_in_a_row, world.inbox.failed_because) == (0, None)


@pytest.mark.parametrize("error", [CommitFailedError(), IllegalStateError(), GroupCoordinatorNotAvailableError()])
async def test_a_refused_commit_is_harmless(world, error):
    world.consumer.commit.side_effect = error
    await world.batch()
    assert world.failures == []
    assert world.inbox.in_progress == {}


async def test_an_error_nobody_foresaw_ends_the_service_and_nothing_is_committed(world):
    world.trouble = [RuntimeError("a bug")]
    await world.batch_that_parks()
    assert [repr(error) for error in world.failures] == ["RuntimeError('a bug')"]
    assert not world.consumer.commit.called
    assert world.inbox.in_progress == {WHERE: RECORD.offset}


async def test_an_unforeseen_error_of_the_commit_ends_the_service_too(world):
    world.consumer.commit.side_effect = AssertionError("of the library")
    await world.batch()
    assert len(world.failures) == 1
    await world.batch_that_parks()
    assert world.handed == [[41]]


async def test_asked_to_stop_it_takes_no_batch_up(world):
    world.stopping.set()
    await world.batch_that_parks()
    assert world.handed == []
    assert not world.consumer.commit.called
    assert world.failures == []


async def test_asked_to_stop_while_the_store_is_away_it_leaves_the_batch_uncommitted(world):
    world.trouble = [StoreUnavailableError("away")] * 10**4
    handling = asyncio.create_task(world.batch_that_parks())
    await world.tried.wait()
    world.stopping.set()
    await handling
    assert not world.consumer.commit.called
    assert world.failures == []


async def test_a_consuming_task_that_failed_ends_the_service_instead_of_spinning(world):
    async def fail():
        raise ValueError("of the client library")

    world.inbox._subscriber.tasks.append(asyncio.create_task(fail()))
    with pytest.raises(ValueError, match="of the client library"):
        await asyncio.wait_for(world.inbox.guard(0.001), HANG_SECONDS)


async def test_a_consumer_that_left_its_group_for_good_ends_the_service(world):
    """With aiokafka's own coordinator: it has no public member for that, and another version may have another one."""
    consumer = AIOKafkaConsumer(group_id="group")
    assert consumer._coordinator is None
    client = MagicMock()
    subscriptions = SubscriptionState()
    subscriptions.subscribe({RECORD.topic})
    subscriptions.register_fetch_waiters(set())
    consumer._coordinator = GroupCoordinator(client, subscriptions, group_id="group")
    consumer._coordinator.ensure_coordinator_known = AsyncMock(side_effect=ValueError("nobody foresaw"))
    world.inbox._subscriber.consumer = consumer
    with pytest.raises(KafkaError, match="nobody foresaw"):
        await asyncio.wait_for(world.inbox.guard(0.001), HANG_SECONDS)
    with pytest.raises(KafkaError):
        consumer._coordinator.check_errors()
    consumer._coordinator = None
    await consumer.stop()


async def test_a_consumer_that_fetches_no_more_ends_the_service(world):
    world.consumer._fetcher._fetch_task.set_exception(KafkaError("nobody foresaw"))
    with pytest.raises(KafkaError, match="nobody foresaw"):
        await asyncio.wait_for(world.inbox.guard(0.001), HANG_SECONDS)


async def test_the_guard_ignores_a_running_or_cancelled_consuming_task(world):
    going, cancelled = asyncio.create_task(asyncio.sleep(1000)), asyncio.create_task(asyncio.sleep(1000))
    cancelled.cancel()
    world.inbox._subscriber.tasks += [going, cancelled]
    guarding = asyncio.create_task(world.inbox.guard(0.001))
    done, _ = await asyncio.wait([guarding], timeout=0.1)
    assert not done
    world.stopping.set()
    await asyncio.wait_for(guarding, HANG_SECONDS)
    going.cancel()


async def test_the_next_batch_is_stored_meanwhile_and_committed_afterwards(world):
    answered, begun = asyncio.Event(), []

    async def commit(offsets):
        begun.append(offsets)
        await answered.wait()

    world.consumer.commit = commit
    world.inbox._handle = AsyncMock()
    await world.inbox._parse((RECORD,), AsyncMock(return_value=SimpleNamespace()))
    await asyncio.wait_for(world.inbox._on_batch(world.message), HANG_SECONDS)
    assert world.inbox.in_progress == {}, "what is stored is handled, committed or not"
    second = asyncio.create_task(world.inbox._on_batch(SimpleNamespace(raw_message=(RECORD,))))
    while world.inbox._handle.await_count < 2:  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0)
    assert len(begun) == 1
    assert not second.done()
    answered.set()
    await asyncio.wait_for(second, HANG_SECONDS)
    await asyncio.wait_for(world.inbox._committer.done(), HANG_SECONDS)
    assert len(begun) == 2


class Commits:
    """A committer, and the positions of each commit that it makes."""

    def __init__(self):
        self.made = []
        self.first = asyncio.Event()
        self.committer = OffsetCommitter(self.commit, self.fail)

    async def commit(self, offsets):
        self.made.append(dict(offsets.positions))
        self.first.set()

    def fail(self, error):
        raise error

    async def stored(self, assignment=1, **positions):
        """Add a batch with these positions, each in a partition of its own."""
        await self.committer.add(
            BatchOffsets({}, {TopicPartition(t, 0): at for t, at in positions.items()}, assignment)
        )


@pytest.fixture
async def commits_made(monkeypatch):
    """The commits of a committer that has just made one, and makes the next one at `done` only."""
    monkeypatch.setattr(commits, "COMMIT_EVERY_SECONDS", 3600.0)
    world = Commits()
    await world.stored(a=1, b=1)
    await asyncio.wait_for(world.first.wait(), HANG_SECONDS)
    return world


async def test_batches_stored_soon_after_a_commit_are_committed_together(commits_made):
    await commits_made.stored(a=5, c=5)
    await commits_made.stored(a=9)
    await asyncio.wait_for(commits_made.committer.done(), HANG_SECONDS)
    a, b, c = (TopicPartition(topic, 0) for topic in "abc")
    assert commits_made.made == [{a: 1, b: 1}, {a: 9, c: 5}]


async def test_positions_of_an_earlier_assignment_are_not_committed_with_later_ones(commits_made):
    await commits_made.stored(a=5)
    await commits_made.stored(assignment=2, b=9)
    await asyncio.wait_for(commits_made.committer.done(), HANG_SECONDS)
    assert commits_made.made[1:] == [{TopicPartition("b", 0): 9}]


async def test_after_the_group_gave_out_its_partitions_an_earlier_batch_is_not_committed(world):
    world.trouble = [StoreUnavailableError("away")]
    handling = asyncio.create_task(world.batch())
    await world.tried.wait()
    world.inbox.assignments += 1
    await handling
    assert len(world.handed) == 2
    assert not world.consumer.commit.called


async def test_a_batch_stored_during_a_rebalance_is_not_committed(world):
    world.inbox._note_rebalance(done=False)
    await world.batch()
    assert world.handed == [[41]]
    assert not world.consumer.commit.called


async def test_the_broker_gathers_what_comes_after_a_batch(world):
    await world.inbox._parse((RECORD,), AsyncMock(return_value=SimpleNamespace()))
    assert world.consumer._fetcher._fetch_max_wait_ms == BUSY_MS


async def test_the_objects_of_a_batch_are_freed_without_the_collector(world):
    """FastStream's message and its methods refer to each other; the records must not live as long as they do."""
    record = weakref.ref(held := replace(RECORD))
    message = SimpleNamespace(raw_message=(held,))
    message.itself = message

    async def parsed(_):
        # No mock: one refers to itself too, and to what it returned.
        return SimpleNamespace()

    gc.disable()
    try:
        await world.inbox._parse(message.raw_message, parsed)
        await asyncio.wait_for(world.inbox._on_batch(message), HANG_SECONDS)
        await asyncio.wait_for(world.inbox._committer.done(), HANG_SECONDS)
        del held
        assert record() is None
    finally:
        gc.enable()


class Broker:
    """An admin client of a broker whose event topics have so many partitions each; `asked` is what it was asked."""

    def __init__(self, partitions):
        self.partitions = partitions
        self.asked = []

    async def _send_request(self, request):
        asked = request.build(MetadataRequest_v5)
        self.asked.append(asked)
        topics = [
            {"error_code": 0, "topic": topic, "partitions": [{"partition": p} for p in range(self.partitions)]}
            for topic in asked.topics
        ]
        return SimpleNamespace(to_object=lambda: {"topics": topics})


async def test_partitions_that_were_added_count_from_when_they_are_seen(world):
    world.inbox._admin = broker = Broker(6)
    world.inbox._handle = AsyncMock()
    reported = []
    world.inbox._report = lambda _records, partitions, _seconds: reported.append(partitions[RECORD.topic])
    for broker.partitions in (6, 7):
        assert len(await world.inbox.existing()) == broker.partitions * len(EVENT_TOPICS)
        world.message = SimpleNamespace(raw_message=(RECORD,))
        await world.batch()
    assert reported == [6, 7]


async def test_a_topic_that_is_asked_for_is_not_made_by_it(world):
    world.inbox._admin = broker = Broker(0)
    with pytest.raises(UnknownTopicOrPartitionError):
        await world.inbox.existing()
    assert [asked.allow_auto_topic_creation for asked in broker.asked] == [False]
