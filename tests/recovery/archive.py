"""A PostgreSQL with an archive, as the runbook describes it (service/docs/runbook.md, "Backups"): a base backup, a
restore to an instant."""

import asyncio
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import asyncpg

from service.embedded import EmbeddedPostgres
from service.embedded.data_directory import data_directory_for
from tests.delivery.service import eventually
from tests.waiting import HANG_SECONDS


class Archive:
    """The archive of a server that was started with `archive_mode`."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.place = data_directory_for(server.directory)
        self.wal, self.backup = (self.place.home / name for name in ("archive", "backup"))

    async def begin(self) -> None:
        """Archive every segment of the write-ahead log from now on."""
        self.wal.mkdir()
        self._to_its_account(self.wal)
        await self._execute(f"alter system set archive_command = 'test ! -f {self.wal}/%f && cp %p {self.wal}/%f'")
        await self._execute("select pg_reload_conf()")

    async def base_backup(self) -> None:
        """Take the base backup with which a restore begins."""
        command = [self.place.programs / "pg_basebackup", f"--dbname={self.server.dsn}", f"--pgdata={self.backup}"]
        await asyncio.to_thread(
            subprocess.run,
            [*command, "--checkpoint=fast", "--no-sync"],
            check=True,
            capture_output=True,
            timeout=HANG_SECONDS,
        )

    async def now(self) -> datetime:
        """An instant to which the server can be restored."""
        return await self._execute("select clock_timestamp()")

    async def restore(self, instant: datetime) -> None:
        """Restore the server to this instant; it takes writes again."""
        # The server writes out and archives the rest of its log.
        await self.server.stop()
        shutil.rmtree(self.place.data)
        shutil.copytree(self.backup, self.place.data)
        with (self.place.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {self.wal}/%f %p'\n")
            settings.write(f"recovery_target_time = '{instant.isoformat()}'\n")
            settings.write("recovery_target_action = 'promote'\n")
        (self.place.data / "recovery.signal").touch()
        for path in (self.place.data, *self.place.data.rglob("*")):
            self._to_its_account(path)
        await self.server.start()

        async def restored() -> bool:
            return not await self._execute("select pg_is_in_recovery()")

        await eventually(restored, "the end of the recovery", self.server.log.read_text)

    def remove(self) -> None:
        for path in (self.wal, self.backup):
            shutil.rmtree(path, ignore_errors=True)

    def _to_its_account(self, path: Path) -> None:
        if self.place.user is not None:
            shutil.chown(path, self.place.user)

    async def _execute(self, statement: str):
        connection = await asyncpg.connect(self.server.dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()
