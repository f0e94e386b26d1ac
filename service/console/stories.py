"""Orders' stories for the pages, read as `purchasing_reader`, and what of them was known last."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from service.operations.explain.explanation import Explanation, explain
from service.store.driver_errors import translated
from service.store.order_history import SIZE_MAX, Readers
from service.store.rows import StoreTime
from service.store.search import Hit, QuarantineHit, has_archive, installation, is_searchable, quarantined, search
from service.terms.table import read_book

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from service.rules.terms import TermsBook
    from service.store.order_history import OrderHistories, OrderHistory
    from service.store.rows import Installation

T = TypeVar("T")

KEPT = 50
"""Stories kept in memory, to be shown while the database is away."""
KEPT_SIZE_MAX = 300
"""Facts and outputs of a story that is kept."""


class Story(NamedTuple):
    """An order's story, and of when it is the knowledge."""

    explanation: Explanation
    clock: StoreTime


class UnknownOrder(NamedTuple):
    """No message of this order was received, up to the clock's watermark; these records may concern it."""

    order_id: str
    clock: StoreTime
    in_quarantine: Sequence[QuarantineHit] = ()
    lane_elsewhere: int | None = None
    """The order's lane if another cell has it, whose console knows the order."""


async def unknown(histories: OrderHistories, order_id: str, clock: StoreTime) -> UnknownOrder:
    """Return what can be said of an order of which no message was received. Raises StoreUnavailableError."""
    lane = (await installation(histories.connection)).lane_elsewhere(order_id)
    return UnknownOrder(order_id, clock, await quarantined(histories.connection, order_id), lane)


class Found(NamedTuple):
    """The results of a search for an id."""

    hits: list[Hit]
    in_quarantine: list[QuarantineHit]
    clock: StoreTime
    installation: Installation
    has_archive: bool
    """Whether there are archived orders, to which not every id leads."""


class TooLargeError(Exception):
    """The order has more facts and outputs than a page can hold."""


class Stories:
    """Reads stories. The rules work in one thread of their own, so that a long order holds up no other page."""

    def __init__(self, readers: Readers) -> None:
        """Take the pool to read by."""
        self.readers = readers
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="console-rules")
        self._kept: OrderedDict[str, Story] = OrderedDict()
        self.last_clock: StoreTime | None = None
        """The database's clock and watermark at the last reading."""

    def close(self) -> None:
        """End the thread once it has finished what it is doing."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def of(self, order_id: str, at: datetime | None = None) -> Story | UnknownOrder:
        """Return an order's story, or what was known of it at an instant. Raises StoreError, TooLargeError."""
        if not is_searchable(order_id):
            return UnknownOrder(order_id, await self.clock())
        async with self.readers.histories() as histories:
            if await histories.size(order_id) > SIZE_MAX:
                raise TooLargeError
            history = await (histories.of(order_id) if at is None else histories.at(order_id, at))
            clock = self._note(await histories.clock())
            if history is None:
                return await unknown(histories, order_id, clock)
            if at is not None and not history.facts:
                return UnknownOrder(order_id, _then(clock, at))
            async with translated():
                book = await read_book(histories.connection)
        if at is not None:
            clock = _then(clock, at)
        story = await self._explained(history, book, clock)
        if at is None:
            self._keep(story)
        return story

    async def search(self, given: str) -> Found:
        """Return what an id leads to. Raises StoreError."""
        async with self.readers.histories() as histories:
            clock = self._note(await histories.clock())
            hits = await search(histories.connection, given)
            in_quarantine = await quarantined(histories.connection, given)
            archive, own = await has_archive(histories.connection), await installation(histories.connection)
        return Found(hits, in_quarantine, clock, own, archive)

    async def clock(self) -> StoreTime:
        """Return the database's clock and watermark. Raises StoreError."""
        async with self.readers.histories() as histories:
            return self._note(await histories.clock())

    async def compute(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what the rules make of it, worked out in their thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def known_last(self, order_id: str) -> Story | None:
        """Return the story of an order that was read last, if it is still at hand."""
        return self._kept.get(order_id)

    async def _explained(self, history: OrderHistory, book: TermsBook, clock: StoreTime) -> Story:
        return Story(await self.compute(explain, history, book, clock), clock)

    def _note(self, clock: StoreTime) -> StoreTime:
        self.last_clock = clock
        return clock

    def _keep(self, story: Story) -> None:
        if len(story.explanation.happened) + len(story.explanation.decided) > KEPT_SIZE_MAX:
            self._kept.pop(story.explanation.order_id, None)
            return
        self._kept[story.explanation.order_id] = story
        self._kept.move_to_end(story.explanation.order_id)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _then(clock: StoreTime, at: datetime) -> StoreTime:
    """Return the clock as it was at an instant. How far the input had been read then is not recorded: at most to it."""
    return StoreTime(at, None if clock.watermark is None else min(clock.watermark, at))


@asynccontextmanager
async def open_stories(url: str, connections: int, statement_seconds: int) -> AsyncIterator[Stories]:
    """Make the pool to read by. The database may be away."""
    async with Readers.open(url, connections, statement_seconds) as readers:
        stories = Stories(readers)
        try:
            yield stories
        finally:
            stories.close()
