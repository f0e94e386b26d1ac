"""The measurements as a page for people, as JSON, and as tables for performance.md."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.bench.contenders import FastPassThrough, PassThrough, PerMessage, Service, Streams
from tests.bench.copying import LIMIT
from tests.bench.disturbance import DISTURBED_SHARE, MARK
from tests.bench.ratios import Spread, ratios
from tests.bench.rounds import Found


def rates(found: Found) -> dict[str, list[float]]:
    """Events per second of each round, by contender."""
    return {name: list(rounds.values()) for name, rounds in by_round(found).items()}


def by_round(found: Found) -> dict[str, dict[int, float]]:
    """Events per second by contender and round."""
    return {name: {one["round"]: one["rate"] for one in rounds} for name, rounds in found.throughput.items()}


def ratios_of_rounds(found: Found) -> dict[str, list[float]]:
    """The service's events per second divided by those of each other contender in the same rounds."""
    rounds = by_round(found)
    ours = rounds.pop(Service.name, {})
    return {name: values for name, theirs in rounds.items() if (values := ratios(ours, theirs))}


def mark(rows: Sequence[Mapping[str, Any]]) -> str:
    """MARK if a block of these stayed disturbed in spite of repeats; otherwise empty."""
    return MARK if any(row.get("disturbance", {}).get("disturbed") for row in rows) else ""


def verdicts(found: Found) -> list[tuple[str, float, float, bool]]:
    """Compare each target with its result: name, target, result, and whether it is met."""
    wanted: list[tuple[str, float, float, bool]] = []

    def want(what: str, at_least: float, value: float) -> None:
        wanted.append((what, at_least, value, value >= at_least))

    by_name = {name: median(values) for name, values in ratios_of_rounds(found).items()}
    if found.before in by_name:
        want("times the service before", 2, by_name[found.before])
    if Streams.name in by_name:
        want("times Kafka Streams without rules", 1, by_name[Streams.name])
    if PerMessage.name in by_name:
        want("times the handler per message", 120, by_name[PerMessage.name])
    limits = [by_name[name] for name in (PassThrough.name, FastPassThrough.name, LIMIT) if name in by_name]
    if limits:
        want("of the slower limit", 0.45, max(limits))
    for share, bounds in ((0.5, {"p50": 40, "p99": 150}), (0.25, {"p50": 20, "p99": 60})):
        one = next((one for one in found.latency if one["share"] == share), None)
        for name, most in bounds.items() if one is not None and one["to_record"] else ():
            value = one["to_record"][name]
            wanted.append((f"ms {name} at {share:.0%} of the full speed, at most", most, value, value <= most))
    if len(found.growth) > 1:
        first, *_, last = found.growth
        want(f"of the speed, with {last['orders']:,} orders in the database", 0.8, last["new"] / first["new"])
        want(f"events/s of cold orders, with {last['orders']:,} orders", 3_000, last["cold"])
    return wanted


def text(found: Found) -> str:
    """The page as text."""
    return "\n".join(
        [
            *_made_on(found),
            *_throughput(found),
            *_workers(found),
            *_latency(found),
            *_interruptions(found),
            *_growth(found),
            *_cold(found),
            *_memory(found),
            *_anatomy(found),
            *_marks(found),
            *_wanted(found),
        ]
    )


def as_json(found: Found) -> str:
    """All measurements, with the ratios of each round, for JSON."""
    return json.dumps({**asdict(found), "ratios": ratios_of_rounds(found)}, indent=1, default=float)


