"""The arithmetic of the benchmark, without a server: the time of others, ratios of rounds, quantiles, estimates."""

from dataclasses import dataclass, replace
from math import inf

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from tests.bench import report
from tests.bench.contenders import PerMessage, Service
from tests.bench.disturbance import (
    DISTURBED_SHARE,
    MARK,
    Disturbance,
    Usage,
    everybody_seconds,
    others,
    undisturbed,
)
from tests.bench.histograms import grown, histograms
from tests.bench.history import Cost, order_ids
from tests.bench.interruptions import longest_silence
from tests.bench.machine import build_of
from tests.bench.measure import WAITED, stages
from tests.bench.ratios import Spread, ratios
from tests.bench.rounds import Found

QUIET = Disturbance(seconds=10.0, cores=2, others_seconds=0.5, load_before=0.1, load_after=1.9)
DISTURBED = replace(QUIET, others_seconds=8.0)


def test_idle_waiting_and_interrupts_are_nobodys_processor_time() -> None:
    stat = "cpu  1000 200 300 99999 88888 7777 6666 50 400 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
    assert everybody_seconds(stat, ticks_per_second=100) == 15.5


def test_others_took_what_is_left_of_everybodys_time() -> None:
    assert others(10.0, {"contender": 4.0, "broker": 2.5, "database": 1.0, "load": 0.5}) == 2.0
    assert others(1.0, {"contender": 1.02}) == 0.0


def test_a_block_is_disturbed_when_others_took_more_than_the_share_of_all_cores() -> None:
    before = Usage(at=100.0, cpu={"contender": 1.0, "load": 5.0}, everybody=50.0, load=0.5)
    after = Usage(at=110.0, cpu={"contender": 9.0, "load": 7.0}, everybody=62.0, load=2.5)
    used = after.since(before)
    assert used.cpu == {"contender": 8.0, "load": 2.0}
    assert (used.disturbance.others_seconds, used.disturbance.seconds) == (2.0, 10.0)
    assert (used.disturbance.load_before, used.disturbance.load_after) == (0.5, 2.5)
    at_the_threshold = replace(QUIET, others_seconds=QUIET.seconds * QUIET.cores * DISTURBED_SHARE)
    assert not at_the_threshold.disturbed
    assert replace(at_the_threshold, others_seconds=at_the_threshold.others_seconds + 0.1).disturbed


@dataclass(frozen=True)
class Block:
    number: int
    disturbance: Disturbance


@pytest.mark.parametrize(
    ("seen", "repeats", "kept", "said"),
    [
        ([QUIET, DISTURBED], 2, 0, 0),
        ([DISTURBED, QUIET, DISTURBED], 2, 1, 1),
        ([DISTURBED, replace(DISTURBED, others_seconds=4.0), DISTURBED, QUIET], 2, 1, 3),
        ([DISTURBED, QUIET], 0, 0, 1),
    ],
)
async def test_a_disturbed_block_is_repeated_so_often_and_the_quietest_kept(
    seen: list[Disturbance], repeats: int, kept: int, said: int
) -> None:
    blocks, lines = iter([Block(n, one) for n, one in enumerate(seen)]), []

    async def measure() -> Block:
        return next(blocks)

    found = await undisturbed(measure, "a block", lines.append, repeats)
    assert (found.number, len(lines)) == (kept, said)


def test_ratios_are_of_rounds_that_both_have() -> None:
    assert ratios({1: 90.0, 2: 100.0, 4: 10.0}, {2: 50.0, 1: 30.0, 3: 5.0}) == [3.0, 2.0]
    assert Spread.of([3.0, 2.0, 10.0]) == Spread(3.0, 2.0, 10.0)


