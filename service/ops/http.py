"""`/livez`, `/readyz`, `/startupz` and `/metrics`, on a port of their own, in the service's event loop.

Nothing here waits for anything: every answer is made of values at hand. What comes in is bounded: so many connections,
one rendering of the metrics a second however many ask, no body read.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.ops.health import starting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from prometheus_client import CollectorRegistry

    from service.ops.worker import Worker

log = structlog.get_logger("service.ops")

CONNECTIONS = 64
RENDER_EVERY_SECONDS = 1.0
SHUTDOWN_SECONDS = 1.0
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - kubelet and Prometheus come from other hosts; nothing private is said


class PortError(Exception):
    """The port can't be listened on. Its text says which, and what to do."""


class Pages:
    """What is answered."""

    def __init__(
        self, worker: Worker, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._worker = worker
        self._registry = registry
        self._clock = clock
        self._rendered = b""
        self._rendered_at: float | None = None

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=1024)
        application.router.add_get("/livez", self.livez)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/startupz", self.startupz)
        application.router.add_get("/metrics", self.metrics)
        return application

    async def livez(self, _request: web.Request) -> web.Response:
        """The process answers, and that is all this says."""
        return _said("alive", [])

    async def readyz(self, _request: web.Request) -> web.Response:
        """Whether it can work; if not, what is missing, a line each."""
        return _said("ready", self._worker.missing())

    async def startupz(self, _request: web.Request) -> web.Response:
        """Whether it has started."""
        waits_for = self._worker.waits_for
        return _said("started", [] if waits_for is None else [starting(waits_for)])

    async def metrics(self, _request: web.Request) -> web.Response:
        """All metrics as text."""
        now = self._clock()
        if self._rendered_at is None or now - self._rendered_at >= RENDER_EVERY_SECONDS:
            self._rendered = generate_latest(self._registry)
            self._rendered_at = now
        return web.Response(body=self._rendered, headers={"Content-Type": CONTENT_TYPE_LATEST})


@asynccontextmanager
async def listening(pages: Pages, port: int, host: str = ANY_ADDRESS) -> AsyncIterator[int]:
    """Answer on this port while the block runs; 0 takes a free one. Yields the port. Raises PortError."""
    runner = web.AppRunner(
        pages.application(),
        access_log=None,
        handle_signals=False,
        keepalive_timeout=30,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    connections = runner.server
    assert connections is not None

    def protocol() -> asyncio.BaseProtocol:
        return connections() if len(connections.connections) < CONNECTIONS else _TurnedAway()

    try:
        try:
            server = await asyncio.get_running_loop().create_server(protocol, host, port, backlog=CONNECTIONS)
        except OSError as error:
            raise PortError(
                f"Port {port} can't be listened on ({error.strerror}): "
                "set PURCHASING_HTTP_PORT to a free one, or to 0 for any."
            ) from None
        try:
            taken: int = server.sockets[0].getsockname()[1]
            log.debug("Health and metrics are answered.", port=taken)
            yield taken
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _TurnedAway(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _said(well: str, missing: list[str]) -> web.Response:
    text = "".join(f"{line}\n" for line in missing or [well])
    return web.Response(text=text, status=503 if missing else 200, headers={"Cache-Control": "no-store"})
