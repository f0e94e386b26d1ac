"""Migration of a database's tables to those that this program knows, and a sentence if they are something else.

A migration is a file `migrations/NNNN_name.sql`. Each is applied once, in the order of the numbers, in a transaction of
its own. Its first line is `-- expand` (older programs still work with the result) or `-- contract` (they don't). An
applied file must not change: its hash is stored and compared.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg

from service.store.connection import connect, refuse_readers
from service.store.driver_errors import translated
from service.store.errors import SchemaError
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

LANES = 1
"""Lanes of a new outbox. One is the fastest as long as one process can publish everything: each lane has its own Kafka
transaction, and four lanes take half as much CPU again for the same outputs (docs/performance.md). Lanes can be added
later, but not removed."""
LANES_MAX = 256

_LOCK = 4_851_622_300
"""The advisory lock of the migrating process: any number, but never change it."""

_ROLES_GRANTED = """
select exists (select from pg_roles where rolname = 'purchasing_service')
    and exists (select from pg_class, aclexplode(relacl) as a
        where oid = 'installation'::regclass and a.grantee = to_regrole('purchasing_service'))
"""

_JOURNAL = """
create table if not exists schema_migrations (
    number integer primary key,
    name text not null,
    kind text not null check (kind in ('expand', 'contract')),
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""

LOCK_TIMEOUT = "5s"
"""The time that a migration waits for a table, while every later statement on it waits behind the migration."""

LOOK_SECONDS = 10.0
"""Time limit per answer of a look at the tables. A migration has no limit."""

COMMAND = "`python -m service migrate`"

SERVER_MIN = 17
"""The first PostgreSQL with `transaction_timeout`, without which a stalled worker could block all others."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file."""

    number: int
    name: str
    kind: str
    """`expand` or `contract`."""
    sql: str

    @property
    def sha256(self) -> str:
        """The file's hash, hexadecimal."""
        return sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration as recorded in a database."""

    number: int
    name: str
    kind: str
    sha256: str


def known_migrations() -> list[Migration]:
    """Return this program's migrations, sorted by number. Raises SchemaError for a file with a wrong name or first
    line."""
    found = []
    for file in files("service.store").joinpath("migrations").iterdir():
        if not file.name.endswith(".sql"):
            continue
        number, _, name = file.name.removesuffix(".sql").partition("_")
        sql = file.read_text()
        kind = sql.split("\n", 1)[0].removeprefix("-- ")
        if not (number.isdecimal() and name) or kind not in ("expand", "contract"):
            raise SchemaError(f"{file.name} must be called NNNN_name.sql and begin with `-- expand` or `-- contract`")
        found.append(Migration(int(number), name, kind, sql))
    return sorted(found, key=lambda migration: migration.number)


async def migrate(dsn: str, *, lanes: int = LANES, cell: range | None = None, roles: bool = False) -> list[str]:
    """Apply missing migrations and create the installation. Return the names of the applied ones.

    `lanes`, and which of them this database has (`cell`; None: all), are used only for a new installation and are then
    fixed. `roles` creates the roles of roles.sql and grants their rights; if they have rights already, they get those
    on new tables in any case. Concurrent migrations wait for each other. Raises SchemaError (the number of lanes is not
    a power of two, the cell has others, or the database has something that this program does not know),
    NotAllowedError, NotUsableError, StoreUnavailableError.
    """
    if not 1 <= lanes <= LANES_MAX or lanes & (lanes - 1):
        raise SchemaError(f"the number of lanes is a power of two from 1 to {LANES_MAX}, not {lanes}")
    if cell is not None and not (cell and 0 <= cell[0] <= cell[-1] < lanes):
        raise SchemaError(f"a cell has some of the lanes 0 to {lanes - 1}")
    known = known_migrations()
    refuse_readers(dsn)
    async with _connection(dsn) as connection:
        if too_old := _server_problem(connection):
            raise SchemaError(too_old)
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_JOURNAL)
        applied = await _applied(connection)
        problem = _contradiction(known, applied)
        if problem is not None:
            raise SchemaError(problem)
        numbers = {one.number for one in applied}
        missing = [one for one in known if one.number not in numbers]
        for migration in missing:
            await _apply(connection, migration)
        await _install(connection, lanes, range(lanes) if cell is None else cell)
        if roles or await connection.fetchval(_ROLES_GRANTED):
            await _grant(connection)
        return [f"{one.number:04}_{one.name}" for one in missing]


async def schema_problem(dsn: str, timeline: Timeline | None = None) -> str | None:
    """Return in a sentence what is wrong with the database's tables and what to do; None if this program can work.

    Tables newer than this program are fine as long as the newer program only expanded them. `timeline`: the
    database's, for the connections that will use these tables. Raises StoreUnavailableError, DatabaseMovedError.
    """
    async with _connection(dsn, timeline, command_timeout=LOOK_SECONDS) as connection:
        if too_old := _server_problem(connection):
            return too_old
        if await connection.fetchval("select to_regclass('schema_migrations')") is None:
            return f"the database has no tables of this service yet: run {COMMAND}"
        known, applied = known_migrations(), await _applied(connection)
        problem = _contradiction(known, applied)
        if problem is not None:
            return problem
        behind = [one for one in known if one.number not in {row.number for row in applied}]
        if behind:
            return f"the database lacks {_names(behind)}: run {COMMAND}"
        if not await connection.fetchval("select count(*) from installation"):
            return f"the database has tables but no installation: run {COMMAND}"
        return None


def _server_problem(connection: asyncpg.Connection[asyncpg.Record]) -> str | None:
    version = connection.get_server_version().major
    return f"PostgreSQL {SERVER_MIN} or later is needed, this is {version}" if version < SERVER_MIN else None


def _contradiction(known: Sequence[Migration], applied: Sequence[Applied]) -> str | None:
    """Return why this program must not use this database; None if it may."""
    mine = {one.number: one for one in known}
    strange = [one for one in applied if one.number not in mine]
    newest = max(mine, default=0)
    between = [one for one in strange if one.number < newest]
    if between:
        return (
            f"the database has {_names(between)}, which this program does not know although it knows newer ones: "
            "a program of another branch migrated it; use that program"
        )
    contracted = [one for one in strange if one.kind == "contract"]
    if contracted:
        return (
            f"the database is newer than this program ({_names(contracted)} removed what it needs): use a newer program"
        )
    for one in applied:
        if one.number in mine and one.sha256 != mine[one.number].sha256:
            return (
                f"the database was migrated with another version of {_names([one])} than this program has: "
                "use the program that applied it; an applied migration must not change"
            )
    return None


def _names(migrations: Iterable[Migration | Applied]) -> str:
    return ", ".join(f"{one.number:04}_{one.name}" for one in migrations)


async def _applied(connection: asyncpg.Connection[asyncpg.Record]) -> list[Applied]:
    rows = await connection.fetch("select number, name, kind, sha256 from schema_migrations order by number")
    return [Applied(*row) for row in rows]


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            await connection.execute(migration.sql)
        except asyncpg.PostgresError as error:
            raise SchemaError(f"{_names([migration])} failed and changed nothing: {error}") from error
        await connection.execute(
            "insert into schema_migrations (number, name, kind, sha256) values ($1, $2, $3, $4)",
            migration.number,
            migration.name,
            migration.kind,
            migration.sha256,
        )


async def _install(connection: asyncpg.Connection[asyncpg.Record], lanes: int, own: range) -> None:
    """Create the outbox id and this database's own lanes, unless they exist."""
    async with connection.transaction():
        made = await connection.fetchval(
            "insert into installation (outbox_id, lanes) values ($1, $2) on conflict do nothing returning lanes",
            uuid4(),
            lanes,
        )
        if made is not None:
            await connection.execute("insert into lanes (lane) select unnest($1::smallint[])", list(own))


async def _grant(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Grant the roles exactly the rights of roles.sql."""
    async with connection.transaction():
        await connection.execute(files("service.store").joinpath("roles.sql").read_text())


@asynccontextmanager
async def _connection(
    dsn: str, timeline: Timeline | None = None, command_timeout: float | None = None
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    async with translated():
        connection = await connect(
            dsn,
            timeline or Timeline(),
            command_timeout=command_timeout,
            settings={"application_name": "purchasing-migrate"},
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=5)
