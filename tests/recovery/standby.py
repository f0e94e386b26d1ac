"""A PostgreSQL that streams to a standby, and one address at which clients find the server that serves."""

from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg

from service.embedded import EmbeddedPostgres
from service.embedded.process import reserve_port
from tests.chaos.proxy import Proxy
from tests.delivery.service import eventually
from tests.waiting import HANG_SECONDS

TESTS_DATABASES = """
select coalesce(array_agg(datname::text), '{}') from pg_database where not datistemplate and datname <> 'postgres'
"""


class Pair:
    """A primary that runs, and its hot standby: a copy made when the block begins.

    `dsn` and `dsn_of` lead to the server that serves: the primary, until `fail_over`. Nothing is promoted before
    `promote`, so everything between them certainly happens while the standby is in recovery.
    """

    def __init__(self, primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> None:
        self.primary, self.standby = primary, standby
        self._address = Proxy(reserve_port(), primary.port)

    async def __aenter__(self) -> Self:
        await self.standby.copy(self.primary)
        await self.standby.start()
        await self.standby.follow(self.primary, "standby")
        await self._address.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Remove the standby, and bring the primary back without the test's databases."""
        await self._address.close()
        await self.standby.kill()
        if not self.primary.running:
            await self.primary.start()
        # This write is to a file and needs no confirmation.
        await _execute(self.primary, "alter system reset all")
        await _execute(self.primary, "select pg_reload_conf()")
        # Otherwise the next copy would contain them.
        for name in await _execute(self.primary, TESTS_DATABASES):
            await _execute(self.primary, f"drop database {name} with (force)")

    @property
    def dsn(self) -> str:
        """The DSN of the superuser's database `postgres`."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The DSN of a database, at the address of the server that serves."""
        return self.primary.dsn_of(database).replace(f":{self.primary.port}/", f":{self._address.port}/")

    async def confirm_every_commit(self) -> None:
        """Let commits wait for the standby from now on (synchronous replication)."""
        await _execute(self.primary, "alter system set synchronous_standby_names = '*'")
        await _execute(self.primary, "select pg_reload_conf()")
        await self._until(self.primary, "select exists (select from pg_stat_replication where sync_state = 'sync')")

    async def lag(self) -> None:
        """Let the standby have everything up to now, and receive nothing more."""
        now = await _execute(self.primary, "select pg_current_wal_lsn()::text")
        await self._until(self.standby, f"select pg_last_wal_replay_lsn() >= '{now}'")
        await _execute(self.standby, "alter system set primary_conninfo = ''")
        await _execute(self.standby, "select pg_reload_conf()")
        await self._until(self.primary, "select not exists (select from pg_stat_replication)")

    async def fail_over(self) -> None:
        """Stop the primary and let the standby serve in its place, in recovery."""
        await self.primary.kill()
        self._address.lead_to(self.standby.port)

    async def fail_over_to(self, other: "Pair") -> None:
        """Stop the standby, too, and let another pair's standby serve in its place."""
        await self.standby.kill()
        self._address.lead_to(other.standby.port)

    async def promote(self) -> None:
        """Promote the standby: it takes writes."""
        assert await _execute(self.standby, f"select pg_promote(true, {HANG_SECONDS:.0f})")

    async def rows(self, dsn: str, query: str) -> list[asyncpg.Record]:
        """The rows that a query returns on the standby, in this database."""
        connection = await asyncpg.connect(self.standby.dsn_of(urlsplit(dsn).path[1:]))
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def _until(self, server: EmbeddedPostgres, condition: str) -> None:
        async def seen() -> bool:
            return bool(await _execute(server, condition))

        await eventually(seen, condition, server.log.read_text)


async def _execute(server: EmbeddedPostgres, statement: str) -> Any:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
