"""A batch is acknowledged once it is stored, and only then."""

import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, GroupCoordinatorNotAvailableError

from service.inbox import retries
from service.inbox.subscriber import Inbox
from service.store.errors import StoreUnavailableError
from tests.inbox.test_parser import RECORD

NOWHERE = {"bootstrap_servers": ["127.0.0.1:1"], "security_protocol": "PLAINTEXT"}


class World:
    """An inbox that is not connected, with a store that does what it is told and a message that remembers
    its ack.
    """

    def __init__(self):
        self.stopping = asyncio.Event()
        self.failures = []
        self.handed = []
        self.trouble = []
        self.tried = asyncio.Event()
        self.message = SimpleNamespace(raw_message=(RECORD,), ack=AsyncMock())
        self.inbox = Inbox(NOWHERE, "group", self.handle, self.stopping, self.fail)
        self.inbox._subscriber.running = True

    async def handle(self, arrivals):
        assert not self.message.ack.called
        self.tried.set()
        self.handed.append([arrival.offset for arrival in arrivals])
        if self.trouble:
            raise self.trouble.pop(0)

    def fail(self, error):
        self.failures.append(error)
        self.stopping.set()

    async def batch(self):
        await self.inbox._take_in_hand((RECORD,), AsyncMock(return_value=SimpleNamespace()))
        await asyncio.wait_for(self.inbox._on_batch(self.message), 30)

    async def batch_that_parks(self):
        """The handler must not come back while the subscriber could take another batch."""
        handling = asyncio.create_task(self.batch())
        done, _ = await asyncio.wait([handling], timeout=0.1)
        assert not done
        self.inbox._subscriber.running = False
        await handling


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0001)
    return World()


async def test_a_stored_batch_is_acknowledged(world):
    await world.batch()
    assert world.handed == [[41]]
    world.message.ack.assert_awaited_once()
    assert world.inbox.in_hand == {}


async def test_while_the_store_is_away_the_same_batch_is_tried_again_and_nothing_acknowledged(world):
    world.trouble = [StoreUnavailableError("away")] * 5
    await world.batch()
    assert world.handed == [[41]] * 6
    world.message.ack.assert_awaited_once()
    assert world.inbox.failures_in_a_row == 0


@pytest.mark.parametrize("error", [CommitFailedError(), GroupCoordinatorNotAvailableError()])
async def test_a_refused_acknowledgement_is_harmless(world, error):
    world.message.ack.side_effect = error
    await world.batch()
    assert world.failures == []
    assert world.inbox.in_hand == {}


async def test_an_error_nobody_foresaw_ends_the_service_and_nothing_is_acknowledged(world):
    world.trouble = [RuntimeError("a bug")]
    await world.batch_that_parks()
    assert [repr(error) for error in world.failures] == ["RuntimeError('a bug')"]
    assert not world.message.ack.called
    assert world.inbox.in_hand == {TopicPartition(RECORD.topic, RECORD.partition): RECORD.offset}


async def test_an_unforeseen_error_of_the_acknowledgement_ends_the_service_too(world):
    world.message.ack.side_effect = AssertionError("of the library")
    await world.batch_that_parks()
    assert len(world.failures) == 1


async def test_asked_to_stop_it_takes_no_batch_up(world):
    world.stopping.set()
    await world.batch_that_parks()
    assert world.handed == []
    assert not world.message.ack.called
    assert world.failures == []


async def test_asked_to_stop_while_the_store_is_away_it_leaves_the_batch_unacknowledged(world):
    world.trouble = [StoreUnavailableError("away")] * 10**4
    handling = asyncio.create_task(world.batch_that_parks())
    await world.tried.wait()
    world.stopping.set()
    await handling
    assert not world.message.ack.called
    assert world.failures == []


async def test_a_consuming_task_that_failed_ends_the_service_instead_of_spinning(world):
    async def fail():
        raise ValueError("of the client library")

    world.inbox._subscriber.tasks.append(asyncio.create_task(fail()))
    with pytest.raises(ValueError, match="of the client library"):
        await asyncio.wait_for(world.inbox.guard(0.001), 30)


async def test_a_consuming_task_that_was_cancelled_or_goes_on_is_none_of_the_guards_business(world):
    going, cancelled = asyncio.create_task(asyncio.sleep(1000)), asyncio.create_task(asyncio.sleep(1000))
    cancelled.cancel()
    world.inbox._subscriber.tasks += [going, cancelled]
    guarding = asyncio.create_task(world.inbox.guard(0.001))
    done, _ = await asyncio.wait([guarding], timeout=0.1)
    assert not done
    world.stopping.set()
    await asyncio.wait_for(guarding, 30)
    going.cancel()
