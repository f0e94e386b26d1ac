"""Figures that take longer than a page may wait: one look at a time for all requests."""

from __future__ import annotations

import asyncio

import structlog

from service.console.watch import Looking
from tests.waiting import eventually


async def test_a_slow_look_is_begun_once_and_no_page_waits_for_it() -> None:
    gate, begun = asyncio.Event(), []

    async def look() -> int:
        begun.append(True)
        await gate.wait()
        return 7

    looking = Looking(look, serves_seconds=60, patience=0)
    assert [await looking.value() for _ in range(3)] == [None] * 3
    gate.set()
    await eventually(lambda: looking.latest == 7, "the look ends")
    assert len(begun) == 1


async def test_a_look_that_fails_leaves_no_old_answer_and_is_tried_again() -> None:
    answers = [1, ValueError("marker-77aa"), 2]

    async def look() -> int:
        answer = answers.pop(0)
        if isinstance(answer, ValueError):
            raise answer
        return int(answer)

    looking = Looking(look, serves_seconds=0, patience=60)
    with structlog.testing.capture_logs() as lines:
        assert [await looking.value() for _ in range(3)] == [1, None, 2]
    assert [line["event"] for line in lines] == ["console_look_failed"]


async def test_a_look_under_way_ends_with_the_console() -> None:
    ended = []

    async def look() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    looking = Looking(look, serves_seconds=60, patience=0)
    await looking.value()
    await asyncio.sleep(0)
    await looking.close()
    assert ended == [True]
