"""The service as an operator runs it: processes with settings in their environment, logs in files, signals."""

import asyncio
import json
import os
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any, Self

from tests.forkserver import Process
from tests.waiting import HANG_SECONDS, eventually


class Worker:
    """One process of `python -m service run`. Ended, by SIGKILL if need be, when its block ends."""

    program = "service"
    """The module that is run: another one may change something about the service first."""
    arguments: tuple[str, ...] = ()

    def __init__(self, bootstrap: str, database: str, logs: Path, group: str = "purchasing", **more: str) -> None:
        self.log = logs / f"worker-{uuid.uuid4().hex[:8]}.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")},
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "PURCHASING_DATABASE_URL": database,
            "PURCHASING_CONSUMER_GROUP": group,
            "PURCHASING_LOG_FORMAT": "json",
            "PURCHASING_HTTP_PORT": "0",
            "PURCHASING_PROCESSES": "1",
            **more,
        }
        self.process: Process | None = None

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self.process = Process(self.program, ["run", *self.arguments], self.environment, stdout=log, stderr=log)
        return self

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, *_: object) -> None:
        if self.running:
            self.stop()
            try:
                await self.ended()
            except AssertionError:
                self.send(signal.SIGKILL)
                await self.ended()
                raise

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask it politely to end."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, limit: float = HANG_SECONDS) -> int:
        """Its exit code, once it has ended; negative where a signal ended it."""
        assert self.process is not None
        try:
            return await asyncio.to_thread(self.process.wait, limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {limit} s:\n{self.log.read_text()[-4000:]}") from None

    def log_lines(self) -> list[dict[str, Any]]:
        """Its log events so far."""
        lines = self.log.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    async def has_logged(self, event: str, times: int = 1, **fields: str | int) -> dict[str, Any]:
        """Wait until its log has this event (or a library's text that begins so), with these fields, so often; returns
        the last of these."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [
                line
                for line in self.log_lines()
                if (line.get("event") == event or line["message"].startswith(event)) and fields.items() <= line.items()
            ]
            assert self.process is not None
            assert self.process.poll() is None or len(found) >= times, self.log.read_text()[-4000:]
            return len(found) >= times

        await eventually(look, f"{event!r} in the log", lambda: self.log.read_text()[-4000:])
        return found[times - 1]
