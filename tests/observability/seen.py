"""The service as an operator sees it: a worker's port asked, its metrics read, commands run beside it."""

import asyncio
import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from service.embedded.process import reserve_port
from tests.delivery.service import Worker, eventually
from tests.forkserver import run_text
from tests.kafka_tools import java_command
from tests.waiting import HANG_SECONDS

ORDERS = "purchasing.events.order.v1"
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]
"""Name, labels in order of their names, value."""


async def ask(port: int, path: str) -> tuple[int, str]:
    """Status and text of a worker's page; 0 while nothing listens there, or nobody answers."""
    return await asyncio.to_thread(_ask, port, path)


def _ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=HANG_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def samples(text: str) -> Samples:
    """The samples of a worker's `/metrics`."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


class Seen(Worker):
    """A worker with a port of its own."""

    def __init__(self, bootstrap: str, database: str, logs: Path, group: str = "purchasing", **more: str) -> None:
        self.port = reserve_port()
        super().__init__(bootstrap, database, logs, group, PURCHASING_HTTP_PORT=str(self.port), **more)

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of a page; 0 while nothing listens."""
        return await ask(self.port, path)

    async def says(self, path: str, status: int, *parts: str) -> None:
        """Wait until a page answers so."""
        last: list[tuple[int, str]] = []

        async def look() -> bool:
            last[:] = [await self.ask(path)]
            return last[0][0] == status and all(part in last[0][1] for part in parts)

        await eventually(look, f"{path} to answer {status} {parts}", lambda: f"{last}\n{self.log.read_text()[-3000:]}")

    async def metrics(self) -> Samples:
        return samples((await self.ask("/metrics"))[1])

    async def shows(self, name: str, wanted: Any, **labels: str) -> None:
        """Wait until the sum of a metric's samples with these labels is so: a number, or what `wanted(sum)` says."""
        seen: list[float] = []

        async def look() -> bool:
            samples = (await self.metrics()).get(name, {})
            chosen = [value for key, value in samples.items() if labels.items() <= dict(key).items()]
            seen[:] = chosen
            if not chosen:
                return False
            return bool(wanted(sum(chosen))) if callable(wanted) else sum(chosen) == wanted

        await eventually(look, f"{name}{labels} to be {wanted}", lambda: str(seen))


def service(
    *arguments: str, bootstrap: str, database: str, group: str = "purchasing"
) -> subprocess.CompletedProcess[str]:
    """Run a command of the service."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")}
    environment = clean | {
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "PURCHASING_DATABASE_URL": database,
        "PURCHASING_CONSUMER_GROUP": group,
    }
    return run_text("service", arguments, environment, HANG_SECONDS)


def lag(bootstrap: str, database: str, group: str) -> dict[tuple[str, int], dict[str, Any]]:
    """The partitions of `lag --json`."""
    done = service("lag", "--json", bootstrap=bootstrap, database=database, group=group)
    assert done.returncode == 0, done.stderr
    return {(one["topic"], one["partition"]): one for one in json.loads(done.stdout)["partitions"]}


def kafkas_own(bootstrap: str, group: str) -> dict[tuple[str, int], int]:
    """The lag by Kafka's own tool, per partition with a committed offset."""
    done = subprocess.run(
        [
            *java_command("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
            "--bootstrap-server", bootstrap, "--describe", "--group", group,
        ],
        capture_output=True, text=True, check=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(f"{group} ")]
    return {(row[1], int(row[2])): int(row[5]) for row in rows if row[2].isdigit()}
