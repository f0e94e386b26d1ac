"""The time without output around an interruption, while events come at a steady rate.

There are two figures for each: the longest time without any output, and the longest time that an event waited for its
output. They differ where other workers continue: when one of two workers is killed, the other publishes the outputs of
its own partitions.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from service.embedded import EmbeddedPostgres, EmbeddedStack
from service.embedded.process import reserve_port
from tests.bench.contenders import OneProcess
from tests.bench.events import Record
from tests.bench.ground import Ground, ground
from tests.bench.load import wait
from tests.bench.measure import LIMIT_SECONDS, Session
from tests.recovery.standby import Pair

LEAD_SECONDS = 3.0
"""The time at this rate before the interruption."""
AFTER_SECONDS = 12.0
KEEP_SECONDS = 0.1


@dataclass(frozen=True)
class Interruption:
    """An interruption: its kind, the seconds of the act itself (while the broker was away, for instance), the longest
    time without an output, and the longest time from an event's record until its output was read, since the beginning
    of the act."""

    what: str
    act_seconds: float
    silence_seconds: float
    longest_seconds: float


class Workers(OneProcess):
    """Workers of one process each. One that ends is started again at once, as an orchestrator does."""

    async def prepare(self) -> None:
        await super().prepare()
        self._begun = 0
        self._leaving = []

    async def __aexit__(self, *error: object) -> None:
        self.processes += self._leaving
        await super().__aexit__(*error)

    def start(self) -> None:
        self.port = reserve_port()
        self._begun += 1
        self.log_name = f"worker-{self._begun}"
        super().start()
        self.members = len(self.processes)

    @property
    def alive(self) -> bool:
        return True

    def let_go(self) -> None:
        """Ask the newest worker to end; it is not started again."""
        leaving = self.processes.pop()
        leaving.terminate()
        self._leaving.append(leaving)
        self.members = len(self.processes)

    def kill(self) -> None:
        """Kill the oldest worker."""
        self.processes[0].kill()

    def keep(self) -> None:
        """Start ended workers again."""
        for process in [one for one in self.processes if one.poll() is not None]:
            self.processes.remove(process)
            self.start()


Act = Callable[[Workers, Ground], Awaitable[None]]


async def _joins(workers: Workers, _under: Ground) -> None:
    workers.start()


async def _leaves(workers: Workers, _under: Ground) -> None:
    workers.let_go()


async def _is_killed(workers: Workers, _under: Ground) -> None:
    workers.kill()


async def _broker_restarts(_workers: Workers, under: Ground) -> None:
    await under.kafka.stop()
    await under.kafka.start()


async def _fails_over(_workers: Workers, under: Ground) -> None:
    assert isinstance(under.postgres, Pair)
    await under.postgres.fail_over()
    await under.postgres.promote()


ACTS: dict[str, tuple[int, Act]] = {
    "a worker joins": (1, _joins),
    "a worker leaves": (2, _leaves),
    "one of two workers is killed": (2, _is_killed),
    "the broker restarts": (1, _broker_restarts),
    "the database fails over": (1, _fails_over),
}
"""The interruptions, each with the number of workers before it."""


async def interruption(
    what: str, stack: EmbeddedStack, logs: Path, told: Callable[[int], Sequence[Record]], rate: float
) -> Interruption:
    """Measure one of ACTS. `told` returns the first records, as many as asked for; `rate` is in events per second."""
    count, act = ACTS[what]
    lead, after = int(rate * LEAD_SECONDS), int(rate * AFTER_SECONDS)
    records = told(lead + lead + after)
    async with AsyncExitStack() as opened:
        pair = await opened.enter_async_context(_pair(logs)) if act is _fails_over else None
        under = await opened.enter_async_context(ground(stack, logs, on=pair))
        workers = await opened.enter_async_context(Workers(under))
        for _ in range(count - 1):
            workers.start()
        session = await asyncio.to_thread(Session, workers, traces=True)
        with session:
            await asyncio.to_thread(session.until_joined)
            await asyncio.to_thread(session.send, records[:lead], rate)
            return await _interrupted(what, act, session, workers, records[lead:], lead, rate)


async def _interrupted(
    what: str, act: Act, session: Session, workers: Workers, records: Sequence[Record], sent: int, rate: float
) -> Interruption:
    sending = asyncio.create_task(asyncio.to_thread(session.sender.send, records, sent + 1, rate))
    keeping = asyncio.create_task(_keep(workers))
    try:
        await asyncio.sleep(LEAD_SECONDS)
        began = time.time()
        await act(workers, workers.ground)
        acted = time.time()
        await sending
        await asyncio.to_thread(
            wait, lambda: session.everything_arrived(sent + len(records)), f"{what}: all published", LIMIT_SECONDS
        )
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
    arrived, appended = session.reader.arrived, session.sender.appended
    waited = [at - appended[trace] for trace, _, _, at in arrived.traces if at >= began * 1000]
    return Interruption(what, acted - began, longest_silence(began, arrived.times), max(waited, default=0) / 1000)


def longest_silence(since: float, outputs: Sequence[float]) -> float:
    """Return the longest time without an output from `since` until the last one; `outputs` are their times in order."""
    later = [since, *(at for at in outputs if at > since)]
    return max((after - before for before, after in pairwise(later)), default=0.0)


async def _keep(workers: Workers) -> None:
    while True:
        workers.keep()
        await asyncio.sleep(KEEP_SECONDS)


@asynccontextmanager
async def _pair(logs: Path) -> AsyncIterator[Pair]:
    """A database server whose standby confirms every commit."""
    standby = EmbeddedPostgres(logs / "standby", temporary=True)
    async with EmbeddedPostgres(logs / "primary", temporary=True) as primary:
        try:
            async with Pair(primary, standby) as pair:
                await pair.confirm_every_commit()
                yield pair
        finally:
            await standby.close()
