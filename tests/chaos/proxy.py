"""A network between a worker and a server that can be cut, deliver nothing, drop open connections only, or be slow;
nothing delivered and slow also in one direction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

from service.embedded.process import reserve_port

CHUNK = 65_536


class Way(Enum):
    """The direction of bytes."""

    TO_SERVER = "to the server"
    FROM_SERVER = "from the server"


BOTH = tuple(Way)


class Proxy:
    """A TCP proxy from one port to another of this machine."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = {way: asyncio.Event() for way in Way}
        for open_ in self._open.values():
            open_.set()
        self._delay = dict.fromkeys(Way, 0.0)
        self._refusing = False
        self._stranded = 0
        self._ports: set[int] = set()
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    @property
    def ports(self) -> set[int]:
        """The local ports of its connections to the server."""
        return set(self._ports)

    def lead_to(self, target: int) -> None:
        """Lead new connections to this port; open ones stay where they are."""
        self._target = target

    def cut(self) -> None:
        """Reset every connection, and each new one, until `mend`."""
        self._refusing = True
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self, ways: Sequence[Way] = BOTH) -> None:
        """Deliver nothing until `mend`: neither side learns that its peer is unreachable."""
        for way in ways:
            self._open[way].clear()

    def slow(self, ways: Sequence[Way], seconds: float) -> None:
        """Delay each piece (at most CHUNK bytes), and the next one after it, until `mend`."""
        self._delay.update(dict.fromkeys(ways, seconds))

    def mend(self) -> None:
        """Deliver everything again, also the bytes that `swallow` kept back; stranded connections stay stranded."""
        self._refusing = False
        self._delay = dict.fromkeys(Way, 0.0)
        for open_ in self._open.values():
            open_.set()

    def strand(self) -> None:
        """Deliver nothing more on the open connections, for ever, except that one side has ended; new ones work."""
        self._stranded += 1
        self.mend()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        stranded = self._stranded
        await self._open[Way.TO_SERVER].wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        port = there[1].get_extra_info("sockname")[1]
        self._ports.add(port)
        for way, source, drain in ((Way.TO_SERVER, reader, there[1]), (Way.FROM_SERVER, there[0], writer)):
            task = asyncio.create_task(self._pass(way, source, drain, stranded))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)
            task.add_done_callback(lambda _: self._ports.discard(port))

    async def _pass(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stranded: int) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError):
                while data := await reader.read(CHUNK):
                    if self._delay[way]:
                        await asyncio.sleep(self._delay[way])
                    await self._open[way].wait()
                    if stranded == self._stranded:
                        writer.write(data)
                        await writer.drain()
                # The end of a connection is kept back like everything else.
                await self._open[way].wait()
        finally:
            self._writers.discard(writer)
            # An end on one side ends the other.
            writer.transport.abort() if self._refusing else writer.close()


@asynccontextmanager
async def proxy_before(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A network before a database, and the DSN that leads through it."""
    parts = urlsplit(dsn)
    assert parts.port is not None
    proxy = Proxy(reserve_port(), parts.port)
    await proxy.start()
    try:
        yield proxy, urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")))
    finally:
        await proxy.close()
