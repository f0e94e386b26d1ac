"""Several hosts, sockets, IPv6 and odd passwords: each with a real connection."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import pytest

from service.embedded import EmbeddedPostgres
from service.store.connection import connect, connect_to_look, connected, pool_of
from service.store.errors import NotReachedError, NotUsableError
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from service.store.timeline import Timeline
from tests.cli.commands import command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# An ErrorResponse: the database system is starting up.
STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
PORT = "show port"


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """Short, as a socket's path has to be, and the server's account may write there."""
    directory = Path(tempfile.mkdtemp(prefix="purchasing-"))
    directory.chmod(0o777)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def reader(servers: Path, sockets: Path) -> Iterator[EmbeddedPostgres]:
    """A server that only reads; reached by a socket and by IPv6, too."""
    settings = {
        "default_transaction_read_only": "on",
        "listen_addresses": "127.0.0.1,::1",
        "unix_socket_directories": str(sockets),
    }
    server = EmbeddedPostgres(servers / "reader", temporary=True, settings=settings)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.close())


def port_of(dsn: str) -> str:
    return re.search(r":(\d+)/", dsn)[1]


def with_hosts(dsn: str, hosts: str, options: str = "") -> str:
    """The URL with other hosts; of the server whose URL it is, user, password and database."""
    return re.sub(r"@[^/]*/([a-z_0-9]*)", rf"@{hosts}/\1", dsn) + options


def same_password(dsn: str, other: str) -> str:
    return re.search("//[^@]*@", other)[0].join(re.split("//[^@]*@", dsn))


@asynccontextmanager
async def server_that(answers: bytes | None) -> AsyncIterator[int]:
    """A port that accepts connections and answers each with these bytes, or with nothing."""
    left = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers is not None:
            writer.write(b"E" + (len(answers) + 4).to_bytes(4, "big") + answers)
            await writer.drain()
        else:
            await left.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    left.set()
    server.close()
    await server.wait_closed()


async def test_of_several_hosts_with_ports_the_first_that_answers_is_taken(database: str) -> None:
    url = with_hosts(database, f"127.0.0.1:9,localhost:{port_of(database)}")
    async with connected(url) as connection:
        assert await connection.fetchval(PORT) == port_of(database)


async def test_of_several_hosts_one_that_can_be_written_to_is_taken(database: str, reader: EmbeddedPostgres) -> None:
    """Also where the URL doesn't ask for it. Both servers know the same user and password."""
    await same_users(database, reader)
    hosts = f"127.0.0.1:{port_of(reader.dsn)},127.0.0.1:{port_of(database)}"
    postgres = database.rpartition("/")[0] + "/postgres"
    for options in ("", "?target_session_attrs=read-write"):
        async with connected(with_hosts(postgres, hosts, options)) as connection:
            assert await connection.fetchval(PORT) == port_of(database)
    async with connected(with_hosts(postgres, hosts, "?target_session_attrs=any")) as connection:
        assert await connection.fetchval(PORT) == port_of(reader.dsn)
    # Preferred, and done without: neither of the two is a standby.
    connection = await connect_to_look(with_hosts(postgres, hosts, "?target_session_attrs=prefer-standby"))
    assert await connection.fetchval(PORT) == port_of(reader.dsn)
    connection.terminate()


async def same_users(database: str, reader: EmbeddedPostgres) -> None:
    password = re.search(":([^:@/]*)@", database)[1]
    connection = await asyncpg.connect(reader.dsn)
    await connection.execute("set default_transaction_read_only = off")
    await connection.execute("create role beside superuser")
    await connection.execute(f"alter role purchasing password '{password}'")
    await connection.execute("drop role beside")
    await connection.close()
    reader.password_file.write_text(password)


async def test_a_server_that_is_just_starting_is_passed_over_for_the_next(database: str) -> None:
    async with server_that(STARTING) as starting:
        hosts = f"127.0.0.1:{starting},127.0.0.1:{port_of(database)}"
        async with connected(with_hosts(database, hosts, "?sslmode=disable")) as connection:
            assert await connection.fetchval(PORT) == port_of(database)


async def test_a_silent_server_leaves_time_for_the_next(database: str) -> None:
    async with server_that(None) as silent:
        hosts = f"127.0.0.1:{silent},127.0.0.1:{port_of(database)}"
        connection = await connect(with_hosts(database, hosts, "?connect_timeout=1"), Timeline())
        assert await connection.fetchval(PORT) == port_of(database)
        await connection.close()


