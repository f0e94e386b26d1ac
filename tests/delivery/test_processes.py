"""`run --processes`: several worker processes behind one port, each started again when it dies."""

import asyncio
import signal

import psutil
import pytest

from tests.cli.commands import command
from tests.delivery.failing import FAULT
from tests.delivery.outside import case_events, order_id
from tests.delivery.service import Worker
from tests.delivery.test_crashes import assert_as_expected
from tests.observability.seen import Seen
from tests.waiting import HANG_SECONDS

NOWHERE = "127.0.0.1:9"
TWO = {"PURCHASING_PROCESSES": "2"}
ENDED = "process_restarting"
PARTITIONS = "purchasing_consumer_assigned_partitions"
LANES = "purchasing_relay_lanes_owned"
FACTS = "purchasing_facts_total"
PUBLISHED = "purchasing_relay_published_outputs_total"
RESTARTS = "purchasing_process_restarts_total"


def supervisor(site, **more: str) -> Seen:
    """Two processes, not started."""
    return Seen(site.bootstrap, site.database, site.logs, site.group, **TWO, **more)


def process(of: Worker, number: int) -> psutil.Process:
    """One of its processes, by its number."""
    assert of.process is not None
    children = psutil.Process(of.process.pid).children()
    (found,) = [child for child in children if child.cmdline()[-2:] == ["--member", str(number)]]
    return found


async def share(seen: Seen) -> None:
    """Wait until both are ready and each has partitions and lanes."""
    await seen.says("/readyz", 200, "ready")
    for name in (PARTITIONS, LANES):
        for number in ("1", "2"):
            await seen.shows(name, lambda owned: owned > 0, process=number)


async def both_worked(seen: Seen) -> bool:
    """Whether each process has stored facts and published outputs."""
    metrics = await seen.metrics()
    counts = [
        sum(count for labels, count in metrics.get(name, {}).items() if ("process", number) in labels)
        for name in (FACTS, PUBLISHED)
        for number in ("1", "2")
    ]
    return all(counts)


async def play(outside, orders, events) -> None:
    """Send so many events of each order, one after the other within an order, all orders at once."""

    async def one(order: str) -> None:
        for event in case_events("13", order)[events]:
            await outside.send_and_settle(event)

    await asyncio.gather(*(one(order) for order in orders))


async def test_both_work_and_one_that_is_killed_comes_again_with_nothing_lost_or_doubled(own_site):
    orders = [order_id() for _ in range(8)]
    async with own_site.outside() as outside, supervisor(own_site) as seen:
        await share(seen)
        await play(outside, orders, slice(0, 3))
        ((facts, outputs),) = await own_site.rows("select (select count(*) from facts), (select count(*) from outbox)")
        # What the processes count adds up to what was done.
        await seen.shows(FACTS, facts)
        await seen.shows(PUBLISHED, outputs)
        # Both do some of it: on a busy machine one may have lost its partitions for a while, and has them again.
        async with asyncio.timeout(HANG_SECONDS):
            while not await both_worked(seen):
                await share(seen)
                orders.append(order_id())
                await play(outside, orders[-1:], slice(0, 3))

        process(seen, 2).kill()
        said = await seen.has_logged(ENDED)
        await seen.shows(RESTARTS, 1, process="2")
        await seen.shows(RESTARTS, 0, process="1")
        await play(outside, orders, slice(3, None))
        await share(seen)
        for order in orders:
            published = await outside.settled(order)
            assert_as_expected(order, published)
            assert len(outside.by_key[order]) == len(published)
        seen.stop()
        assert await seen.ended() == 0
    assert (said["process"], said["signal"], said["level"]) == (2, "SIGKILL", "error")
    assert {line.get("process") for line in seen.log_lines()} == {None, 1, 2}


