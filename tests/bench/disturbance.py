"""The use that other programs made of the machine while a block was measured.

Processor time of others is the time that the kernel counted as used (`/proc/stat`: user, nice, system, and stolen by
other machines on the same host) less that of the contender, the broker, the database server and the load. Interrupts
are left out, because they can't be attributed. Kernel threads count as others; they take little.
"""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from tests.bench.machine import cores

STAT = Path("/proc/stat")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
DISTURBED_SHARE = 0.05
"""The share of the machine's processor time, taken by others, from which a block is disturbed. It is less than the
difference between two rounds on a quiet machine."""
REPEATS = 2
"""The number of times that a disturbed block is measured again before it is shown with a mark."""
MARK = "*"


@dataclass(frozen=True)
class Usage:
    """Processor seconds used so far, by role and by the whole machine; the wall clock, and the load (1 minute)."""

    at: float
    cpu: Mapping[str, float]
    everybody: float
    load: float

    def since(self, before: "Usage") -> "Used":
        """The use between the two."""
        cpu = {role: seconds - before.cpu.get(role, 0.0) for role, seconds in self.cpu.items()}
        return Used(
            cpu,
            Disturbance(
                seconds=self.at - before.at,
                cores=cores(),
                others_seconds=others(self.everybody - before.everybody, cpu),
                load_before=before.load,
                load_after=self.load,
            ),
        )


@dataclass(frozen=True)
class Disturbance:
    """The processor time of others during a block of so many seconds on so many cores. Loads are of one minute, ours
    included."""

    seconds: float
    cores: int
    others_seconds: float
    load_before: float
    load_after: float

    @property
    def share(self) -> float:
        """The share of the machine's processor time that others took during the block."""
        return self.others_seconds / (self.seconds * self.cores) if self.seconds else 0.0

    @property
    def disturbed(self) -> bool:
        """Whether that share is too high for a figure to be trusted."""
        return self.share > DISTURBED_SHARE

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return {**self.__dict__, "others_share": self.share, "disturbed": self.disturbed}


@dataclass(frozen=True)
class Used:
    """Processor seconds of a block by role, and its disturbance."""

    cpu: Mapping[str, float]
    disturbance: Disturbance


class Measured(Protocol):
    """The result of a block."""

    @property
    def disturbance(self) -> Disturbance: ...


Result = TypeVar("Result", bound=Measured)


def usage_of(cpu: Mapping[str, float]) -> Usage:
    """Note the use so far; `cpu` is that of our processes by role."""
    return Usage(time.monotonic(), cpu, everybody_seconds(STAT.read_text("ascii")), os.getloadavg()[0])


def everybody_seconds(stat: str, ticks_per_second: int = TICKS_PER_SECOND) -> float:
    """Return the CPU seconds that all processes used, and that other machines on the host took, from `/proc/stat`."""
    user, nice, system, _idle, _iowait, _irq, _softirq, stolen = map(int, stat.split("\n", 1)[0].split()[1:9])
    return (user + nice + system + stolen) / ticks_per_second


def others(everybody: float, ours: Mapping[str, float]) -> float:
    """Return the seconds of others; never negative, although clocks differ by a tick per process."""
    return max(0.0, everybody - sum(ours.values()))


async def undisturbed(
    measure: Callable[[], Awaitable[Result]], name: str, say: Callable[[str], None], repeats: int = REPEATS
) -> Result:
    """Measure a block, and again while it was disturbed, `repeats` times at most. Return the least disturbed one."""
    results: list[Result] = []
    for attempt in range(repeats + 1):
        result = await measure()
        results.append(result)
        seen = result.disturbance
        if not seen.disturbed:
            break
        then = "repeated" if attempt < repeats else f"shown with {MARK}"
        say(
            f"{name}: disturbed, others took {seen.share:.0%} of the machine (more than {DISTURBED_SHARE:.0%};"
            f" load {seen.load_before:.1f} before, {seen.load_after:.1f} after): {then}"
        )
    return min(results, key=lambda one: one.disturbance.share)
