"""TLS before PostgreSQL, as connection poolers and clouds put it there: the PostgreSQL that comes in a wheel is built
without it. What is tested is the service's side: what it asks for, what it checks, what it says.
"""

import asyncio
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
WITHOUT_TLS = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for this host, no encryption\0\0"


class TlsFront:
    """Takes connections that ask for TLS, on a port of its own, and hands what is in them on to a server."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._target = (host, port)
        self._context = context
        self.port = 0
        self.encrypted = 0
        """The number of connections that went through."""

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != SSL_REQUEST:
                writer.write(b"E" + struct.pack("!i", 4 + len(WITHOUT_TLS)) + WITHOUT_TLS)
                return
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(self._context)
            self.encrypted += 1
            inner_reader, inner_writer = await asyncio.open_connection(*self._target)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            # A client that doesn't trust us hangs up.
            return
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextmanager
def tls_front(host: str, port: int, context: ssl.SSLContext) -> Iterator[TlsFront]:
    """The front, in a thread and an event loop of its own."""
    front, ready = TlsFront(host, port, context), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(front.serve(ready, stop),))
    thread.start()
    ready.wait(10)
    yield front
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()
