"""The embedded database is a real one, as careful as in production, and runs as root's guest or as a user's own."""

import os
import shutil
from pathlib import Path
from typing import Literal

import asyncpg
import psutil
import pytest

from service.embedded import EmbeddedError, EmbeddedPostgres
from service.embedded.data_directory import data_directory_for


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def note(dsn: str, text: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("create table if not exists notes (text text)")
        await connection.execute("insert into notes values ($1)", text)
    finally:
        await connection.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restarted_database_has_its_port_and_what_was_committed(
    mode: Literal["fast", "immediate"], fresh_postgres: EmbeddedPostgres
) -> None:
    dsn = fresh_postgres.dsn
    await note(dsn, "kept")
    await fresh_postgres.restart(mode)
    assert fresh_postgres.dsn == dsn
    assert await ask(dsn, "select text from notes") == "kept"


async def test_a_killed_database_comes_back_with_what_was_committed(fresh_postgres: EmbeddedPostgres) -> None:
    await note(fresh_postgres.dsn, "kept")
    backends = psutil.Process(fresh_postgres.pid).children()
    await fresh_postgres.kill()
    assert not fresh_postgres.running
    assert [backend for backend in backends if backend.is_running()] == []
    await fresh_postgres.start()
    assert await ask(fresh_postgres.dsn, "select text from notes") == "kept"


async def test_a_session_of_a_frozen_database_goes_on_when_it_thaws(fresh_postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(fresh_postgres.dsn)
    try:
        before = await connection.fetchval("select pg_backend_pid()")
        fresh_postgres.pause()
        assert psutil.Process(before).status() == psutil.STATUS_STOPPED
        fresh_postgres.resume()
        assert await connection.fetchval("select pg_backend_pid()") == before
    finally:
        connection.terminate()  # asks nothing of a server that may still be frozen


async def test_a_server_that_runs_is_not_started_twice(fresh_postgres: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedError, match="runs already"):
        await fresh_postgres.start()
    assert await ask(fresh_postgres.dsn, "select 1") == 1


async def test_commits_are_flushed_as_in_production(fresh_postgres: EmbeddedPostgres) -> None:
    assert await ask(fresh_postgres.dsn, "show fsync") == "on"
    assert await ask(fresh_postgres.dsn, "show synchronous_commit") == "on"
    assert await ask(fresh_postgres.dsn, "show full_page_writes") == "on"


async def test_the_server_knows_transaction_timeout(postgres_dsn: str) -> None:
    assert await ask(postgres_dsn, "show transaction_timeout") == "0"


async def test_a_connection_without_the_password_is_refused(postgres_dsn: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres_dsn, password="guessed")


async def test_the_server_never_runs_as_root(postgres: EmbeddedPostgres) -> None:
    assert psutil.Process(postgres.pid).uids().effective != 0


async def test_a_private_directory_stays_private_and_serves_all_the_same(tmp_path: Path) -> None:
    directory = tmp_path / "private" / "postgres"
    directory.mkdir(parents=True)
    directory.parent.chmod(0o700)
    async with EmbeddedPostgres(directory, temporary=True) as postgres:
        assert await ask(postgres.dsn, "select 1") == 1
        elsewhere = directory / "elsewhere"
        kept = Path(elsewhere.read_text()) if elsewhere.exists() else directory
        assert (os.geteuid() == 0) == elsewhere.exists()
        assert (kept / "data" / "PG_VERSION").exists()
    assert directory.parent.stat().st_mode & 0o777 == 0o700
    assert not (kept / "data").exists()
    assert [path.name for path in directory.iterdir()] == ["postgres.log"]


async def test_a_database_started_again_on_a_private_directory_has_what_was_committed(tmp_path: Path) -> None:
    directory = tmp_path / "private" / "postgres"
    directory.mkdir(parents=True)
    directory.parent.chmod(0o700)
    async with EmbeddedPostgres(directory) as postgres:
        await note(postgres.dsn, "kept")
    async with EmbeddedPostgres(directory, temporary=True) as postgres:
        assert await ask(postgres.dsn, "select text from notes") == "kept"


def test_data_elsewhere_is_removed_only_for_deleted_directories(tmp_path: Path) -> None:
    deleted, kept, new = (tmp_path / name for name in ("deleted", "kept", "new"))
    for directory in (deleted, kept, new):
        directory.mkdir(mode=0o700)
    gone, there = data_directory_for(deleted), data_directory_for(kept)
    shutil.rmtree(deleted)
    last = data_directory_for(new)
    assert not gone.home.exists()
    assert there.home.exists()
    there.remove()
    last.remove()


async def test_a_failed_start_names_the_reason_and_the_log(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", settings={"shared_buffers": "plenty"}, temporary=True)
    with pytest.raises(EmbeddedError) as failure:
        async with postgres:
            raise AssertionError("it must not start")
    assert str(postgres.log) in str(failure.value)
    assert "shared_buffers" in str(failure.value)
    assert not postgres.running
