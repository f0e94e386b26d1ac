"""Prometheus itself, with the operators' rules, at the metrics of real workers; time passes faster in the rules."""

import asyncio
import json
import re
import shutil
import signal
import subprocess
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import yaml

from service.embedded.process import reserve_port
from tests.delivery.service import eventually
from tests.observability.seen import Seen
from tests.waiting import HANG_SECONDS

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yaml"
PROMETHEUS = shutil.which("prometheus")
FASTER = 30
LINES, LINE_CHARACTERS = 80, 400
FIGURES = """
purchasing_consumer_lag_messages > 0 or purchasing_consumer_assigned_partitions or purchasing_consumer_committed_offset
or purchasing_topic_held_back_offsets > 0 or purchasing_input_failures_in_a_row or purchasing_ready
"""
"""Of each worker, where an alert did not come: what it has to read, and whether it can."""
UNITS = {"s": 1, "m": 60, "h": 3600}
# How old a message or an output may be. The other ages stay: workers look, and count orders, as often as ever.
LATE = re.compile(r"(?<!look_age_seconds)\) > 60\b")


def hurried(rules: str) -> str:
    """The same rules, a minute being two seconds: how long something has to be so, windows, and when money is late."""
    rules = re.sub(r"(for: |\[)(\d+)([smh])", lambda m: f"{m[1]}{max(1, int(m[2]) * UNITS[m[3]] // FASTER)}s", rules)
    return LATE.sub(f") > {60 // FASTER}", rules)


def in_turn(workers: Sequence[Seen]) -> str:
    """The last lines of the workers' logs, by their time. Records that were refused are left out: they are many."""
    lines = [
        (line["timestamp"], f"{worker.log.stem} {json.dumps(line)[:LINE_CHARACTERS]}")
        for worker in workers
        for line in worker.log_lines()
        if line.get("event") != "record_quarantined"
    ]
    return "\n".join(line for _, line in sorted(lines)[-LINES:])


class Alarms:
    """A Prometheus that looks at these workers each second, from `async with` to its end."""

    def __init__(self, directory: Path, workers: Sequence[Seen]) -> None:
        self._directory = directory / f"prometheus-{uuid.uuid4().hex[:8]}"
        self._workers = workers
        self._port = reserve_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        self._directory.mkdir()
        (self._directory / "rules.yaml").write_text(hurried(RULES.read_text()))
        targets = [f"127.0.0.1:{worker.port}" for worker in self._workers]
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "purchasing", "static_configs": [{"targets": targets}]}],
        }
        (self._directory / "prometheus.yaml").write_text(yaml.safe_dump(settings))
        assert PROMETHEUS is not None
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    PROMETHEUS,
                    f"--config.file={self._directory / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self._process.wait, 10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def until(self, *alerts: str) -> None:
        """Wait until exactly these fire."""
        last: list[set[str]] = []

        async def look() -> bool:
            last[:] = [await self.firing()]
            return last[0] == {f"Purchasing{name}" for name in alerts}

        def state() -> str:
            return f"{last}\nfigures: {self._query(FIGURES)}\n{in_turn(self._workers)}"

        await eventually(look, f"{alerts or 'nothing'} to fire", state)

    async def healthy(self) -> None:
        """Wait until every worker was looked at and the rules were gone through."""

        async def look() -> bool:
            up = await self._ask("sum(purchasing_ready)")
            return bool(up) and float(up[0]["value"][1]) == len(self._workers)

        await eventually(look, "all workers to be looked at and ready")
        await self.until()

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {one["metric"]["alertname"] for one in await self._ask('ALERTS{alertstate="firing"}')}

    async def _ask(self, query: str) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._query, query)

    def _query(self, query: str) -> list[dict[str, Any]]:
        """Prometheus's answer; empty while it can't be reached."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query?query={quote(query)}"
        try:
            with urllib.request.urlopen(url, timeout=HANG_SECONDS) as answer:
                return list(json.load(answer)["data"]["result"])
        except OSError:
            return []
