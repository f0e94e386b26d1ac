"""One process of the service, started and ended by whoever does the harm."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals

import psutil

from service.embedded.process import Guard
from tests.forkserver import Process
from tests.observability.seen import ask, samples

ROOT = Path(__file__).resolve().parent.parent.parent
END_SECONDS = 40.0
OWNS = ("purchasing_consumer_assigned_partitions", "purchasing_relay_lanes_owned")


class Worker:
    """Python with these arguments and this environment, its output appended to `log`. It ends with this program,
    whatever ends that, and however frozen it is."""

    def __init__(
        self, number: int, arguments: Sequence[str], environment: Mapping[str, str], log: Path, module: str = ""
    ) -> None:
        """With a module, that is what runs, in a process that has imported the service already."""
        self.number, self.log = number, log
        self.process: Process | subprocess.Popen[bytes]
        with log.open("ab") as out:
            if module:
                self.process = Process(module, arguments, environment, stdout=out, stderr=out)
            else:
                self.process = subprocess.Popen(
                    [sys.executable, *arguments],
                    env=environment,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    # An interrupt in a terminal is for the run, which ends its workers itself.
                    start_new_session=True,
                )
        self._ps = psutil.Process(self.process.pid)
        self._guard = Guard(self.process.pid, SIGKILL)

    @property
    def running(self) -> bool:
        if self.process.poll() is None:
            return True
        self._guard.dismiss()
        return False

    @property
    def frozen(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return self._ps.status() == psutil.STATUS_STOPPED
        return False

    @property
    def memory(self) -> int:
        """Resident bytes."""
        with suppress(psutil.NoSuchProcess):
            return int(self._ps.memory_info().rss)
        return 0

    def ports(self) -> set[int]:
        """The local ports of its connections."""
        with suppress(psutil.NoSuchProcess):
            return {one.laddr.port for one in self._ps.net_connections("tcp")}
        return set()

    @property
    def port(self) -> int | None:
        """Where it tells of its health. None until it listens there; by then it heeds SIGTERM, and not before."""
        with suppress(psutil.NoSuchProcess):
            listening = (one for one in self._ps.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
            return next((one.laddr.port for one in listening), None)
        return None

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages; 0 while nobody answers."""
        port = self.port
        return (0, "") if port is None else await ask(port, path)

    async def owns(self) -> int:
        """How many partitions and lanes it has been given."""
        shown = samples((await self.ask("/metrics"))[1])
        return int(sum(sum(shown.get(name, {}).values()) for name in OWNS))

    def send(self, number: Signals) -> None:
        if self.running:
            self.process.send_signal(number)

    async def ended(self, limit: float = END_SECONDS) -> bool:
        """Whether it ends within that time."""
        until = time.monotonic() + limit
        while self.running:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True
