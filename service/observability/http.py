"""`/livez`, `/readyz`, `/startupz` and `/metrics`, on a port of their own, in the service's event loop.

Nothing here waits for anything: every answer is made of values at hand. What comes in is bounded: so many connections,
one rendering of the metrics a second however many ask, no body read.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.observability.health import starting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from prometheus_client import CollectorRegistry

    from service.observability.worker_state import WorkerState

log = structlog.get_logger("service.observability")

CONNECTIONS = 64
RENDER_EVERY_SECONDS = 1.0
SHUTDOWN_SECONDS = 1.0
ALL_ADDRESSES = "*"
"""kubelet and Prometheus come from other hosts, by IPv4 or IPv6; nothing private is said."""
EITHER = {socket.AF_INET6: "::", socket.AF_INET: "0.0.0.0"}  # noqa: S104 - see ALL_ADDRESSES
NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
PORT_TRIES = 20


class PortError(Exception):
    """The address or the port can't be listened on. Its text says which, and what to do."""


class Pages:
    """What is answered."""

    def __init__(
        self, worker: WorkerState, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
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
async def listening(pages: Pages, host: str, port: int) -> AsyncIterator[int]:
    """Answer on this port while the block runs; 0 takes a free one. Yields the port. Raises PortError.

    `host` is an address or a name, or ALL_ADDRESSES. A host of several addresses is listened to on all of them, on
    one port.
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
        log.debug("Health and metrics are answered.", port=taken)
        yield taken
    finally:
        for server in servers:
            server.close()
        for one in sockets:
            one.close()
        await runner.cleanup()


def bound(host: str, port: int, settings: str) -> list[socket.socket]:
    """A socket per address of the host, all on the same port; `settings` is how the two settings' names begin.

    Raises PortError.
    """
    addresses = _addresses(host, settings)
    # A port that is free for one address may be taken for another: then any other will do.
    for _ in range(PORT_TRIES if port == 0 else 1):
        try:
            return _bound_together(addresses, port, may_lack=host == ALL_ADDRESSES)
        except OSError as error:
            problem = error
    if problem.errno in NO_SUCH_FAMILY:
        raise PortError(
            f"{settings}_HOST is no address of this machine ({problem.strerror}): "
            "set it to one, or to * for all of them."
        )
    raise PortError(
        f"Port {port} can't be listened on ({problem.strerror}): set {settings}_PORT to a free one, or to 0 for any."
    )


def _addresses(host: str, settings: str) -> list[tuple[socket.AddressFamily, str]]:
    if host == ALL_ADDRESSES:
        return list(EITHER.items())
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PortError(
            f"{settings}_HOST can't be resolved ({error.strerror}): "
            "set it to an address of this machine, or to * for all of them."
        ) from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bound_together(
    addresses: list[tuple[socket.AddressFamily, str]], port: int, *, may_lack: bool
) -> list[socket.socket]:
    """Raises OSError where one can't be bound; with `may_lack` a family that the machine lacks is left out."""
    bound: list[socket.socket] = []
    lacking: OSError | None = None
    with ExitStack() as undo:
        for family, address in addresses:
            try:
                one = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    # IPv4 has a socket of its own: whether one takes both differs from machine to machine.
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
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _said(well: str, missing: list[str]) -> web.Response:
    text = "".join(f"{line}\n" for line in missing or [well])
    return web.Response(text=text, status=503 if missing else 200, headers={"Cache-Control": "no-store"})
