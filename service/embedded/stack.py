"""Kafka and PostgreSQL, started side by side."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from service.embedded.kafka import EmbeddedKafka
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import Progress, silent


class EmbeddedStack:
    """`async with EmbeddedStack(directory) as stack: stack.kafka.bootstrap_servers, stack.postgres.dsn`.

    Data and logs are in `directory/kafka` and `directory/postgres`. Both start at once (3 s on 2 cores). If one fails
    or the start is interrupted, the other is stopped first. `temporary`: the data is removed when the block ends or
    this program dies; the logs stay.
    """

    def __init__(self, directory: Path, *, temporary: bool = False, progress: Progress = silent) -> None:
        self.kafka = EmbeddedKafka(directory / "kafka", temporary=temporary, progress=progress)
        self.postgres = EmbeddedPostgres(directory / "postgres", temporary=temporary, progress=progress)

    async def __aenter__(self) -> Self:
        starts = [asyncio.create_task(self.kafka.start()), asyncio.create_task(self.postgres.start())]
        async with AsyncExitStack() as undo:
            undo.push_async_exit(self)
            undo.push_async_callback(_given_up, starts)
            await asyncio.gather(*starts)
            undo.pop_all()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await asyncio.gather(self.kafka.__aexit__(None, None, None), self.postgres.__aexit__(None, None, None))


async def _given_up(starts: Iterable[asyncio.Task[None]]) -> None:
    for start in starts:
        start.cancel()
    await asyncio.gather(*starts, return_exceptions=True)
