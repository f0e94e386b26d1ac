"""`run --embedded`: the whole service from nothing, for a newcomer."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import eventually


async def test_it_starts_says_where_and_decides_and_leaves_nothing_running(tmp_path):
    log = tmp_path / "log"
    root = Path(__file__).parents[2]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: ASYNC220 - it comes back at once
            [sys.executable, "-m", "service", "run", "--embedded"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        await eventually(lambda: "Partitions assigned." in log.read_text(), "running", log.read_text, limit=120)
        found = re.search(r"^Kafka: (\S+) \(kcat", log.read_text(), re.MULTILINE)
        assert found, log.read_text()
        assert re.search(r"^PostgreSQL: 127.0.0.1:\d+, database \w+$", log.read_text(), re.MULTILINE)
        assert await outcome_of_an_order(found[1]) == "effective"
        below = psutil.Process(process.pid).children(recursive=True)
        assert below
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, below, 30)
    assert alive == []
    assert "postgresql://" not in log.read_text()


async def outcome_of_an_order(bootstrap):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    reader = AIOKafkaConsumer(
        "purchasing.decisions.v1",
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await producer.start()
    await reader.start()
    try:
        for event in case_events("01", "ord-newcomer"):
            await producer.send_and_wait(topic_for(event), json.dumps(event).encode(), event["subject"].encode())
        async with asyncio.timeout(60):
            return json.loads((await reader.getone()).value)["data"]["outcome"]
    finally:
        await producer.stop()
        await reader.stop()
