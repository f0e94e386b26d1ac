"""A real PgBouncer before the real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Self

import asyncpg

from service.embedded.process import reserve_port
from service.runtime.database_url import parse_database_url
from tests.delivery.service import eventually

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 30


@cache
def program() -> Path:
    """PgBouncer, unpacked by .ci/pgbouncer where none is installed."""
    done = subprocess.run([ROOT / ".ci" / "pgbouncer"], capture_output=True, text=True, check=True)
    assert done.stdout.strip(), f"install PgBouncer:\n{done.stderr}"
    return Path(done.stdout.strip())


class Pooler:
    """`async with Pooler(dsn, "session") as pooler: pooler.dsn`. `settings` are PgBouncer's."""

    def __init__(self, dsn: str, mode: str, **settings: object) -> None:
        self._server = parse_database_url(dsn)
        self._port = reserve_port()
        self._settings = {"pool_mode": mode, **settings}
        self._directory = Path(tempfile.mkdtemp(prefix="purchasing-pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The database, through the pooler."""
        url = self._server
        return f"postgresql://{url.user}:{url.password}@127.0.0.1:{self._port}/{url.database}"

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text()

    async def __aenter__(self) -> Self:
        (host,) = self._server.hosts
        users = self._directory / "users"
        users.write_text(f'"{self._server.user}" "{self._server.password}"\n')
        lines = [
            "[databases]",
            f"* = host={host.name} port={host.port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self._port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            *(f"{name} = {value}" for name, value in self._settings.items()),
        ]
        configuration = self._directory / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n")
        command = [str(program()), str(configuration)]
        if os.getuid() == 0:
            # It won't run as root.
            command[1:1] = ["-u", "nobody"]
            for path in (self._directory, users, configuration):
                shutil.chown(path, "nobody")
        libraries = ":".join(map(str, program().parents[1].glob("lib/*-linux-gnu")))
        with (self._directory / "log").open("wb") as log:
            self._process = await asyncio.to_thread(
                subprocess.Popen, command, env={**os.environ, "LD_LIBRARY_PATH": libraries}, stdout=log, stderr=log
            )
        await eventually(self._listens, "PgBouncer listens", lambda: self.log)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        shutil.rmtree(self._directory)

    async def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True

    async def ask(self, query: str) -> list[asyncpg.Record]:
        """Rows from a session of its own through the pooler, as any program would have it."""
        connection = await asyncpg.connect(self.dsn, statement_cache_size=0)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()
