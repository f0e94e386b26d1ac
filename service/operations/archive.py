"""Archive closed orders: export them to Parquet files, then move them out of the journals; check both afterwards.

A file is complete before any of its orders is moved: written, forced to disk, renamed, read back and compared. Whatever
ends the process in between leaves a file too much, or orders for the next run, and nothing else.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from service.runtime.failpoints import failpoint
from service.store.operators.archive import (
    ArchiveFile,
    Journal,
    add_file,
    archive_files,
    archived_orders,
    closed,
    journals,
    move,
    note_run,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
    from pathlib import Path

    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

LOOKED_AT_ONCE = 1_000
READ_AT_ONCE = 100
MOVED_AT_ONCE = 100
"""Orders of one transaction. A batch that needs one of them waits for it: a fraction of a second."""
MOVED_BYTES = 2_000_000
"""Most bytes of their journals together, unless one order has more: a few orders have thousands of facts."""
PER_FILE = 5_000
"""Orders of a file, about 10 MB. They are held in memory while it is written."""
FILE_BYTES = 100_000_000
"""Bytes of journals after which a file takes no more orders."""
DAYS_MIN = 90
"""Fewer days, and what is moved would be wanted back: refunds fail late, and people reconcile by the month."""
DAYS = 730


class ArchiveError(Exception):
    """The archive can't be written or read. The text says why."""


class Archiving(NamedTuple):
    """A request to archive: orders of which nothing came or went since `until`, at most `limit`."""

    until: datetime
    directory: Path
    prefix: str
    """The beginning of the files' names: the same for all of a database."""
    by: str
    why: str
    limit: int | None = None
    per_file: int = PER_FILE


class Progress(NamedTuple):
    """The progress of a run: orders looked at, those of them that can be archived, and those that were."""

    looked_at: int
    closed: int
    archived: int
    file: str = ""
    """The file that was just completed."""


def prefix_of(outbox_id: object) -> str:
    """Return the beginning of the names of this database's files."""
    return f"orders-{str(outbox_id)[:8]}-"


async def closed_orders(connection: Connection, until: datetime) -> AsyncGenerator[tuple[int, list[str]]]:
    """Yield, page by page, how many orders were looked at, and those of them that can be archived.

    Raises StoreUnavailableError.
    """
    after: str | None = ""
    while after is not None:
        page = await closed(connection, after, until, LOOKED_AT_ONCE)
        yield page.looked_at, page.order_ids
        after = page.last


async def archive(connection: Connection, what: Archiving) -> AsyncGenerator[Progress]:
    """Archive, beside a running service. Yield the progress after each page and file.

    Raises ArchiveError, StoreUnavailableError; a second run goes on from there.
    """
    _arrow()
    looked_at = found = archived = 0
    waiting: list[str] = []
    async for number, order_ids in closed_orders(connection, what.until):
        looked_at += number
        found += len(order_ids)
        waiting += order_ids
        is_last = what.limit is not None and archived + len(waiting) >= what.limit
        if is_last and what.limit is not None:
            waiting = waiting[: what.limit - archived]
        while len(waiting) >= what.per_file or (waiting and is_last):
            name, taken, moved = await _archive_file(connection, what, waiting[: what.per_file])
            archived += moved
            waiting = waiting[taken:]
            yield Progress(looked_at, found, archived, name)
        if is_last:
            return
        yield Progress(looked_at, found, archived)
    while waiting:
        name, taken, moved = await _archive_file(connection, what, waiting)
        archived += moved
        waiting = waiting[taken:]
        yield Progress(looked_at, found, archived, name)


async def _archive_file(connection: Connection, what: Archiving, order_ids: Sequence[str]) -> tuple[str, int, int]:
    """Export the first of these orders to a file, as many as it takes, and move them.

    Return the file's name, how many orders it took, and how many of them were moved.
    """
    exported: list[Journal] = []
    taken = size = 0
    while taken < len(order_ids) and size < FILE_BYTES:
        found = await journals(connection, order_ids[taken : taken + READ_AT_ONCE])
        taken += READ_AT_ONCE
        size += sum(len(one.journal) for one in found)
        exported += found
    name = f"{what.prefix}{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}.parquet"
    path = what.directory / name
    with _readable(path):
        write_file(path, exported)
        await failpoint("archive.written")
        if list(read_file(path)) != exported:
            raise ArchiveError(f"{path} does not have what was written to it. Nothing of it was archived.")
        digest, size = digest_of(path), path.stat().st_size
    file = await add_file(connection, name, digest, size, len(exported), what.by, what.why)
    await failpoint("archive.noted")
    moved = 0
    for few in at_once(exported):
        moved += len(await move(connection, file, few))
        await failpoint("archive.moved")
    await note_run(connection, what.by, name, moved, len(exported), what.why)
    return name, min(taken, len(order_ids)), moved


