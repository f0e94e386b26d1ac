"""Measure the service beside others, on one broker and one database server.

python -m tests.bench [--small] [--rounds N] [--before PATH] [--contenders NAME ...] [--orders N ...] [--only PART ...]
                      [--json FILE] [--svg FILE] [--readme FILE]

Progress is on stderr, the page on stdout. service/docs/performance.md says what each part measures.
"""

import argparse
import asyncio
import os
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tests.bench.contenders import ROOT, Contender, OneProcess, Service, service_of
from tests.bench.ground import servers
from tests.bench.machine import commit_of, machine
from tests.bench.picture import svg
from tests.bench.report import as_json, markdown, text
from tests.bench.rounds import ALL, SMALL, Bench, Found, Plan

LOGS = ROOT / ".embedded" / "bench"
PARTS = ("throughput", "latency", "growth", "workers", "anatomy")
LONG = ("interruptions", "cold", "memory")
"""Parts that take too long for a usual run: only if named."""
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"


async def run(plan: Plan, parts: list[str], contenders: list[type[Contender]], before: type[Service] | None) -> Found:
    """Measure these parts; `before` alternates with the contenders."""
    load = os.getloadavg()[0]
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    async with servers(LOGS) as stack:
        bench = Bench(stack, LOGS, plan, _say)
        found, made_on = bench.found, machine()
        found.machine, found.machine_lines, found.load_before = asdict(made_on), made_on.lines(), load
        found.commit, found.before = commit_of(ROOT), "" if before is None else before.name
        for line in found.machine_lines:
            _say(line)
        if "throughput" in parts:
            await bench.side_by_side(contenders if before is None else [before, *contenders])
        if "latency" in parts:
            await bench.latencies(await bench.full_speed())
        if "interruptions" in parts:
            await bench.interruptions(await bench.full_speed() / 4)
        if "growth" in parts:
            await bench.growth(await bench.full_speed() / 4)
        if "workers" in parts:
            await bench.several_workers()
        if "memory" in parts:
            await bench.memory()
        if "cold" in parts:
            await bench.cold()
        if "anatomy" in parts:
            await bench.dissect()
    return found


def main() -> None:
    """Read the command line, measure, write."""
    # On one core the service is one process anyway.
    by_key = {kind.key: kind for kind in ALL if Service.members != 1 or kind is not OneProcess}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a quick look: small figures, wide spread")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, *LONG), default=list(PARTS), help="these parts")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds in which contenders take turns (3)")
    parser.add_argument("--before", type=Path, metavar="PATH", help="a checkout whose service takes turns, too")
    parser.add_argument("--contenders", nargs="+", choices=by_key, default=list(by_key), help="who takes turns")
    parser.add_argument("--orders", type=_number, nargs="+", metavar="N", help="how many orders growth begins with")
    parser.add_argument("--json", type=Path, help="write everything that was measured into this file")
    parser.add_argument("--svg", type=Path, help="write the picture into this file")
    parser.add_argument("--readme", type=Path, help=f"put the tables into this file, between {BEGIN} and {END}")
    arguments = parser.parse_args()
    plan = SMALL if arguments.small else Plan()
    if arguments.rounds is not None:
        plan = replace(plan, rounds=arguments.rounds)
    if arguments.orders is not None:
        plan = replace(plan, histories=tuple(sorted(set(arguments.orders))))
    contenders = [by_key[key] for key in dict.fromkeys(arguments.contenders)]
    before = None if arguments.before is None else service_of(arguments.before)
    found = asyncio.run(run(plan, arguments.only, contenders, before))
    sys.stdout.write(text(found) + "\n")
    if arguments.json:
        arguments.json.write_text(as_json(found), "utf-8")
    if arguments.svg:
        arguments.svg.write_text(svg(found), "utf-8")
    if arguments.readme:
        head, _, rest = arguments.readme.read_text("utf-8").partition(BEGIN)
        _, _, tail = rest.partition(END)
        picture = f"\n![The same as a picture]({arguments.svg})\n" if arguments.svg else ""
        arguments.readme.write_text(f"{head}{BEGIN}\n{markdown(found)}\n{picture}{END}{tail}", "utf-8")


def _number(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 0:
        raise ValueError
    return number


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
