"""A silent database, or a network that delivers nothing: the service gives up in bounded time and takes a new
connection."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from service.store.connection import connect, pool_of
from service.store.driver import KEEPALIVE
from service.store.errors import StoreUnavailableError
from service.store.postgres import PostgresStore, SessionLimits
from service.store.timeline import Timeline
from tests.chaos.proxy import Proxy, proxy_before
from tests.waiting import HANG_SECONDS

IMPATIENT = SessionLimits(client=2_000)


@pytest.fixture
async def network(database: str) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxy_before(database) as found:
        yield found


@pytest.fixture
def proxy(network: tuple[Proxy, str]) -> Proxy:
    return network[0]


@pytest.fixture
def behind(network: tuple[Proxy, str]) -> str:
    """The database's DSN, by way of the proxy."""
    return network[1]


@pytest.mark.parametrize("when", ["begin", "statement", "commit"])
async def test_a_batch_whose_connection_falls_silent_is_given_up_and_the_next_goes_on(behind, proxy, when) -> None:
    store = await PostgresStore.open(behind, connections=1, limits=IMPATIENT)

    async def falls_silent() -> None:
        if when == "begin":
            proxy.strand()
        async with store.batch() as batch:
            if when == "statement":
                proxy.strand()
            await batch.look(())
            if when == "commit":
                proxy.strand()

    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(StoreUnavailableError, match="TimeoutError"):
            await falls_silent()
        assert (await store.clock()).now
        await store.close()


async def test_a_query_whose_connection_falls_silent_is_given_up_and_the_next_goes_on(behind, proxy) -> None:
    store = await PostgresStore.open(behind, connections=1, limits=IMPATIENT)
    proxy.strand()
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(StoreUnavailableError, match="TimeoutError"):
            await store.server_time()
        assert await store.server_time()
        await store.close()


async def test_a_batch_that_is_cancelled_ends_as_cancelled_and_at_once(behind, proxy) -> None:
    store = await PostgresStore.open(behind, connections=1)
    asked = asyncio.Event()

    async def waits_for_ever() -> None:
        async with store.batch() as batch:
            proxy.strand()
            asked.set()
            await batch.look(())

    waiting = asyncio.create_task(waits_for_ever())
    await asked.wait()
    await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=HANG_SECONDS)
    assert done
    assert waiting.cancelled()
    async with asyncio.timeout(HANG_SECONDS):
        assert await store.server_time()
        await store.close()


async def test_a_transaction_of_the_relay_or_of_a_command_ends_too(behind, proxy) -> None:
    async with pool_of(behind, Timeline(), min_size=1, max_size=1, command_timeout=0.3) as pool:
        proxy.strand()
        async with asyncio.timeout(HANG_SECONDS):
            with pytest.raises(TimeoutError):
                await pool.fetchval("select 1")
            assert await pool.fetchval("select 1") == 1
            async with pool.acquire() as connection:
                with pytest.raises(TimeoutError):
                    await falls_silent_inside(connection, proxy)
            assert await pool.fetchval("select 1") == 1
    connection = await connect(behind, Timeline(), command_timeout=0.3)
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(TimeoutError):
            await falls_silent_inside(connection, proxy)
        await connection.close()


async def falls_silent_inside(connection, proxy: Proxy) -> None:
    async with connection.transaction():
        proxy.strand()
        await connection.execute("select 1")


async def test_every_connection_asks_the_network_whether_the_server_is_there(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    single = await connect(database, Timeline())
    async with store.batch() as batch:
        for connection in (batch._connection, single):
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            has = {name: value for name, value in KEEPALIVE.items() if hasattr(socket, name)}
            found = {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in has}
            assert found == has
    await single.close()
    await store.close()
