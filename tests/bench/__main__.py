"""Measures the service beside others, on one broker and one database server, and says how fast each is.

python -m tests.bench [--small] [--million] [--only PART ...] [--json FILE] [--svg FILE] [--readme FILE]
"""

import argparse
import asyncio
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.bench.contenders import Service
from tests.bench.ground import servers
from tests.bench.picture import svg
from tests.bench.report import as_json, markdown, rates, text
from tests.bench.rounds import SMALL, Bench, Found, Plan

HERE = Path(__file__).resolve().parent
LOGS = HERE.parents[1] / ".embedded" / "bench"
PARTS = ("throughput", "latency", "growth", "workers", "anatomy")
LONG = ("memory",)
"""Parts that take longer than anyone waits for: only when asked for."""
MILLION = 1_000_000
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
ASSUMED = 4_000.0
"""Events a second that shares of load are taken of where throughput was not measured."""


async def run(plan: Plan, parts: list[str]) -> Found:
    """Measure these parts."""
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    async with servers(LOGS) as stack:
        bench = Bench(stack, LOGS, plan, _say)
        if "throughput" in parts:
            await bench.side_by_side()
        full = median(rates(bench.found).get(Service.name, [ASSUMED]))
        if "latency" in parts:
            await bench.latencies(full)
        if "growth" in parts:
            await bench.growth(full / 4)
        if "workers" in parts:
            await bench.several_workers()
        if "memory" in parts:
            await bench.memory()
        if "anatomy" in parts:
            await bench.dissect()
    return bench.found


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a quick look: small figures, wide spread")
    parser.add_argument("--million", action="store_true", help="a million orders in the database, too (much longer)")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, *LONG), default=list(PARTS))
    parser.add_argument("--json", type=Path, help="write everything that was measured into this file")
    parser.add_argument("--svg", type=Path, help="write the picture into this file")
    parser.add_argument("--readme", type=Path, help=f"put the tables into this file, between {BEGIN} and {END}")
    arguments = parser.parse_args()
    plan = SMALL if arguments.small else Plan()
    if arguments.million:
        plan = replace(plan, histories=(*plan.histories, MILLION))
    found = asyncio.run(run(plan, arguments.only))
    sys.stdout.write(text(found) + "\n")
    if arguments.json:
        arguments.json.write_text(as_json(found), "utf-8")
    if arguments.svg:
        arguments.svg.write_text(svg(found), "utf-8")
    if arguments.readme:
        before, _, rest = arguments.readme.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        picture = f"\n![The same as a picture]({arguments.svg})\n" if arguments.svg else ""
        arguments.readme.write_text(f"{before}{BEGIN}\n{markdown(found)}\n{picture}{END}{after}", "utf-8")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