def markdown(found: Found) -> str:
    """The tables for a document."""
    lines = [*(f"{line}  " for line in _made_on(found)), ""]
    in_rounds = ratios_of_rounds(found)
    if found.throughput:
        lines += ["| contender | events/s (median) | lowest to highest | the service beside it, per round |"]
        lines += ["|---|---:|---:|---:|"]
    for name, v in _fastest_first(found):
        beside = Spread.of(in_rounds[name]) if name in in_rounds else None
        ratio = f"{beside.median:.2f} ({beside.lowest:.2f} to {beside.highest:.2f})" if beside else "-"
        marked = mark(found.throughput[name])
        lines.append(f"| {name} | {median(v):,.0f}{marked} | {min(v):,.0f} to {max(v):,.0f} | {ratio} |")
    if found.latency:
        lines += ["", "| load | events/s | p50 ms | p99 ms | max ms | until decided, p50 | from there, p50 |"]
        lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for one in found.latency:
        values = [*one["to_record"].values(), *(one[part].get("p50", 0) for part in ("to_decided", "from_decided"))]
        columns = " | ".join(f"{value:.0f}" for value in values)
        lines.append(f"| {one['share']:.0%}{mark([one])} | {one['rate']:,.0f} | {columns} |")
    for one in found.latency:
        lines += ["", f"| at {one['share']:.0%}, {one['batch']:.0f} events a batch | mean ms | p99 ms |"]
        lines += ["|---|---:|---:|"]
        lines += [f"| {row['stage']} | {row['mean']:.1f} | {_ms(row['p99'])} |" for row in one["stages"]]
    if found.interruptions:
        lines += ["", "| what happens | worst time to the next output, s | longest that an event waited, s |"]
        lines += ["|---|---:|---:|"]
    for what, worst in _worst(found).items():
        lines.append(f"| {what} | {worst['silence_seconds']:.1f} | {worst['longest_seconds']:.1f} |")
    if found.growth:
        lines += ["", "| orders in the database | events/s, new orders | old ones, cold | warm | p50 ms | p99 ms |"]
        lines += ["|---:|---:|---:|---:|---:|---:|"]
    for one in found.growth:
        values = [_of(one, name).strip() for name in ("new", "cold", "warm", "p50", "p99")]
        lines.append(f"| {one['orders']:,}{mark(one['blocks'])} | {' | '.join(values)} |")
    return "\n".join([*lines, *(f"\n{line}" for line in _marks(found))])


def _made_on(found: Found) -> Iterator[str]:
    yield from found.machine_lines
    yield f"Load (1 minute) when the run began: {found.load_before:.1f}; commit {found.commit}"


def _fastest_first(found: Found) -> list[tuple[str, list[float]]]:
    return sorted(rates(found).items(), key=lambda one: -median(one[1]))


def _throughput(found: Found) -> Iterator[str]:
    if not found.throughput:
        return
    yield (
        "Throughput, events a second (median, lowest to highest); CPU µs an event of contender + broker + database;"
        " others' share of the machine (highest)"
    )
    for name, values in _fastest_first(found):
        rounds = found.throughput[name]
        cpu = [one["cpu_us"] for one in rounds if "cpu_us" in one]
        parts = [f"{median(one[role] for one in cpu):.0f}" for role in ("contender", "broker", "database") if cpu]
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        shares = [one["disturbance"]["others_share"] for one in rounds if "disturbance" in one]
        others = f"{max(shares):4.0%}" if shares else "   -"
        yield f"  {name:36}{median(values):>9,.0f}{mark(rounds):1}  {spread:>20}   {' + '.join(parts):18} {others}"
    in_rounds = ratios_of_rounds(found)
    if in_rounds:
        yield "The service divided by another in the same round (median, lowest to highest, each)"
    for name, values in in_rounds.items():
        spread = Spread.of(values)
        each = " ".join(f"{value:.2f}" for value in values)
        yield f"  {name:36}{spread.median:9.2f}   {spread.lowest:8.2f} to {spread.highest:.2f}   {each}"
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


def _workers(found: Found) -> Iterator[str]:
    if found.workers:
        yield "Processes, events a second once every member had joined"
    for name, one in found.workers.items():
        cpu = one["cpu_us"]
        parts = " + ".join(f"{cpu[role]:.0f}" for role in ("contender", "broker", "database"))
        yield f"  {name:36}{one['rate']:>9,.0f}{mark([one]):1}  {parts}   {one['rss_mb']:,.0f} MB"


