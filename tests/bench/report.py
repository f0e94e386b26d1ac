"""What was measured, as a table for people."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.bench.contenders import FastPassThrough, PassThrough, PerMessage, Service
from tests.bench.copying import LIMIT
from tests.bench.rounds import Found


def rates(found: Found) -> dict[str, list[float]]:
    """Events a second of each round, by contender."""
    measured = {name: [one["rate"] for one in rounds] for name, rounds in found.throughput.items()}
    return {**measured, LIMIT: found.copy} if found.copy else measured


def verdicts(found: Found) -> list[tuple[str, float, float, bool]]:
    """What was wanted: what it is, what it should be, what was found, whether that is enough."""
    by_name = {name: median(values) for name, values in rates(found).items()}
    ours = by_name.get(Service.name, 0.0)
    wanted: list[tuple[str, float, float, bool]] = []

    def want(what: str, at_least: float, value: float) -> None:
        wanted.append((what, at_least, value, value >= at_least))

    if ours:
        want("events a second, end to end, one process", 5_000, ours)
    if ours and PerMessage.name in by_name:
        want("times the handler per message", 50, ours / by_name[PerMessage.name])
    limits = [by_name[name] for name in (PassThrough.name, FastPassThrough.name, LIMIT) if name in by_name]
    if ours and limits:
        want("of the slower limit", 0.5, ours / min(limits))
    half = next((one for one in found.latency if one["share"] == 0.5), None)
    if half is not None and half["to_record"]:
        for name, most in (("p50", 50), ("p99", 250)):
            value = half["to_record"][name]
            wanted.append((f"ms {name} at half load, at most", most, value, value <= most))
    if len(found.growth) > 1:
        first, *_, last = found.growth
        want(f"of the speed, with {last['orders']:,} orders in the database", 0.8, last["new"] / first["new"])
    return wanted


def text(found: Found) -> str:
    """The page."""
    return "\n".join(
        [
            *_throughput(found),
            *_latency(found),
            *_growth(found),
            *_memory(found),
            *_anatomy(found),
            *_wanted(found),
        ]
    )


def as_json(found: Found) -> str:
    """Everything that was measured, rounds and all."""
    return json.dumps(asdict(found), indent=1, default=float)


def markdown(found: Found) -> str:
    """Throughput and latency as tables for a page."""
    by_name = sorted(rates(found).items(), key=lambda one: -median(one[1]))
    lines = ["| contender | events/s (median) | lowest to highest |", "|---|---:|---:|"]
    lines += [f"| {name} | {median(v):,.0f} | {min(v):,.0f} to {max(v):,.0f} |" for name, v in by_name]
    if found.latency:
        lines += ["", "| load | events/s | p50 ms | p99 ms | max ms | until decided, p50 | from there, p50 |"]
        lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for one in found.latency:
        values = [*one["to_record"].values(), *(one[part].get("p50", 0) for part in ("to_decided", "from_decided"))]
        lines.append(f"| {one['share']:.0%} | {one['rate']:,.0f} | {' | '.join(f'{value:.0f}' for value in values)} |")
    if found.growth:
        lines += [
            "",
            "| orders in the database | events/s, new orders | old ones, cold | warm | p50 ms | p99 ms |",
        ]
        lines += ["|---:|---:|---:|---:|---:|---:|"]
    for one in found.growth:
        values = [_of(one, name).strip() for name in ("new", "cold", "warm", "p50", "p99")]
        lines.append(f"| {one['orders']:,} | {' | '.join(values)} |")
    return "\n".join(lines)


def _throughput(found: Found) -> Iterator[str]:
    yield "Throughput, events a second (median, lowest to highest); CPU µs an event of contender + broker + database"
    for name, values in sorted(rates(found).items(), key=lambda one: -median(one[1])):
        cpu = [one["cpu_us"] for one in found.throughput.get(name, ())]
        parts = [f"{median(one[role] for one in cpu):.0f}" for role in ("contender", "broker", "database") if cpu]
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        yield f"  {name:36}{median(values):>9,.0f}   {spread:>20}   {' + '.join(parts)}"
    for workers, one in found.workers.items():
        yield f"  {f'service, --processes {workers}':36}{one['rate']:>9,.0f}"
    ours = found.throughput.get(Service.name)
    if ours:
        yield (
            f"  service: {median(one['outputs'] / one['events'] for one in ours):.2f} outputs an event, "
            f"{median(one['wal_bytes'] for one in ours):,.0f} bytes of WAL an event, "
            f"{max(one['rss_mb'] for one in ours):,.0f} MB of memory"
        )
    for one in found.tables:
        yield (
            f"  table {one['table']:18}{one['rows_an_event']:6.2f} rows an event,"
            f" {one['bytes_an_event']:6.0f} bytes, indexes {one['index_bytes'] / max(1, one['rows']):4.0f} a row,"
            f" {one['autovacuums']} autovacuums"
        )


def _latency(found: Found) -> Iterator[str]:
    if found.latency:
        yield "Latency, ms from record to command (in brackets: until a read_committed reader has it)"
    for one in found.latency:
        stages = ", ".join(f"{name} {value:.0f}" for name, value in one["stages"].items())
        split = "; ".join(
            f"{words} p50 {one[part]['p50']:.0f}, p99 {one[part]['p99']:.0f}"
            for part, words in (("to_decided", "until decided"), ("from_decided", "from there to the record"))
            if one[part]
        )
        yield f"    {split}; a batch: {stages}"
        parts = [f"{name} {one['to_record'][name]:>5.0f} ({one['to_reader'][name]:.0f})" for name in one["to_record"]]
        yield f"  {one['share']:4.0%} = {one['rate']:>6,.0f}/s   {'   '.join(parts)}"


def _growth(found: Found) -> Iterator[str]:
    if found.growth:
        yield "Orders in the database: events a second of new orders, of old ones (cold, then warm cache); latency, ms"
    for one in found.growth:
        yield (
            f"  {one['orders']:>9,}   {_of(one, 'new')}   {_of(one, 'cold')}   {_of(one, 'warm')}"
            f"   p50 {_of(one, 'p50')}   p99 {_of(one, 'p99')}"
        )


def _memory(found: Found) -> Iterator[str]:
    if found.memory:
        yield "Memory of the service over events, MB"
        yield "  " + "   ".join(f"{events:,}: {mb:,.0f}" for events, mb in found.memory)


def _of(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    return f"{'-':>6}" if value is None else f"{value:>6,.0f}"


def _anatomy(found: Found) -> Iterator[str]:
    for batch, parts in found.anatomy.items():
        yield f"A batch of {batch:,}, µs an event"
        for name, value in sorted(parts.items(), key=lambda one: -one[1]):
            yield f"  {value:8.1f}  {name}"
    if found.anatomy:
        yield f"  {found.read_in_sequence:,} rows of growing tables were read by scanning them"


def _wanted(found: Found) -> Iterator[str]:
    yield "Wanted"
    for what, bound, value, enough in verdicts(found):
        yield f"  {'yes' if enough else 'NO ':3}  {value:>9,.2f}  {what} (wanted: {bound:,g})"
