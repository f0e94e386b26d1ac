"""`run --embedded`: the whole service from nothing, for a newcomer."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from service.cli import main
from tests.cli.commands import command
from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import eventually
from tests.waiting import HANG_SECONDS


@asynccontextmanager
async def embedded(directory, *arguments):
    """The process, once it runs, and its log; ended by SIGTERM with exit code 0, with all that it started."""
    log = directory / "log"
    root = Path(__file__).parents[2]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: ASYNC220 - it comes back at once
            [sys.executable, "-m", "service", "run", "--embedded", *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(root), "PURCHASING_HTTP_PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )

    def runs():
        assert process.poll() is None, log.read_text()
        return "partitions_assigned" in log.read_text()

    try:
        await eventually(runs, "running", log.read_text)
        below = psutil.Process(process.pid).children(recursive=True)
        assert below
        yield log
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, below, 30)
    assert alive == []


def broker(log):
    """The address that it prints for Kafka."""
    return said(log, "KAFKA_BOOTSTRAP_SERVERS")


def said(log, setting):
    """The value that a shell gets for a setting which the program asks people to export."""
    found = re.search(rf'^  export (PURCHASING_{setting}="\S.*")$', log.read_text(), re.MULTILINE)
    assert found, log.read_text()
    script = f'export {found[1]}; printf %s "$PURCHASING_{setting}"'
    return subprocess.run(["sh", "-c", script], cwd=log.parent, capture_output=True, text=True, check=True).stdout


@asynccontextmanager
async def newcomer(bootstrap, *topics):
    """Sends events one by one, and reads what is published to these topics."""
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap) as producer,
        AIOKafkaConsumer(
            *topics, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        ) as reader,
    ):

        async def send(event):
            await producer.send_and_wait(topic_for(event), json.dumps(event).encode(), event["subject"].encode())

        async def until(is_it):
            async with asyncio.timeout(HANG_SECONDS):
                while not is_it(data := json.loads((await reader.getone()).value)["data"]):
                    pass
            return data

        yield send, until


async def test_it_starts_prints_its_address_decides_and_leaves_nothing_running(tmp_path):
    async with embedded(tmp_path) as log:
        async with newcomer(broker(log), "purchasing.decisions.v1") as (send, until):
            for event in case_events("01", "ord-newcomer"):
                await send(event)
            assert (await until(lambda _: True))["outcome"] == "effective"
        url = said(log, "DATABASE_URL")
        explained = await asyncio.to_thread(command, url, "explain", "ord-newcomer")
        assert explained.code == 0, explained.err
        password = urlsplit(url).password
    assert password
    assert password not in log.read_text()


async def test_with_several_processes_it_ends_all_of_them(tmp_path):
    async with embedded(tmp_path, "--processes", "2") as log:
        for number in (1, 2):
            found = re.compile(rf"The service is running\..*\bprocess\W+{number}\b")
            await eventually(
                lambda found=found: found.search(log.read_text()), f"process {number} running", log.read_text
            )


async def test_with_a_clock_by_events_days_pass_with_the_next_event_of_any_order(tmp_path):
    async with (
        embedded(tmp_path, "--clock", "events") as log,
        newcomer(broker(log), "purchasing.decisions.v1", "purchasing.commands.deduction.v1") as (send, until),
    ):
        for event in case_events("31", "ord-newcomer")[:6]:
            await send(event)
        demand = await until(lambda data: data.get("outcome") == "demanded")
        # Days run from the instant at which the relay noted the publication. It notes one transaction beside the
        # next, so behind the one after that it has.
        for other in ("ord-next", "ord-next-but-one"):
            for event in case_events("01", other):
                await send(event)
            await until(lambda data, other=other: data["order_id"] == other)
        (placed, *_) = case_events("01", "ord-later")
        # An instant after the last one for paying, which the demand itself says.
        placed["time"] = demand["due_at"].replace("Z", ".000001Z")
        await send(placed)
        deduction = await until(lambda data: "deduction_id" in data)
        assert (deduction["order_id"], deduction["source"]) == ("ord-newcomer", "deposit")


@pytest.mark.parametrize("clock", ["events", "60", "0.5"])
def test_real_money_moves_by_the_real_time(clock, capsys):
    assert main(["run", "--clock", clock]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "--clock needs --embedded: a service that moves money uses the real time.\n")


@pytest.mark.parametrize("clock", ["fast", "0", "-1", "nan", "1e9"])
def test_an_unknown_clock_is_a_usage_error(clock, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--embedded", f"--clock={clock}"])
    assert f"--clock: {clock} is neither `events` nor a number up to 10,000,000" in capsys.readouterr().err
