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
from tests.waiting import HANG_SECONDS

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yaml"
PROMETHEUS = shutil.which("prometheus")
FASTER = 30
UNITS = {"s": 1, "m": 60, "h": 3600}
# How old a message or an output may be. The other ages stay: workers look, and count orders, as often as ever.
LATE = re.compile(r"(?<!look_age_seconds)\) > 60\b")


def hurried(rules: str) -> str:
    """The same rules, a minute being two seconds: how long something has to be so, windows, and when money is late."""
    rules = re.sub(r"(for: |\[)(\d+)([smh])", lambda m: f"{m[1]}{max(1, int(m[2]) * UNITS[m[3]] // FASTER)}s", rules)
    return LATE.sub(f") > {60 // FASTER}", rules)


class Alarms:
    """A Prometheus that looks at these ports each second, from `async with` to its end."""

    def __init__(self, directory: Path, ports: Sequence[int]) -> None:
        self._directory = directory / f"prometheus-{uuid.uuid4().hex[:8]}"
        self._ports = ports
        self._port = reserve_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        self._directory.mkdir()
        (self._directory / "rules.yaml").write_text(hurried(RULES.read_text()))
        targets = [f"127.0.0.1:{port}" for port in self._ports]
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

        await eventually(look, f"{alerts or 'nothing'} to fire", lambda: f"{last} in {self._directory}")

    async def healthy(self) -> None:
        """Wait until every worker was looked at and the rules were gone through."""

        async def look() -> bool:
            up = await self._ask("sum(purchasing_ready)")
            return bool(up) and float(up[0]["value"][1]) == len(self._ports)

        await eventually(look, "all workers to be looked at and ready")
        await self.until()

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {one["metric"]["alertname"] for one in await self._ask('ALERTS{alertstate="firing"}')}

    async def _ask(self, query: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self._port}/api/v1/query?query={quote(query)}"

        def ask() -> Any:
            with urllib.request.urlopen(url, timeout=HANG_SECONDS) as answer:
                return json.load(answer)["data"]["result"]

        try:
            return list(await asyncio.to_thread(ask))
        except OSError:
            return []
