"""What came of a run, for a person and for a program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import Evidence
from tests.chaos.hands import Done


@dataclass(frozen=True)
class Report:
    """A run. `memory`: the largest resident memory of any worker, in bytes, four times a second while
    records were sent, `memory_after` until all was quiet. `quiet_after`: seconds from the last record
    sent, and the last fault mended, until everything was handled and published."""

    seed: int
    records: int
    orders: int
    outputs: int
    put_aside: int
    workers: int
    memory: list[int]
    memory_after: list[int]
    seconds: float
    quiet_after: float
    faults: Mapping[str, Done]
    complaints: Mapping[str, list[str]]
    evidence: Evidence

    @property
    def peak(self) -> int:
        """The largest resident memory of any worker, in bytes."""
        return max(*self.memory, *self.memory_after)

    @property
    def grown(self) -> float:
        """How much larger the largest worker was in the last quarter of the time than in the second, in the middle."""
        quarter = len(self.memory) // 4
        early, late = sorted(self.memory[quarter : 2 * quarter]), sorted(self.memory[-quarter:])
        return late[quarter // 2] / early[quarter // 2]

    @property
    def unclean(self) -> list[str]:
        """All complaints."""
        return [f"{check}: {one}" for check, said in self.complaints.items() for one in said]

    def plain(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        faults = {
            name: {"times": done.times, "missed": done.missed, "caught_up_seconds": done.caught_up}
            for name, done in sorted(self.faults.items())
        }
        numbers = (
            "seed",
            "records",
            "orders",
            "outputs",
            "put_aside",
            "workers",
            "peak",
            "grown",
            "seconds",
            "quiet_after",
        )
        return {
            **{name: getattr(self, name) for name in numbers},
            "faults": faults,
            "complaints": dict(self.complaints),
            "clean": not self.unclean,
        }


def told(report: Report) -> str:
    """The report as text."""
    lines = [
        f"seed {report.seed}: {report.records:,} records, {report.orders:,} orders, {report.outputs:,} outputs,",
        f"{report.put_aside:,} put aside; {report.workers} workers, at most {max(report.memory) / 2**20:.0f} MiB each",
        f"({report.peak / 2**20:.0f} MiB with what came last), {report.grown:.2f} times as large at the end as before;",
        f"{report.seconds:.0f} s, quiet {report.quiet_after:.1f} s after the last record",
        "",
        "| fault | survived | not reached | published again after (median, longest) |",
        "|---|---|---|---|",
    ]
    for name, done in sorted(report.faults.items()):
        after = sorted(done.caught_up)
        seconds = f"{after[len(after) // 2]:.1f} s, {after[-1]:.1f} s" if after else ""
        lines.append(f"| {name} | {done.times} | {done.missed or ''} | {seconds} |")
    lines += [f"| all | {sum(done.times for done in report.faults.values())} | | |", ""]
    for check, said in report.complaints.items():
        lines.append(f"{'NO ' if said else 'yes'} {check}")
        lines += [f"      {one}" for one in said]
    return "\n".join(lines) + "\n"
