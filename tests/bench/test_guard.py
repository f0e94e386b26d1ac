"""A guard against a slow service: it is compared with a handler per message in the same round, on the same broker
and database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from service.embedded import EmbeddedStack
from tests.bench.contenders import PerMessage, Service
from tests.bench.report import by_round, ratios_of_rounds
from tests.bench.rounds import Bench, Plan

DISK = Path(__file__).resolve().parents[2] / ".embedded"
"""Other tests write to memory, where a commit per message costs nothing."""
TIMES = 25
"""The measured ratio was 21, 30 and 42 in three rounds with nine tenths of the processor time taken by others; one
round suffices."""
PLAN = Plan(rounds=5, repeats=0, events=6_000, warm_up=2_000, slow_events=120, slow_warm_up=20)


@contextmanager
def directory_on_disk() -> Iterator[Path]:
    DISK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="guard-", dir=DISK) as name:
        directory = Path(name)
        directory.chmod(0o755)  # or PostgreSQL, if it has an account of its own, keeps its data elsewhere
        yield directory


async def test_the_service_is_25_times_as_fast_as_a_handler_per_message() -> None:
    with directory_on_disk() as directory:
        async with EmbeddedStack(directory, temporary=True) as stack:
            bench = Bench(stack, directory, PLAN, print)

            def fast_enough() -> bool:
                # One round suffices: other programs can make the service look slower in a round, hardly faster.
                return max(ratios_of_rounds(bench.found)[PerMessage.name]) >= TIMES

            await bench.side_by_side([Service, PerMessage], limits=False, enough=fast_enough)
        assert fast_enough(), by_round(bench.found)
