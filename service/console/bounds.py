"""Limits on connections and requests, so that slow or numerous clients can't keep the console from answering.

aiohttp limits request lines, headers and bodies by itself; what it doesn't limit is how long a client may take to send
them, or to read the answer. Here a connection has to begin a request within FIRST_SECONDS of being opened, and another
one within NEXT_SECONDS of each, or it is closed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from aiohttp import web

from service.observability.http import TurnedAway, bound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

log = structlog.get_logger("service.console")

BODY_BYTES = 16 * 1024
LINE_BYTES = 8 * 1024
HEADERS = 64
SHUTDOWN_SECONDS = 2.0


class Bounds(NamedTuple):
    """The limits."""

    connections: int = 256
    requests: int = 32
    """At a time; requests beyond that are answered with 503."""
    request_seconds: float = 15.0
    """Within which an answer is made."""
    first_seconds: float = 10.0
    next_seconds: float = 60.0
    look_seconds: float = 1.0
    """The pause between two looks at the connections."""


class Connections:
    """The open connections, and for each the time by which its next request has to begin."""

    def __init__(self, bounds: Bounds) -> None:
        """Take the limits."""
        self._bounds = bounds
        self._deadlines: dict[Any, float] = {}

    def protocol(self, server: web.Server) -> asyncio.BaseProtocol:
        """Return what answers a new connection; one too many is closed at once."""
        if len(server.connections) >= self._bounds.connections:
            return TurnedAway()
        made = server()
        self._deadlines[made] = asyncio.get_running_loop().time() + self._bounds.first_seconds
        return made

    @property
    def watched(self) -> int:
        """Number of connections that have to begin a request in time."""
        return len(self._deadlines)

    def begin(self, request: web.Request) -> None:
        """Note that a request has come in whole, but for its body."""
        self._deadlines[request.protocol] = asyncio.get_running_loop().time() + self._bounds.next_seconds

    async def watch(self, server: web.Server) -> None:
        """Close connections that are too slow, for ever."""
        while True:
            await asyncio.sleep(self._bounds.look_seconds)
            now = asyncio.get_running_loop().time()
            alive = set(server.connections)
            for protocol, deadline in list(self._deadlines.items()):
                if protocol.transport is None and protocol not in alive and deadline < now:
                    del self._deadlines[protocol]
                elif deadline < now and protocol.transport is not None:
                    del self._deadlines[protocol]
                    protocol.transport.abort()


@asynccontextmanager
async def listening(application: web.Application, connections: Connections, host: str, port: int) -> AsyncIterator[int]:
    """Answer on this port while the block runs; 0 takes a free one. Yields the port. Raises PortError."""
    sockets = await asyncio.to_thread(bound, host, port, "PURCHASING_CONSOLE")
    runner = web.AppRunner(
        application,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=30,
        shutdown_timeout=SHUTDOWN_SECONDS,
        max_line_size=LINE_BYTES,
        max_field_size=LINE_BYTES,
        max_headers=HEADERS,
        lingering_time=1.0,
    )
    await runner.setup()
    server = runner.server
    assert server is not None
    loop = asyncio.get_running_loop()
    new_connection: Callable[[], asyncio.BaseProtocol] = lambda: connections.protocol(server)  # noqa: E731
    watch = loop.create_task(connections.watch(server))
    servers: list[asyncio.Server] = []
    try:
        for one in sockets:
            servers.append(await loop.create_server(new_connection, sock=one, backlog=128))  # noqa: PERF401
        yield sockets[0].getsockname()[1]
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        for listener in servers:
            listener.close()
        for one in sockets:
            one.close()
        await runner.cleanup()
