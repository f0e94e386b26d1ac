"""Relays in processes of their own, to be killed, frozen and ended."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

import psutil

from tests.forkserver import Process
from tests.outbox.world import SESSION_MS, World, eventually
from tests.waiting import HANG_SECONDS


class Worker:
    """A relay's process, and its reports."""

    def __init__(self, process: Process, stdout: IO[bytes]) -> None:
        self._process = process
        self.reports: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read(stdout))

    async def _read(self, stdout: IO[bytes]) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), stdout
        )
        async for line in reader:
            if line.endswith(b"\n"):  # or it was killed while it wrote
                self.reports.append(json.loads(line))
        transport.close()

    @property
    def lanes(self) -> set[int]:
        """The lanes of its last report."""
        return {lane["lane"] for lane in self.reports[-1]["lanes"]} if self.reports else set()

    @property
    def published(self) -> int:
        return sum(lane["published"] for lane in self.reports[-1]["lanes"]) if self.reports else 0

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def state(self) -> str:
        """Its last report, for a message."""
        return json.dumps(self.reports[-1]) if self.reports else "no report yet"

    def states(self) -> set[str]:
        """Every state any of its lanes was ever in."""
        return {lane["state"] for report in self.reports for lane in report["lanes"]}

    def is_frozen(self) -> bool:
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end; its return code."""
        code = await asyncio.to_thread(self._process.wait, HANG_SECONDS)
        await self._reading
        return code

    async def dispose(self) -> None:
        self._process.kill()
        await self.end()


@asynccontextmanager
async def worker(world: World, failpoints: str = "", session_ms: int = SESSION_MS) -> AsyncIterator[Worker]:
    read, write = os.pipe()
    # What it logs is shown with a test that fails.
    with os.fdopen(write, "wb") as stdout, os.fdopen(2, "wb", closefd=False) as stderr:
        process = Process(
            "tests.outbox.worker",
            [world.dsn, world.bootstrap, str(session_ms)],
            {**os.environ, "PURCHASING_FAILPOINTS": failpoints},
            stdout=stdout,
            stderr=stderr,
        )
    running = Worker(process, os.fdopen(read, "rb"))
    try:
        yield running
    finally:
        await running.dispose()


async def frozen(running: Worker) -> None:
    await eventually("the worker is frozen", running.is_frozen)
