"""One process of the service, started and ended by the faults."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

import psutil

from service.embedded.process import Guard
from tests.forkserver import Process
from tests.observability.seen import ask, samples

ROOT = Path(__file__).resolve().parent.parent.parent
END_SECONDS = 40.0
OWNS = ("purchasing_consumer_assigned_partitions", "purchasing_relay_lanes_owned")


class Worker:
    """A worker, or a supervisor with several worker processes: Python with these arguments and this environment, its
    output appended to `log`. It ends with this program, however that ends, and even while it is frozen."""

    def __init__(
        self,
        number: int,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        module: str = "",
        processes: int = 1,
    ) -> None:
        """Start it. With a module, that module runs, in a process that has imported the service already."""
        self.number, self.log, self.processes = number, log, processes
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
        """Resident bytes of the largest of its processes."""
        sizes = [0]
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                sizes.append(int(one.memory_info().rss))
        return max(sizes)

    def ports(self) -> set[int]:
        """The local ports of its connections."""
        found: set[int] = set()
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                found |= {connection.laddr.port for connection in one.net_connections("tcp")}
        return found

    @property
    def port(self) -> int | None:
        """The port of its health answers. None until it listens there; it handles SIGTERM only from then on."""
        with suppress(psutil.NoSuchProcess):
            listening = (one for one in self._ps.net_connections("tcp") if one.status == psutil.CONN_LISTEN)
            return next((one.laddr.port for one in listening), None)
        return None

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages; 0 while it doesn't answer."""
        port = self.port
        return (0, "") if port is None else await ask(port, path)

    async def owns(self) -> int:
        """The number of partitions and lanes that were assigned to it."""
        shown = samples((await self.ask("/metrics"))[1])
        return int(sum(sum(shown.get(name, {}).values()) for name in OWNS))

    def send(self, number: Signals) -> None:
        """Send it a signal. SIGSTOP and SIGCONT go to a supervisor's processes as well; the supervisor handles any
        other."""
        if not self.running:
            return
        for one in self._family() if number in (SIGSTOP, SIGCONT) else [self.process]:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def kill_one(self, rng: random.Random) -> bool:
        """Kill one of a supervisor's processes. Returns whether there was one."""
        _, *processes = self._family() or [None]
        if processes:
            with suppress(psutil.NoSuchProcess):
                rng.choice(processes).kill()
        return bool(processes)

    def kill_family(self) -> None:
        """Kill it and its processes, which would end in order by themselves."""
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                one.kill()

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._ps, *self._ps.children()]
        return []

    async def ended(self, limit: float = END_SECONDS) -> bool:
        """Whether it ends within that time."""
        until = time.monotonic() + limit
        while self.running:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True
