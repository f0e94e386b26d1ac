"""The chaos run: real Kafka, real PostgreSQL, real workers, and every kind of fault, by a printed seed.

`python -m tests.chaos.run --seed 7 --events 100000 --minutes 10`, on one broker and one PostgreSQL; with `--cluster` on
three brokers and a PostgreSQL with two standbys, all clocks minutes apart. It ends with a table of the survived faults
and a judgement; the exit code is 1 if there is any complaint. Logs are in `.embedded/chaos/SEED`, or `cluster-SEED`,
until the next run.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from service.embedded.process import Progress, silent
from tests.chaos import bombs, hurried
from tests.chaos.attendance import absent
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import delivered, gather, is_quiet, received_after
from tests.chaos.faults import FAULTS, NO_FAULT, ON_A_CLUSTER, ON_ONE_BROKER, PROCESS_KILLED
from tests.chaos.hands import Hands
from tests.chaos.hostile import surplus
from tests.chaos.memory import Memory
from tests.chaos.place import GROUP, OneOfEach, Place
from tests.chaos.pulse import Pulse
from tests.chaos.reader import Outsider
from tests.chaos.records import Sent
from tests.chaos.sender import Sender
from tests.chaos.table import Report, in_words
from tests.chaos.verify import judge
from tests.chaos.worker import ROOT
from tests.chaos.workload import MALFORMED, Workload

QUIET_SECONDS = 240.0
CRASHES = 10
"""The number of crashes at which the run is given up."""
HOSTILE = 0.6
MOSTLY = 0.5
ONE_PROCESS = tuple(name for name in ON_ONE_BROKER if name != PROCESS_KILLED)
"""The faults of places whose workers are one process each."""
BOMB = 100
SURPLUS = 1_050


@dataclass
class Plan:
    """A run: the events to send in how many minutes, the workers and their processes, and the faults (all of them
    unless named).

    `hurried`: the service's timeouts are cut to seconds, to fit more into the time. `surplus`: so many facts of one
    order, which may have a thousand. `malformed`: the share of hostile records; from a half on also large ones.
    `bombs`: so many megabytes in one small compressed batch, at the end. `cluster`: three brokers and three databases,
    with `clocks` minutes apart.
    """

    seed: int
    events: int
    minutes: float
    workers: int = 3
    lanes: int = 4
    hands: int = 2
    hurried: bool = False
    processes: int = 1
    faults: tuple[str, ...] = ONE_PROCESS
    surplus: int = SURPLUS
    malformed: float = MALFORMED
    bombs: int = 0
    cluster: bool = False
    clocks: bool = False
    say: Progress = silent

    @property
    def hostile(self) -> bool:
        """Whether most of what is sent is malformed."""
        return self.malformed >= MOSTLY


async def run(plan: Plan) -> Report:
    """Play the plan and return the report. Raises an ExceptionGroup of AssertionErrors if the run can't come to an
    end."""
    begun = time.monotonic()
    place = _place(plan)
    async with place, Pulse(place.bootstrap, plan.lanes) as pulse:
        for slot in range(plan.workers):
            place.start(slot)
        sender, outsider = Sender(place.bootstrap), Outsider(place.bootstrap)
        hands = Hands(place, plan.seed, plan.faults, plan.workers, pulse)
        harmed = asyncio.Event()
        # If one of the tasks fails, the run ends, whatever it is waiting for.
        async with asyncio.TaskGroup() as tasks:
            nursing = tasks.create_task(_nurse(place))
            records = _records(plan, harmed, place.database_clock)
            sending = tasks.create_task(sender.send(records, plan.events / (plan.minutes * 60)))
            place.say(f"sending {plan.events:,} records in {plan.minutes:g} minutes")
            await hands.at_work(lambda: len(sender.sent) >= plan.events, plan.hands)
            harmed.set()
            await sending
            await sender.finish(partial(delivered, outsider))
            calm = len(place.memory)
            if plan.bombs:
                sender.sent += await bombs.drop(place.bootstrap, len(sender.sent), plan.bombs)
            sent = time.monotonic()
            place.say(f"{len(sender.sent):,} records are sent, all faults are over: waiting until it is quiet")
            await _quiet(place, outsider)
            quiet = time.monotonic()
            place.say("quiet: collecting the evidence")
            not_there = await absent(place, outsider)
            found = await gather(place.bootstrap, place.dsn, GROUP, sender.sent)
            found.read_again = place.lost > 0
            nursing.cancel()
        for slot in list(place.slots):
            await place.stop(slot)
        complaints = await asyncio.to_thread(judge, found)
        await hands.caught_up()
    memory = Memory(place.memory[:calm], place.memory[calm:])
    if plan.hostile:
        complaints["memory bounded, whatever the records"] = memory.complaints(plan.bombs)
    complaints["every worker at work at the end"] = not_there
    complaints["no worker ended by itself, all when asked to"] = place.unexpected
    complaints["every kind of fault was done"] = hands.never_done
    return Report(
        seed=plan.seed,
        records=len(sender.sent),
        orders=len(found.orders),
        outputs=len(found.published),
        newly_quarantined=len(found.quarantine),
        workers=place.started,
        memory=memory,
        ends=sorted(place.ends),
        # By the broker's clock and the database's.
        received_after=[] if plan.clocks else received_after(found),
        seconds=time.monotonic() - begun,
        quiet_after=quiet - sent,
        faults=hands.done,
        complaints=complaints,
        evidence=found,
    )


def _place(plan: Plan) -> Place:
    directory = ROOT / ".embedded" / "chaos" / (f"cluster-{plan.seed}" if plan.cluster else str(plan.seed))
    # Circuit breakers would open where most of the input is bad. They have tests of their own.
    more = {"PURCHASING_BREAKER_SHARE": "1"} if plan.hostile else {}
    kind = partial(Cluster, clocks=plan.clocks) if plan.cluster else OneOfEach
    return kind(directory, plan.lanes, hurried=plan.hurried, processes=plan.processes, say=plan.say, **more)


def _records(plan: Plan, harmed: asyncio.Event, clock_seconds: float) -> Iterator[Sent]:
    """As many records as planned, and more until the last fault is over, because only work reaches a failpoint."""
    rng = random.Random(f"records {plan.seed}")
    crowd = surplus(plan.seed, plan.surplus)
    share = 1.1 * len(crowd) / plan.events
    workload = Workload(
        plan.seed,
        plan.malformed,
        ordinary=not plan.hostile,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=clock_seconds),
    )
    for n, record in enumerate(workload):
        if n >= plan.events and harmed.is_set():
            break
        yield record
        if crowd and rng.random() < share:
            yield crowd.pop()
    yield from crowd


async def _nurse(place: Place) -> None:
    while True:
        place.look_after()
        await asyncio.sleep(0.25)


async def _quiet(place: Place, outsider: Outsider) -> None:
    until = time.monotonic() + QUIET_SECONDS
    seen = 0
    # Twice in a row: a deadline may fire in between.
    while seen < 2:
        left = await is_quiet(place.dsn, outsider, GROUP)
        seen = seen + 1 if left is None else 0
        assert len(place.unexpected) < CRASHES, f"workers don't stay: {place.unexpected[-1]}"
        assert time.monotonic() < until, f"not quiet after {QUIET_SECONDS:g} s: {left}; logs: {place.directory}"
        await asyncio.sleep(1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        help="the same seed sends the same records; which faults meet them depends on time, too",
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1, help="of each worker; more than one have a supervisor")
    parser.add_argument("--lanes", type=int, default=4, help="1 is the default of `migrate`")
    parser.add_argument("--minutes", type=float, default=None, help="in which the events are sent (10,000 per minute)")
    parser.add_argument("--hands", type=int, default=2, help="the most faults at a time")
    parser.add_argument("--hurried", action="store_true", help=(hurried.__doc__ or "").partition("\n")[0])
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), help="only this; may be repeated")
    parser.add_argument("--cluster", action="store_true", help="three brokers, a PostgreSQL with two standbys")
    parser.add_argument("--hostile", action="store_true", help="no faults; most records are malformed instead")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10_000) if given.seed is None else given.seed
    plan = Plan(
        seed,
        given.events,
        given.minutes or max(1.0, given.events / 10_000),
        given.workers,
        given.lanes,
        given.hands,
        hurried=given.hurried,
        processes=given.processes,
        faults=_faults(given),
        # Fewer events would make these so large a share of a topic that its circuit breaker opens.
        surplus=SURPLUS if given.events >= SURPLUS * 10 else 0,
        malformed=HOSTILE if given.hostile else MALFORMED,
        bombs=BOMB if given.hostile else 0,
        cluster=given.cluster,
        # The fork server's processes have loaded their libraries already.
        clocks=given.cluster and not given.hurried,
        say=_say,
    )
    _say(f"seed {seed}")
    report = asyncio.run(run(plan))
    sys.stdout.write(json.dumps(report.plain(), indent=2) + "\n" if given.json else in_words(report))
    return 1 if report.unclean else 0


def _faults(given: argparse.Namespace) -> tuple[str, ...]:
    if given.hostile:
        return NO_FAULT
    if given.fault:
        return tuple(given.fault)
    if given.cluster:
        return ON_A_CLUSTER
    return ON_ONE_BROKER if given.processes > 1 else ONE_PROCESS


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