async def test_if_no_host_can_be_reached_each_ones_reason_is_given(database: str, reader: EmbeddedPostgres) -> None:
    hosts = f"127.0.0.1:9,127.0.0.1:{port_of(reader.dsn)}"
    with pytest.raises(NotReachedError) as raised:
        await connect(with_hosts(reader.dsn, hosts), Timeline())
    assert raised.value.reason == (
        f"127.0.0.1:9: Connection refused; 127.0.0.1:{port_of(reader.dsn)}: "
        "it is not what target_session_attrs=read-write asks for"
    )


async def test_a_writer_does_not_ask_for_read_only_servers(database: str) -> None:
    url = f"{database}?target_session_attrs=prefer-standby"
    for attempt in (PostgresStore.open(url), migrate(url), connect(url, Timeline())):
        with pytest.raises(NotUsableError, match="target_session_attrs finds read-only servers"):
            await attempt
    connection = await connect_to_look(url)
    assert await connection.fetchval(PORT) == port_of(database)
    connection.terminate()


async def test_a_unix_socket_is_connected_to(reader: EmbeddedPostgres, sockets: Path) -> None:
    by_host = with_hosts(reader.dsn, "", f"?host={sockets}&port={port_of(reader.dsn)}")
    by_name = with_hosts(reader.dsn, f"{quote(str(sockets), safe='')}:{port_of(reader.dsn)}")
    for url in (by_host, by_name):
        async with connected(url) as connection:
            assert await connection.fetchval("select inet_server_addr()") is None
            assert await connection.fetchval("show lock_timeout") == "10s"


async def test_an_ipv6_address_is_connected_to(reader: EmbeddedPostgres) -> None:
    async with connected(with_hosts(reader.dsn, f"[::1]:{port_of(reader.dsn)}")) as connection:
        assert str(await connection.fetchval("select inet_server_addr()")) == "::1"


async def test_a_password_of_odd_characters_is_the_users(database: str) -> None:
    password, user = "p@:/?#[]%& ä+", f"odd_{port_of(database)}"
    connection = await asyncpg.connect(database)
    await connection.execute(f"create role {user} login password '{password}'")
    try:
        url = re.sub("//[^@]*@", f"//{user}:{quote(password, safe='')}@", database)
        for one in (url, re.sub("//[^@]*@", "//", database) + f"?user={user}&password={quote(password, safe='')}"):
            async with connected(one) as as_user:
                assert await as_user.fetchval("select current_user") == user
    finally:
        await connection.execute(f"drop role {user}")
        await connection.close()


async def test_settings_of_the_url_are_in_force_in_every_session(database: str) -> None:
    url = f"{database}?options=-c%20statement_timeout%3D7s&connect_timeout=10&application_name=shop"
    async with connected(url) as connection, pool_of(url, Timeline(), min_size=1, max_size=1) as pool:
        assert await connection.fetchval("show statement_timeout") == "7s"
        assert await pool.fetchval("show statement_timeout") == "7s"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("options=-c%20nosuch%3D1", "its option options sets nosuch, and the server refuses it"),
        ("options=-c%20statement_timeout%3Dplanted", "sets statement_timeout, and the server refuses it"),
        ("sslrootcert=/nowhere/ca.pem", "the file of its sslrootcert can't be read"),
        ("sslmode=require", "rejected SSL upgrade"),
    ],
)
async def test_an_option_of_no_use_is_for_a_person(option: str, says: str, database: str) -> None:
    with pytest.raises(NotUsableError) as raised:
        await connect(f"{database}?{option}", Timeline())
    assert says in str(raised.value)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    ("option", "code", "says"),
    [
        ("connect_timeout=10", 1, "No message about order nobody was received."),
        ("nosuch=10", 1, "PURCHASING_DATABASE_URL is not valid: nosuch is not an option of libpq"),
        ("service=x", 1, "PURCHASING_DATABASE_URL is not valid: its option service isn't supported"),
    ],
)
async def test_libpqs_options_are_no_fault_of_the_program(option: str, code: int, says: str, database: str) -> None:
    done = command(f"{database}?{option}", "explain", "nobody")
    assert (done.code, says in done.err) == (code, True), done.err


@pytest.mark.parametrize(("option", "error"), [("", NotReachedError), ("?sslmode=require", NotUsableError)])
async def test_a_server_that_dies_while_greeted_is_waited_for_unless_tls_is_demanded(
    option: str, error: type[Exception]
) -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"E\0\0\0\5\0")
        writer.close()

    async with await asyncio.start_server(dies, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(error, match="rejected SSL upgrade"):
            await connect(f"postgresql://user:password@127.0.0.1:{port}/orders{option}", Timeline())


async def test_run_ends_at_once_where_only_a_person_can_mend_it(database: str) -> None:
    url = f"{database}?options=-c%20nosuch%3D1"
    where = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "PURCHASING_HTTP_PORT": "0"}
    done = command(url, "run", **where)
    assert (done.code, "sets nosuch" in done.err) == (1, True), done.err