def at_once(exported: Sequence[Journal]) -> Iterator[list[Journal]]:
    """Yield the orders of each transaction: few enough, and with little enough of journals, that nobody waits long."""
    few: list[Journal] = []
    size = 0
    for one in exported:
        if few and (len(few) == MOVED_AT_ONCE or size + len(one.journal) > MOVED_BYTES):
            yield few
            few, size = [], 0
        few.append(one)
        size += len(one.journal)
    if few:
        yield few


def write_file(path: Path, exported: Sequence[Journal]) -> None:
    """Write a file that is there whole, and on the disk, or not at all. Raises OSError."""
    arrow, parquet = _arrow()
    columns: Mapping[str, tuple[Any, list[Any]]] = {
        "order_id": (arrow.string(), [one.order_id for one in exported]),
        "journal": (arrow.large_string(), [one.journal for one in exported]),
        "sha256": (arrow.binary(32), [one.sha256 for one in exported]),
    }
    table = arrow.table({name: arrow.array(values, type=kind) for name, (kind, values) in columns.items()})
    part = path.with_name(f".{path.name}.part")
    try:
        # It has account ids and money: for its owner and the group only.
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o640)) as target:
            parquet.write_table(table, target, compression="zstd", row_group_size=READ_AT_ONCE)
            target.flush()
            os.fsync(target.fileno())
        part.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        part.unlink(missing_ok=True)


def read_file(path: Path) -> Iterator[Journal]:
    """Yield a file's orders. Raises OSError, and ArchiveError for anything that is no such file."""
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(READ_AT_ONCE, columns=["order_id", "journal", "sha256"]):
                yield from map(Journal, *(column.to_pylist() for column in batch.columns))
    except arrow.ArrowException as error:
        raise ArchiveError(f"{path} is no archive file ({type(error).__name__}).") from None


def digest_of(path: Path) -> bytes:
    """Return a file's SHA-256. Raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{path} can't be written or read: {error.strerror or type(error).__name__}.") from None


class Checked(NamedTuple):
    """A file, checked: how many of its orders are archived, and what is wrong with it, in sentences."""

    file: ArchiveFile
    problems: list[str]


async def check(connection: Connection, directory: Path) -> AsyncGenerator[Checked]:
    """Compare each file with its checksum, and the archived orders with theirs and with the file.

    Raises StoreUnavailableError, and ArchiveError without the extra `export`.
    """
    _arrow()
    for file in await archive_files(connection):
        problems: list[str] = []
        in_file = _checked_file(directory / file.name, file, problems)
        after, wrong, absent = "", 0, 0
        while page := await archived_orders(connection, file.nth, after, LOOKED_AT_ONCE):
            after = page[-1].order_id
            wrong += sum(one.found != one.noted for one in page)
            absent += sum(in_file is not None and in_file.get(one.order_id) != one.noted for one in page)
        if wrong:
            problems.append(f"{wrong} of its orders differ from their checksums in the database.")
        if absent:
            problems.append(f"{absent} of its orders are not in the file as they are in the database.")
        yield Checked(file, problems)


def _checked_file(path: Path, file: ArchiveFile, problems: list[str]) -> dict[str, bytes] | None:
    """Return the checksum per order of a file; None if it can't be trusted, with the reason added to `problems`."""
    try:
        if digest_of(path) != file.sha256:
            problems.append("The file differs from its checksum.")
            return None
        found = {}
        for one in read_file(path):
            if sha256(one.journal.encode()).digest() != one.sha256:
                problems.append(f"Order {one.order_id} in the file differs from its checksum.")
            found[one.order_id] = one.sha256
    except OSError as error:
        problems.append(f"The file can't be read: {error.strerror or type(error).__name__}.")
        return None
    except ArchiveError as error:
        problems.append(str(error))
        return None
    return found


def unknown_files(directory: Path, prefix: str, known: Sequence[ArchiveFile]) -> list[str]:
    """Return this database's files of which it knows nothing: left by runs that ended before they moved an order.

    Raises OSError.
    """
    names = {one.name for one in known}
    found = [*directory.glob(f"{prefix}*.parquet"), *directory.glob(f".{prefix}*.part")]
    return sorted(one.name for one in found if one.name not in names)


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise ArchiveError("Parquet needs the extra `export` (pyarrow is missing).") from None
    return arrow, parquet