def _latency(found: Found) -> Iterator[str]:
    if found.latency:
        yield "Latency, ms from record to command (in brackets: until a read_committed reader has it)"
    for one in found.latency:
        parts = [f"{name} {one['to_record'][name]:>5.0f} ({one['to_reader'][name]:.0f})" for name in one["to_record"]]
        yield f"  {one['share']:4.0%} = {one['rate']:>6,.0f}/s{mark([one]):1}  {'   '.join(parts)}"
        split = "; ".join(
            f"{words} p50 {one[part]['p50']:.0f}, p99 {one[part]['p99']:.0f}"
            for part, words in (("to_decided", "until decided"), ("from_decided", "from there to the record"))
            if one[part]
        )
        yield f"    {split}; {one['batch']:.0f} events a batch"
        yield f"    {'where the time goes until the reader has it':70}{'mean ms':>8}{'p99 ms':>8}"
        for row in one["stages"]:
            yield f"    {row['stage']:70}{row['mean']:8.1f}{_ms(row['p99']):>8}"
        yield f"    {'mean of all':70}{one['mean']:8.1f}"


def _interruptions(found: Found) -> Iterator[str]:
    if found.interruptions:
        yield "Seconds when something happens, worst of its rounds: the act itself, to the next output, longest wait"
    for what, worst in _worst(found).items():
        act, silence, longest = (worst[name] for name in ("act_seconds", "silence_seconds", "longest_seconds"))
        yield f"  {what:36}{act:8.1f}{silence:8.1f}{longest:8.1f}"


def _worst(found: Found) -> dict[str, dict[str, float]]:
    worst: dict[str, dict[str, float]] = {}
    for one in found.interruptions:
        seen = worst.setdefault(one["what"], {})
        for name in ("act_seconds", "silence_seconds", "longest_seconds"):
            seen[name] = max(seen.get(name, 0.0), one[name])
    return worst


def _growth(found: Found) -> Iterator[str]:
    if found.growth:
        yield "Orders in the database: events a second of new orders, of old ones (cold, then warm cache); latency, ms"
    for one in found.growth:
        yield (
            f"  {one['orders']:>9,}{mark(one['blocks']):1}  {_of(one, 'new')}   {_of(one, 'cold')}   {_of(one, 'warm')}"
            f"   p50 {_of(one, 'p50')}   p99 {_of(one, 'p99')}"
        )


def _cold(found: Found) -> Iterator[str]:
    for temperature, rows in found.cold.items():
        yield f"One order, {temperature}: rows, pages of 8 KB read and found in memory, µs in the server"
        for one in rows:
            yield f"  {one['statement']:14}{one['rows']:7.1f}{one['read']:8.1f}{one['found']:8.1f}{one['us']:9.0f}"
    for what, us in found.folding.items():
        yield f"  {us:8.0f} µs of processor time in the worker: {what}"


def _memory(found: Found) -> Iterator[str]:
    if found.memory:
        yield "Memory of the service over events, MB"
        yield "  " + "   ".join(f"{events:,}: {mb:,.0f}" for events, mb in found.memory)


def _of(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    return f"{'-':>6}" if value is None else f"{value:>6,.0f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _anatomy(found: Found) -> Iterator[str]:
    for batch, parts in found.anatomy.items():
        yield f"A batch of {batch:,}, µs an event"
        for name, value in sorted(parts.items(), key=lambda one: -one[1]):
            yield f"  {value:8.1f}  {name}"
    if found.anatomy:
        yield f"  {found.read_in_sequence:,} rows of growing tables were read by scanning them"


def _marks(found: Found) -> Iterator[str]:
    blocks = [*(one for rounds in found.throughput.values() for one in rounds), *found.workers.values()]
    blocks += [*found.latency, *(block for one in found.growth for block in one["blocks"])]
    disturbed = [one for one in blocks if mark([one])]
    if disturbed:
        most = max(one["disturbance"]["others_share"] for one in disturbed)
        yield (
            f"{MARK} {len(disturbed)} of {len(blocks)} blocks stayed disturbed, however often repeated: others took"
            f" more than {DISTURBED_SHARE:.0%} of the processor time, up to {most:.0%}. These figures prove nothing."
        )


def _wanted(found: Found) -> Iterator[str]:
    yield "Wanted"
    for what, bound, value, enough in verdicts(found):
        yield f"  {'yes' if enough else 'NO ':3}  {value:>9,.2f}  {what} (wanted: {bound:,g})"
