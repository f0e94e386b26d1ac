"""The result of a run, for a person and for a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import Evidence
from tests.chaos.hands import Done
from tests.chaos.memory import MEBIBYTE, Memory


@dataclass(frozen=True, repr=False)
class Report:
    """The report of a run. `ends`: seconds that workers took to end in order. `received_after`: seconds from the
    broker's append of a good message to its fact. Both in ascending order. `quiet_after`: seconds from the last
    record sent, and the last fault mended, until everything was handled and published."""

    seed: int
    records: int
    orders: int
    outputs: int
    newly_quarantined: int
    workers: int
    memory: Memory
    ends: list[float]
    received_after: list[float]
    seconds: float
    quiet_after: float
    faults: Mapping[str, Done]
    complaints: Mapping[str, list[str]]
    evidence: Evidence

    @property
    def unclean(self) -> list[str]:
        """All complaints."""
        return [f"{check}: {one}" for check, found in self.complaints.items() for one in found]

    def plain(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        faults = {
            name: {
                "times": done.times,
                "missed": done.missed,
                "caught_up_seconds": done.caught_up,
                "silent_seconds": [one.everywhere for one in done.silences],
                "lane_silent_seconds": [one.lane for one in done.silences],
            }
            for name, done in sorted(self.faults.items())
        }
        numbers = (
            "seed",
            "records",
            "orders",
            "outputs",
            "newly_quarantined",
            "workers",
            "seconds",
            "quiet_after",
        )
        return {
            **{name: getattr(self, name) for name in numbers},
            "peak": self.memory.peak,
            "grown": self.memory.grown,
            "ended_after_seconds": spread(self.ends),
            "received_after_seconds": spread(self.received_after),
            "faults": faults,
            "complaints": dict(self.complaints),
            "clean": not self.unclean,
        }


def spread(ascending: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile and the longest; empty for no values."""
    if not ascending:
        return {}
    return {
        "median": ascending[len(ascending) // 2],
        "99 %": ascending[len(ascending) * 99 // 100],
        "longest": ascending[-1],
    }


def in_words(report: Report) -> str:
    """The report as text."""
    memory = report.memory
    lines = [
        f"seed {report.seed}: {report.records:,} records, {report.orders:,} orders, {report.outputs:,} outputs,",
        f"{report.newly_quarantined:,} quarantined; {report.workers} workers,",
        f"at most {max(memory.sending) / MEBIBYTE:.0f} MiB each ({memory.peak / MEBIBYTE:.0f} with what came last),",
        f"{memory.grown:.2f} times as large at the end as before;",
        f"{report.seconds:.0f} s, quiet {report.quiet_after:.1f} s after the last record;",
        *([f"from a good record to its fact {_seconds(report.received_after)};"] if report.received_after else []),
        f"{len(report.ends)} workers ended in order, each within {_seconds(report.ends)}",
        "",
        "| fault | survived | not reached | no output for (median, longest) | none on a lane for | caught up after |",
        "|---|---|---|---|---|---|",
    ]
    for name, done in sorted(report.faults.items()):
        figures = (
            _both([one.everywhere for one in done.silences]),
            _both([one.lane for one in done.silences]),
            _both(done.caught_up),
        )
        lines.append(f"| {name} | {done.times} | {done.missed or ''} | {' | '.join(figures)} |")
    lines += [f"| all | {sum(done.times for done in report.faults.values())} | | | | |", ""]
    for check, found in report.complaints.items():
        lines.append(f"{'NO ' if found else 'yes'} {check}")
        lines += [f"      {one}" for one in found]
    return "\n".join(lines) + "\n"


def _both(seconds: Sequence[float]) -> str:
    found = spread(sorted(seconds))
    return f"{found['median']:.1f} s, {found['longest']:.1f} s" if found else ""


def _seconds(ascending: Sequence[float]) -> str:
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spread(ascending).items())
