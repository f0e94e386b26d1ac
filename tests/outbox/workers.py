"""Relays in processes of their own, to be killed, frozen and ended."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.outbox.world import SESSION_MS, World, eventually
from tests.waiting import HANG_SECONDS

SCRIPT = Path(__file__).with_name("worker.py")


class Worker:
    """A relay's process, and all it has said of itself."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said.append(json.loads(line))

    @property
    def lanes(self) -> set[int]:
        """The lanes it had when it last said something."""
        return {lane["lane"] for lane in self.said[-1]["lanes"]} if self.said else set()

    @property
    def published(self) -> int:
        return sum(lane["published"] for lane in self.said[-1]["lanes"]) if self.said else 0

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def state(self) -> str:
        """What it said last, for a message."""
        return json.dumps(self.said[-1]) if self.said else "has said nothing"

    def states(self) -> set[str]:
        """Every state any of its lanes was ever in."""
        return {lane["state"] for said in self.said for lane in said["lanes"]}

    def is_frozen(self) -> bool:
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end; its return code."""
        code = await asyncio.wait_for(self._process.wait(), HANG_SECONDS)
        await self._reading
        return code

    async def dispose(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self.end()


@asynccontextmanager
async def worker(world: World, failpoints: str = "", session_ms: int = SESSION_MS) -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        world.dsn,
        world.bootstrap,
        str(session_ms),
        env={**os.environ, "PURCHASING_FAILPOINTS": failpoints},
        stdout=asyncio.subprocess.PIPE,
    )
    running = Worker(process)
    try:
        yield running
    finally:
        await running.dispose()


async def frozen(running: Worker) -> None:
    await eventually("the worker is frozen", running.is_frozen)
