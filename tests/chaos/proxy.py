"""A network between a worker and a server that can be cut, or swallow everything, or only what goes on already."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from service.embedded.process import reserve_port

CHUNK = 65_536


class Proxy:
    """Passes TCP connections to a port on to another port of this machine, as long as it is mended."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
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
        """New connections go to this port; those there are stay where they lead."""
        self._target = target

    def cut(self) -> None:
        """Reset every connection, and each new one, until `mend`."""
        self._refusing = True
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """Pass nothing on until `mend`: neither side learns that its peer is unreachable."""
        self._open.clear()

    def mend(self) -> None:
        """Go on. What was swallowed is passed on now, late as it is; who was stranded stays so."""
        self._refusing = False
        self._open.set()

    def strand(self) -> None:
        """Pass nothing more on of the connections there are, for ever, but that one side has ended; new ones work."""
        self._stranded += 1
        self._open.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        stranded = self._stranded
        await self._open.wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        port = there[1].get_extra_info("sockname")[1]
        self._ports.add(port)
        for source, drain in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._pass(source, drain, stranded))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)
            task.add_done_callback(lambda _: self._ports.discard(port))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stranded: int) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError):
                while data := await reader.read(CHUNK):
                    await self._open.wait()
                    if stranded == self._stranded:
                        writer.write(data)
                        await writer.drain()
                # Nor does the other side hear of an end while everything is swallowed.
                await self._open.wait()
        finally:
            self._writers.discard(writer)
            # A side that has ended ends the other.
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
