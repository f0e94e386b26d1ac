"""The bounds that keep the console answering: floods, slow clients and too large requests. No database is needed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError
from structlog.testing import capture_logs

from service.console.bounds import BODY_BYTES, HEADERS, LINE_BYTES, Bounds
from service.console.server import running_console
from service.store.errors import NotReachedError
from tests.console.conftest import settings_for
from tests.waiting import HANG_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.console.server import Running

NO_DATABASE = "postgresql://127.0.0.1:9/none"
HOST = b"Host: 127.0.0.1\r\n"
QUICK = Bounds(first_seconds=0.05, next_seconds=0.05, look_seconds=0.01)


@asynccontextmanager
async def bounded(bounds: Bounds | None = None) -> AsyncIterator[Running]:
    async with running_console(settings_for(NO_DATABASE), bounds) as running:
        yield running


@asynccontextmanager
async def connected(running: Running, **given: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port, **given)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection is closed."""
    try:
        async with asyncio.timeout(HANG_SECONDS):
            return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\n" + HOST + b"X: "],
    ids=["nothing", "line", "header"],
)
async def test_a_client_that_begins_no_request_in_time_is_disconnected(begun) -> None:
    async with bounded(QUICK) as running, connected(running) as (reader, writer):
        writer.write(begun)
        assert await rest_of(reader) == b""


async def test_a_header_that_comes_byte_by_byte_extends_no_time() -> None:
    async with bounded(QUICK) as running, connected(running) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nX: ")

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0)

        dripping = asyncio.create_task(drip())
        try:
            assert await rest_of(reader) == b""
        finally:
            dripping.cancel()


async def test_a_client_that_reads_no_answers_is_disconnected() -> None:
    """So many answers that no buffer takes them all."""
    async with bounded(QUICK) as running, connected(running, limit=1) as (_, writer):
        writer.write(b"".join(b"GET /static/console.css HTTP/1.1\r\n" + HOST + b"\r\n" for _ in range(2_000)))
        await eventually(lambda: running.console.connections.watched == 0, "the connection is closed")
        async with ClientSession(running.origin) as session, session.get("/livez") as answer:
            assert answer.status == 200


async def test_a_connection_too_many_is_closed_at_once_and_room_is_made_again() -> None:
    async with bounded(Bounds(connections=3)) as running:
        held = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
        for _, writer in held:
            writer.write(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        for reader, _ in held:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        for _ in range(50):
            async with connected(running) as (reader, writer):
                writer.write(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
                assert await rest_of(reader) == b""
        for _, writer in held:
            writer.transport.abort()

        async def is_answered() -> bool:
            try:
                async with ClientSession(running.origin) as session, session.get("/livez") as answer:
                    return answer.status == 200
            except (ServerDisconnectedError, ConnectionResetError):
                return False

        await eventually(is_answered, "there is room again")


class Stuck:
    """In the place of a story's reader: each request waits until it is released."""

    def __init__(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.go = asyncio.Event()

        async def clock() -> Any:
            self.asked += 1
            await self.go.wait()
            raise NotReachedError("let go")

        monkeypatch.setattr(running.console.stories, "clock", clock)


async def test_beyond_so_many_requests_at_a_time_one_is_asked_to_come_back(monkeypatch) -> None:
    async with bounded(Bounds(requests=4)) as running, ClientSession(running.origin) as session:
        stuck = Stuck(running, monkeypatch)

        async def ask() -> tuple[int, str | None]:
            async with session.get("/readyz", headers={"Accept": "application/json"}) as answer:
                await answer.read()
                return answer.status, answer.headers.get("Retry-After")

        held = [asyncio.create_task(ask()) for _ in range(4)]
        await eventually(lambda: stuck.asked == 4, "four requests are under way")
        flood = await asyncio.gather(*(ask() for _ in range(60)))
        assert flood == [(503, "5")] * 60
        assert stuck.asked == 4
        stuck.go.set()
        assert [status for status, _ in await asyncio.gather(*held)] == [503] * 4
        async with session.get("/livez") as answer:
            assert answer.status == 200


async def test_a_request_that_takes_too_long_is_ended(monkeypatch) -> None:
    async with bounded(Bounds(request_seconds=0.05)) as running, ClientSession(running.origin) as session:
        stuck = Stuck(running, monkeypatch)
        with capture_logs() as logs:
            async with session.get("/readyz") as answer:
                assert answer.status == 503
                assert "more to do than it can" in await answer.text()
        assert [one["event"] for one in logs] == ["console_timeout"]
        assert stuck.asked == 1
        async with session.get("/livez") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("path", ["/logout", "/livez", "/nothing"])
async def test_a_body_too_large_is_refused_before_it_is_read(path) -> None:
    async with bounded() as running, connected(running) as (reader, writer):
        writer.write(f"POST {path} HTTP/1.1\r\n".encode() + HOST + f"Content-Length: {BODY_BYTES + 1}\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    async with bounded() as running, ClientSession(running.origin) as session:
        async with session.post("/logout", data=b"x" * BODY_BYTES) as answer:
            assert answer.status == 401
        async with session.post("/logout", data=b"x" * 10_000_000, headers={"Accept": "application/json"}) as answer:
            assert answer.status == 413
            assert (await answer.json(content_type=None))["title"] == "Too large"


async def test_a_body_without_end_is_not_read_for_ever() -> None:
    async with bounded() as running, connected(running) as (reader, writer):
        writer.write(b"POST /logout HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")

        async def pour() -> None:
            while True:
                writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                await writer.drain()

        pouring = asyncio.create_task(pour())
        try:
            answer = await rest_of(reader)
        finally:
            pouring.cancel()
            await asyncio.gather(pouring, return_exceptions=True)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"x" * LINE_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 2 * LINE_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X%d: x\r\n" % n for n in range(HEADERS)) + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
    ids=["line too long", "header too long", "headers too many", "two lengths", "TLS"],
)
async def test_a_request_that_http_does_not_allow_is_refused_and_disconnected(request_) -> None:
    async with bounded() as running, connected(running) as (reader, writer):
        writer.write(request_)
        answer = await rest_of(reader)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), answer
        assert b"Traceback" not in answer
