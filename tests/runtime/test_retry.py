"""The same batch again until it is stored, and what may come between."""

import asyncio

import pytest
from structlog.testing import capture_logs

from service.runtime import retry
from service.runtime.retry import Backoff, attempts, done_before, happens_within, until_stored
from service.store.errors import StoreUnavailableError, ValueRefusedError
from tests.waiting import HANG_SECONDS

SHORT = Backoff(first_seconds=0.0001, longest_seconds=0.001)
LONG = Backoff(first_seconds=1000.0, longest_seconds=1000.0)
AWAY = "PostgreSQL can't be reached (ConnectionRefusedError)"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(retry, "DATABASE", SHORT)


def failing(times, then="stored", error=StoreUnavailableError):
    calls = []

    async def work():
        calls.append(len(calls))
        if len(calls) <= times:
            raise error(AWAY)
        return then

    work.calls = calls
    return work


async def test_it_is_tried_until_it_works_and_each_failure_is_reported_to_readiness():
    work, notified = failing(7), []
    notify = lambda failures, because: notified.append((failures, because))  # noqa: E731
    assert await until_stored(work, asyncio.Event(), "do it", on_failures=notify) == "stored"
    assert len(work.calls) == 8
    assert notified == [*((n, AWAY) for n in range(1, 8)), (0, None)]


async def test_the_log_names_what_failed_and_why():
    with capture_logs() as logged:
        await until_stored(failing(1), asyncio.Event(), "read the terms")
    assert [(one["event"], one["task"], one.get("because")) for one in logged] == [
        ("database_retry", "read the terms", AWAY),
        ("database_retry_succeeded", "read the terms", None),
    ]


async def test_an_error_that_is_not_the_stores_is_not_tried_again():
    for error in (ValueRefusedError, RuntimeError):
        work = failing(1, error=error)
        with pytest.raises(error):
            await until_stored(work, asyncio.Event(), "do it")
        assert len(work.calls) == 1


async def test_asked_to_stop_it_gives_up_during_the_pause(monkeypatch):
    monkeypatch.setattr(retry, "DATABASE", LONG)
    stopping, work = asyncio.Event(), failing(10**9)
    ending = asyncio.create_task(until_stored(work, stopping, "do it", on_failures=lambda *_: stopping.set()))
    assert await asyncio.wait_for(ending, HANG_SECONDS) is None
    assert len(work.calls) == 1


def test_pauses_double_up_to_a_limit_and_half_of_each_is_chance():
    backoff = Backoff(first_seconds=0.05, longest_seconds=10.0)
    shortest = [backoff.pause(failures, lambda: 0.0) for failures in range(1, 60)]
    longest = [backoff.pause(failures, lambda: 1.0) for failures in range(1, 60)]
    assert longest[:4] == pytest.approx([0.05, 0.1, 0.2, 0.4])
    assert longest[8:] == [10.0] * len(longest[8:])
    assert shortest == pytest.approx([pause / 2 for pause in longest])


async def test_work_is_attempted_once_although_the_process_was_asked_to_stop():
    stopping = asyncio.Event()
    stopping.set()
    assert await until_stored(failing(0), stopping, "It is {}done") == "stored"
    assert await until_stored(failing(1), stopping, "It is {}done") is None


async def test_no_attempt_begins_after_the_process_was_asked_to_stop():
    stopping, seen = asyncio.Event(), []
    async for attempt in attempts(stopping, LONG):
        seen.append(attempt.number)
        stopping.set()
    seen += [attempt.number async for attempt in attempts(stopping, LONG)]
    assert seen == [1]


async def test_attempts_count_failures_in_a_row_and_begin_again_after_a_success():
    seen = []
    async for attempt in attempts(None, Backoff(first_seconds=0.0, longest_seconds=0.0)):
        seen.append(attempt.number)
        if len(seen) == 3:
            attempt.begin_again()
        if len(seen) == 5:
            break
    assert seen == [1, 2, 3, 2, 3]


async def test_an_event_that_happened_is_seen_at_once_and_one_that_does_not_is_not():
    event = asyncio.Event()
    assert not await happens_within(event, 0.001)
    event.set()
    assert await happens_within(event, 1000)


async def test_hanging_work_is_given_up_when_the_process_has_to_stop():
    stopping, given_up = asyncio.Event(), []

    async def hangs():
        stopping.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append(True)

    assert not await done_before(stopping, hangs())
    assert given_up == [True]


async def test_work_done_before_the_stop_counts_and_its_error_is_raised():
    async def does():
        await asyncio.sleep(0)

    async def fails():
        raise ValueError(AWAY)

    assert await done_before(asyncio.Event(), does())
    with pytest.raises(ValueError, match=AWAY.partition(" (")[0]):
        await done_before(asyncio.Event(), fails())
