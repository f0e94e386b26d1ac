"""The command `console`, and the demo with it: from the printed link to the interrupt."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, CookieJar

from service.cli import demo
from service.runtime.exit_codes import ExitCode
from tests.console.gallery import play
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LINK = re.compile(r"^Open (http://127\.0\.0\.1:\d+)(/login/link\?token=\S+)$", re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_opens_the_console_on_its_orders_until_stopped(number, database, monkeypatch, capsys) -> None:
    await play(database)
    stopped = []

    async def played(
        _stories: object, _home: object, _say: object, show: Callable[[list[str], str], Awaitable[None]]
    ) -> None:
        await show(["a line of a timeline"], database)
        stopped.append(True)

    monkeypatch.setattr(demo, "play", played)
    monkeypatch.setattr(demo.logs, "configure", lambda *_: None)
    monkeypatch.setenv("PURCHASING_CONSOLE_URL", "https://console.example")
    running = asyncio.create_task(demo._run(with_console=True))
    said = ""

    def is_printed() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return LINK.search(said) is not None or running.done()

    await eventually(is_printed, "the link is printed")
    assert said.startswith("a line of a timeline\n")
    origin, link = LINK.search(said).groups()  # type: ignore[union-attr]
    async with ClientSession(origin, cookie_jar=CookieJar(unsafe=True)) as session:
        async with session.get(link) as answer:
            assert answer.status == 200
        async with session.get("/orders/demo-04") as answer:
            assert "12(1)B" in await answer.text()
    os.kill(os.getpid(), number)
    assert await running == ExitCode.DONE
    assert stopped == [True]


async def test_without_its_extra_the_demo_reports_it_before_it_plays(monkeypatch, capsys) -> None:
    monkeypatch.setattr(demo.console, "is_installed", lambda: False)
    monkeypatch.setattr(demo, "play", None)
    assert demo.run(argparse.Namespace(console=True)) == ExitCode.NOT_DONE
