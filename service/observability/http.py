"""Serve `/livez`, `/readyz`, `/startupz` and `/metrics` on a port of their own, in the service's event loop.

A worker answers at once from values at hand. A supervisor first asks its processes for their `/metrics`, in bounded
time. The load is bounded: limited connections, at most one rendering of the metrics per second, no request body read.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import structlog
from aiohttp import web
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from prometheus_client import CollectorRegistry

log = structlog.get_logger("service.observability")

CONNECTIONS = 64
RENDER_EVERY_SECONDS = 1.0
SHUTDOWN_SECONDS = 1.0
ALL_ADDRESSES = "*"
"""The kubelet and Prometheus connect from other hosts, by IPv4 or IPv6. The pages contain nothing private."""
EITHER = {socket.AF_INET6: "::", socket.AF_INET: "0.0.0.0"}  # noqa: S104 - see ALL_ADDRESSES
NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
PORT_TRIES = 20


class PortError(Exception):
    """The address or the port can't be listened on. Its text says which, and what to do."""


class HealthReporter(Protocol):
    """The source of health answers: a worker, or a supervisor for all of its processes."""

    def starting(self) -> list[str]:
        """Return what its start waits for, a sentence each; empty once it has started."""

    def missing(self) -> list[str]:
        """Return what keeps it from being ready, a sentence each; empty: it is ready."""


class Pages:
    """The pages. `refresh`, if given, brings the registry up to date before it is rendered."""

    def __init__(
        self,
        reporter: HealthReporter,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
        refresh: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._reporter = reporter
        self._registry = registry
        self._clock = clock
        self._refresh = refresh
        self._refreshing = asyncio.Lock()
        self._rendered: dict[str, bytes] = {}
        """By content type."""
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
        """Answer. This shows only that the process can."""
        return _answer("alive", [])

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer whether it can work; if not, with what is missing, a line each."""
        return _answer("ready", self._reporter.missing())

    async def startupz(self, _request: web.Request) -> web.Response:
        """Answer whether it has started."""
        return _answer("started", self._reporter.starting())

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics as text: Prometheus's, or OpenMetrics for who asks for it, as Prometheus does."""
        await self.refreshed()
        text, kind = self.rendered(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": kind})

    async def refreshed(self) -> None:
        """Bring the registry up to date, unless it was rendered just now. One at a time."""
        if self._refresh is not None:
            async with self._refreshing:
                if self._is_old():
                    await self._refresh()

    def rendered(self, accept: str) -> tuple[bytes, str]:
        """The registry's metrics as text, not older than RENDER_EVERY_SECONDS, and their content type.

        Only OpenMetrics has exemplars.
        """
        encode, kind = choose_encoder(accept)
        if self._is_old():
            self._rendered_at = self._clock()
            self._rendered = {}
        if kind not in self._rendered:
            self._rendered[kind] = encode(self._registry)
        return self._rendered[kind], kind

    def _is_old(self) -> bool:
        return self._rendered_at is None or self._clock() - self._rendered_at >= RENDER_EVERY_SECONDS


@asynccontextmanager
async def listening(pages: Pages, host: str, port: int) -> AsyncIterator[int]:
    """Serve on this port while the block runs; 0 takes a free port. Yields the port. Raises PortError.

    `host` is an address, a name or ALL_ADDRESSES. A host with several addresses is served on all of them, on one port.
    """
    sockets = await asyncio.to_thread(bound, host, port, "PURCHASING_HTTP")
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
        return connections() if len(connections.connections) < CONNECTIONS else TurnedAway()

    loop = asyncio.get_running_loop()
    servers = []
    try:
        for one in sockets:
            servers.append(await loop.create_server(protocol, sock=one, backlog=CONNECTIONS))  # noqa: PERF401
        taken: int = sockets[0].getsockname()[1]
        log.debug("http_listening", message="Health and metrics are served.", port=taken)
        yield taken
    finally:
        for server in servers:
            server.close()
        for one in sockets:
            one.close()
        await runner.cleanup()


def bound(host: str, port: int, settings: str) -> list[socket.socket]:
    """Return a socket per address of the host, all on one port. Raises PortError.

    `settings` is how the names of the host's and the port's setting begin.
    """
    addresses = _addresses(host, settings)
    # A port that is free on one address may be taken on another: try another port.
    for _ in range(PORT_TRIES if port == 0 else 1):
        try:
            return _bound_together(addresses, port, may_lack=host == ALL_ADDRESSES)
        except OSError as error:
            problem = error
    if problem.errno in NO_SUCH_FAMILY:
        raise PortError(
            f"{settings}_HOST is no address of this machine ({problem.strerror}): "
            "set it to one, or to * for all addresses."
        )
    raise PortError(
        f"Port {port} can't be used ({problem.strerror}): set {settings}_PORT to a free port, or to 0 for any."
    )


def _addresses(host: str, settings: str) -> list[tuple[socket.AddressFamily, str]]:
    if host == ALL_ADDRESSES:
        return list(EITHER.items())
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PortError(
            f"{settings}_HOST can't be resolved ({error.strerror}): "
            "set it to an address of this machine, or to * for all addresses."
        ) from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bound_together(
    addresses: list[tuple[socket.AddressFamily, str]], port: int, *, may_lack: bool
) -> list[socket.socket]:
    """Bind a socket per address. Raises OSError; with `may_lack`, skips a family that the machine lacks."""
    bound: list[socket.socket] = []
    lacking: OSError | None = None
    with ExitStack() as undo:
        for family, address in addresses:
            try:
                one = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    # IPv4 has its own socket: whether one socket serves both depends on the machine.
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address, bound[0].getsockname()[1] if bound else port))
            except OSError as error:
                if not (may_lack and error.errno in NO_SUCH_FAMILY):
                    raise
                lacking = error
                continue
            bound.append(one)
        if not bound and lacking is not None:
            raise lacking
        undo.pop_all()
    return bound


class TurnedAway(asyncio.Protocol):
    """Closes a connection beyond the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _answer(well: str, missing: list[str]) -> web.Response:
    text = "".join(f"{line}\n" for line in missing or [well])
    return web.Response(text=text, status=503 if missing else 200, headers={"Cache-Control": "no-store"})
