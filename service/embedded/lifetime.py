"""The lifetime of embedded servers: an `async with` block starts them and never leaves one behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from service.embedded.process import Server


class Lifetime(ABC):
    """One or more servers that run while an `async with` block does."""

    @abstractmethod
    async def start(self) -> None:
        """Start, and wait until clients are served."""

    @abstractmethod
    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_exit(self)  # clean up after a failed or interrupted start too
            await self.start()
            undo.pop_all()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()


class SingleServer(Lifetime):
    """A lifetime with one server process, which tests also kill and freeze."""

    _server: Server

    @property
    def pid(self) -> int:
        """The server's process id. Raises EmbeddedError if it does not run."""
        return self._server.pid

    @property
    def running(self) -> bool:
        """Whether the server's process exists."""
        return self._server.running

    async def kill(self) -> None:
        """kill -9 of the server and its children."""
        await self._server.kill()

    def pause(self) -> None:
        """Freeze the server and its children: connections stay open, and nothing answers."""
        self._server.pause()

    def resume(self) -> None:
        """Resume a frozen server."""
        self._server.resume()