def test_the_page_has_a_row_with_its_mark_and_the_ratios_of_rounds() -> None:
    found = Found(machine_lines=["CPython"], commit="abc")
    rows = [(1, 1_000.0, 10.0, QUIET), (2, 900.0, 5.0, DISTURBED)]
    cpu = {"contender": 1.0, "broker": 2.0, "database": 3.0, "load": 0.0}
    for number, ours, theirs, other in rows:
        for name, rate, seen in ((Service.name, ours, QUIET), (PerMessage.name, theirs, other)):
            row = {"round": number, "rate": rate, "cpu_us": cpu, "disturbance": seen.plain(), "events": 1}
            found.throughput.setdefault(name, []).append({**row, "outputs": 1, "wal_bytes": 1.0, "rss_mb": 1.0})
    assert report.ratios_of_rounds(found) == {PerMessage.name: [100.0, 180.0]}
    page = report.text(found).splitlines()
    (ours,) = [line for line in page if line.startswith(f"  {Service.name} ") and "950" in line]
    (theirs,) = [line for line in page if line.startswith(f"  {PerMessage.name} ") and "140.00" not in line]
    assert MARK not in ours
    assert MARK in theirs
    assert any("1 of 4 blocks stayed disturbed" in line and "40%" in line for line in page)
    assert f"| {PerMessage.name} | 8{MARK} | 5 to 10 | 140.00 (100.00 to 180.00) |" in report.markdown(found)
    assert ("times the handler per message", 120, 140.0, True) in report.verdicts(found)


def test_histograms_of_several_processes_are_added_and_looks_subtracted() -> None:
    def shown(*values: float) -> str:
        registry = CollectorRegistry()
        one = Histogram("purchasing_batch_stage_seconds", "-", ["stage", "process"], buckets=(1, 2), registry=registry)
        for nth, value in enumerate(values):
            one.labels("store", str(nth % 2)).observe(value)
        return generate_latest(registry).decode()

    found = grown(histograms(shown(0.5)), histograms(shown(0.5, 1.5, 0.5, 7.0)))["batch_stage_seconds.store"]
    assert (found.count, found.total, found.mean) == (3, 9.0, 3.0)
    assert found.buckets == ((1.0, 1.0), (2.0, 2.0), (inf, 3.0))
    assert [found.quantile(share) for share in (1 / 3, 0.5, 0.99)] == pytest.approx([1.0, 1.5, 2.0])


def test_stages_and_what_lies_between_them_make_up_the_mean() -> None:
    registry = CollectorRegistry()
    for name, seconds in (("event_age_at_start", 0.010), ("batch_stage", 0.005), ("relay_stage", 0.020)):
        labels = {"batch_stage": ["store", "commit"], "relay_stage": ["publish"]}.get(name, [])
        one = Histogram(f"purchasing_{name}_seconds", "-", ["stage"] if labels else [], registry=registry)
        for child in [one.labels(label) for label in labels] or [one]:
            child.observe(seconds)
    rows = stages(histograms(generate_latest(registry).decode()), 50.0)
    in_turn = [row for row in rows if not row["stage"].startswith("beside")]
    assert len(rows) == len(in_turn) + 1
    assert sum(row["mean"] for row in in_turn) == pytest.approx(50.0)
    assert [row["mean"] for row in rows if row["stage"] == WAITED] == pytest.approx([15.0])
    assert stages({}, 50.0) == []


def test_the_longest_silence_begins_when_it_happens() -> None:
    outputs = [1.0, 9.0, 10.2, 10.3, 14.3, 15.0]
    assert longest_silence(10.0, outputs) == pytest.approx(4.0)
    assert longest_silence(14.9, outputs) == pytest.approx(0.1)
    assert longest_silence(20.0, outputs) == 0.0


def test_an_estimate_grows_with_the_orders() -> None:
    assert Cost(100, 5_000.0, 2.0).of(250) == Cost(250, 12_500.0, 5.0)


def test_chosen_orders_are_different_ones_of_those_there() -> None:
    everyone = set(order_ids(1_000, 1_000))
    assert len(everyone) == 1_000
    assert set(order_ids(1_000, 10)) < everyone
    assert order_ids(0, 10) == []


@pytest.mark.parametrize(
    ("options", "shared", "optimised", "lto"),
    [
        ("'--enable-optimizations' '--with-lto=full'", 0, True, True),
        ("'--enable-shared' '--prefix=/x'", 1, False, False),
    ],
)
def test_the_build_of_an_interpreter_is_read_from_its_configuration(
    options: str, shared: int, optimised: bool, lto: bool
) -> None:
    found = build_of({"CONFIG_ARGS": options, "Py_ENABLE_SHARED": shared, "Py_DEBUG": 0})
    assert found == {"optimised": optimised, "lto": lto, "shared_library": bool(shared), "debug": False}


def test_without_a_configuration_nothing_is_claimed() -> None:
    assert not any(build_of({"CONFIG_ARGS": None}).values())
