"""A PostgreSQL primary on this machine with two standbys, as real installations have them."""

import asyncio
from pathlib import Path
from typing import Any

from service.embedded.lifetime import Lifetime
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import EmbeddedError, Progress, silent, together

SERVERS = 3
SETTINGS = {"wal_keep_size": "1GB"}
"""A copy that takes long, and a standby that was stopped, still find what they need."""
STREAMING_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.05

STREAMING = "select exists (select from pg_stat_replication where application_name = $1 and state = 'streaming')"
DETACHED = "select not exists (select from pg_stat_replication where application_name = $1)"
CONFIRMS = "select exists (select from pg_stat_replication where application_name = $1 and sync_state = 'sync')"


class ReplicatedPostgres(Lifetime):
    """`async with ReplicatedPostgres(directory) as postgres: postgres.dsn`. Ready when the block begins.

    `nodes` are the servers by number, from 1, each to be killed, frozen and started on its own: a primary, a standby
    that confirms every commit (synchronous), and one that may lag behind (asynchronous). `dsn` names all three, and
    clients take the one that accepts writes. Which one is the primary is kept in `directory/primary`. The rest is as
    with `EmbeddedPostgres`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: dict[str, str] | None = None,
        temporary: bool = False,
        progress: Progress = silent,
    ) -> None:
        self.directory = directory.absolute()
        self._temporary = temporary
        self.synchronous: int | None = None
        """Number of the standby that confirms every commit; None if none does."""
        self.nodes = {
            node: self.new_node(
                self.directory / str(node),
                settings={**SETTINGS, **(settings or {})},
                temporary=temporary,
                progress=progress,
                name=f"server {node} of PostgreSQL",
            )
            for node in range(1, SERVERS + 1)
        }

    def new_node(self, directory: Path, **options: Any) -> EmbeddedPostgres:
        """Make a server of the cluster; tests have servers of their own kind."""
        return EmbeddedPostgres(directory, **options)

    @property
    def primary(self) -> int:
        """Number of the primary: of the server that was promoted last."""
        return int(self._role.read_text("ascii")) if self._role.exists() else 1

    @property
    def dsn(self) -> str:
        """Connection string of the superuser for the database `postgres`, password included."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """Connection string of the superuser for one database. EmbeddedError before the first start."""
        account, _, _ = self.nodes[self.primary].dsn_of(database).rpartition("@")
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes.values())
        return f"{account}@{hosts}/{database}?target_session_attrs=read-write"

    @property
    def password_file(self) -> Path:
        """The file with the superuser's password. Raises EmbeddedError before the first start."""
        return self.nodes[self.primary].password_file

    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""
        await asyncio.gather(*(node.close() for node in self.nodes.values()))
        if self._temporary:
            self._role.unlink(missing_ok=True)

    async def start(self) -> None:
        """Start the primary and both standbys, whose data is copied if they have none, and wait until both receive."""
        primary = self.nodes[self.primary]
        await primary.start()
        # Nobody confirms before the standbys run.
        await self._confirmed_by(primary, None)
        await together(*(self._run_as_standby(node) for node in self.nodes if node != self.primary))
        await self._confirmed_by(primary, min(node for node in self.nodes if node != self.primary))

    async def stop(self) -> None:
        """Stop all servers, the primary first. Idempotent."""
        await self.nodes[self.primary].stop()
        await asyncio.gather(*(node.stop() for node in self.nodes.values()))

    async def promote(self, node: int) -> None:
        """Make a running standby the primary, whatever the old one does. Nobody confirms its commits before a
        `rejoin`."""
        await self._confirmed_by(self.nodes[node], None)
        await self.nodes[node].execute("select pg_promote()")
        self._role.write_text(str(node), "ascii")

    async def detach(self, node: int) -> None:
        """Let a running standby receive nothing more, until it is `rejoin`ed."""
        await self.nodes[node].execute("alter system set primary_conninfo = ''", "select pg_reload_conf()")
        await self._until(DETACHED, node)

    async def rejoin(self, node: int) -> None:
        """Copy the primary's data to a server, whatever that had, and run it as a standby. It confirms commits if
        nobody else does."""
        await self.nodes[node].kill()
        await self._run_as_standby(node, copied=False)
        if self.synchronous is None:
            await self._confirmed_by(self.nodes[self.primary], node)

    @property
    def _role(self) -> Path:
        return self.directory / "primary"

    async def _run_as_standby(self, node: int, *, copied: bool | None = None) -> None:
        server, primary = self.nodes[node], self.nodes[self.primary]
        if copied is None:
            copied = await server.is_standby()
        if not copied:
            await server.copy(primary)
        await server.start()
        await server.follow(primary, _name(node))
        await self._until(STREAMING, node)

    async def _confirmed_by(self, primary: EmbeddedPostgres, node: int | None) -> None:
        self.synchronous = node
        names = "" if node is None else _name(node)
        await primary.execute(f"alter system set synchronous_standby_names = '{names}'", "select pg_reload_conf()")
        if node is not None:
            await self._until(CONFIRMS, node)

    async def _until(self, query: str, node: int) -> None:
        try:
            async with asyncio.timeout(STREAMING_LIMIT_SECONDS):
                while not await self.nodes[self.primary].value(query, _name(node)):  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            log = self.nodes[node].log
            raise EmbeddedError(f"server {node} does not follow server {self.primary}. Its log: {log}") from None


def _name(node: int) -> str:
    return f"server_{node}"
