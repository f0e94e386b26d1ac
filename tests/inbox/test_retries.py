"""The same batch again until it is stored, and what may come between."""

import asyncio

import pytest

from service.inbox import retries
from service.inbox.retries import LONGEST_PAUSE, happens_within, pause_before, until_stored
from service.store.errors import StoreUnavailableError, ValueRefusedError


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0001)


def failing(times, then="stored", error=StoreUnavailableError):
    calls = []

    async def work():
        calls.append(len(calls))
        if len(calls) <= times:
            raise error("PostgreSQL can't be reached (ConnectionRefusedError)")
        return then

    work.calls = calls
    return work


async def test_it_is_tried_until_it_works_and_readiness_hears_of_each_failure():
    work, heard = failing(7), []
    assert await until_stored(work, asyncio.Event(), told=heard.append) == "stored"
    assert len(work.calls) == 8
    assert heard == [1, 2, 3, 4, 5, 6, 7, 0]


async def test_what_is_not_the_stores_fault_is_not_tried_again():
    for error in (ValueRefusedError, RuntimeError):
        work = failing(1, error=error)
        with pytest.raises(error):
            await until_stored(work, asyncio.Event())
        assert len(work.calls) == 1


async def test_asked_to_stop_it_gives_up_during_the_pause(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_PAUSE", 1000.0)
    monkeypatch.setattr(retries, "LONGEST_PAUSE", 1000.0)
    stopping, work = asyncio.Event(), failing(10**9)
    ending = asyncio.create_task(until_stored(work, stopping, told=lambda _: stopping.set()))
    assert await asyncio.wait_for(ending, 30) is None
    assert len(work.calls) == 1


def test_pauses_double_up_to_a_limit_and_half_of_each_is_chance():
    shortest = [pause_before(attempt, lambda: 0.0) for attempt in range(1, 60)]
    longest = [pause_before(attempt, lambda: 1.0) for attempt in range(1, 60)]
    assert longest[:4] == pytest.approx([0.0001, 0.0002, 0.0004, 0.0008])
    assert max(longest) <= LONGEST_PAUSE
    assert shortest == pytest.approx([pause / 2 for pause in longest])


async def test_an_event_that_happened_is_seen_at_once_and_one_that_does_not_is_not():
    event = asyncio.Event()
    assert not await happens_within(event, 0.001)
    event.set()
    assert await happens_within(event, 1000)