async def test_a_supervisor_that_is_killed_leaves_no_process_behind(own_site):
    async with supervisor(own_site) as seen:
        await seen.says("/readyz", 200, "ready")
        processes = [process(seen, number) for number in (1, 2)]
        seen.send(signal.SIGKILL)
        assert await seen.ended() == -signal.SIGKILL
        _, alive = await asyncio.to_thread(psutil.wait_procs, processes, HANG_SECONDS)
    assert alive == []
    assert len([line for line in seen.log_lines() if line.get("by") == "the end of its supervisor"]) == 2


async def test_a_frozen_process_is_not_ready_and_its_metrics_are_left_out(own_site):
    async with supervisor(own_site) as seen:
        await seen.says("/readyz", 200, "ready")
        frozen = process(seen, 1)
        frozen.suspend()
        await seen.says("/readyz", 503, "Process 1: It has sent no report for ")
        assert "Process 2" not in (await seen.ask("/readyz"))[1]
        await seen.shows("purchasing_ready", 0, process="1")
        await seen.shows("purchasing_ready", 1, process="2")
        assert (await seen.ask("/livez"))[0] == 200
        frozen.resume()
        await seen.says("/readyz", 200, "ready")


async def test_a_process_with_a_fault_is_started_again_and_the_supervisor_stays(own_site):
    async with own_site.outside() as outside:
        failing = supervisor(own_site)
        failing.program = "tests.delivery.failing"
        async with failing:
            await failing.says("/readyz", 200, "ready")
            await outside.send(case_events("13", order_id())[0])
            said = await failing.has_logged(ENDED, times=2)
            assert failing.running
        assert said["exit_code"] == 70
        assert FAULT not in failing.log.read_text()


def test_an_error_for_a_person_is_reported_once_and_ends_all_processes(empty_database):
    where = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": NOWHERE, "PURCHASING_HTTP_PORT": "0"}
    done = command(empty_database, "run", **where, **TWO)
    lines = [line for line in done.err.splitlines() if not line.startswith("{")]
    assert (done.code, done.out, len(lines)) == (1, b"", 1), done.err
    assert "no tables of this service yet" in lines[0]
    assert "python -m service migrate" in lines[0]


def test_a_wrong_setting_is_reported_before_anything_starts():
    done = command("mysql://nobody", "run", PURCHASING_KAFKA_BOOTSTRAP_SERVERS=NOWHERE, **TWO)
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("PURCHASING_DATABASE_URL")


def test_an_impossible_number_of_processes_is_refused(database):
    done = command(database, "run", "--processes", "0")
    assert done.code == 2
    assert "--processes: 0: not a number from 1 to 64" in done.err
    done = command(database, "run", PURCHASING_KAFKA_BOOTSTRAP_SERVERS=NOWHERE, PURCHASING_PROCESSES="0")
    assert (done.code, done.err) == (
        1,
        "PURCHASING_PROCESSES is not valid: give how many worker processes to run, from 1 to 64.\n",
    )


@pytest.mark.parametrize(("flag", "supervised"), [("1", False), ("2", True)])
async def test_the_flag_beats_the_setting_and_one_process_has_no_supervisor(own_site, flag, supervised):
    class Flagged(Worker):
        arguments = ("--processes", flag)

    async with own_site.worker(kind=Flagged, PURCHASING_PROCESSES=str(3 - int(flag))) as worker:
        await worker.has_logged("service_running", times=int(flag))
        assert bool(psutil.Process(worker.process.pid).children()) is supervised
    assert any(line.get("event") == "supervisor_running" for line in worker.log_lines()) is supervised
    assert {line.get("process") for line in worker.log_lines()} == ({None, 1, 2} if supervised else {None})
    assert worker.process.returncode == 0


async def test_all_processes_wait_for_a_broker_that_is_away_and_report_it(database, worker_logs):
    async with Seen(NOWHERE, database, worker_logs, **TWO) as seen:
        for path in ("/readyz", "/startupz"):
            await seen.says(path, 503, "Process 1: It is starting and waits for Kafka", "Process 2: It is starting and")
        seen.send(signal.SIGINT)
        seen.send(signal.SIGTERM)
        assert await seen.ended() == 0
