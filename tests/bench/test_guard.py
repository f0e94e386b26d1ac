"""A guard against becoming slow: service and handler per message in the same run, on the same broker and database."""

from pathlib import Path
from statistics import median

from service.embedded import EmbeddedStack
from tests.bench.contenders import PerMessage, Service
from tests.bench.report import rates
from tests.bench.rounds import Bench, Plan

TIMES = 20
PLAN = Plan(rounds=2, events=6_000, warm_up=2_000, slow_events=120, slow_warm_up=20)


async def test_the_service_is_twenty_times_as_fast_as_a_handler_per_message(tmp_path: Path) -> None:
    async with EmbeddedStack(tmp_path, temporary=True) as stack:
        bench = Bench(stack, tmp_path, PLAN, print)
        await bench.side_by_side([Service, PerMessage], limits=False)
    by_name = {name: median(values) for name, values in rates(bench.found).items()}
    assert by_name[Service.name] >= TIMES * by_name[PerMessage.name], by_name
