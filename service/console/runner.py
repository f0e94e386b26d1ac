"""Runs confirmed proposals, item by item, in the background of the console's process.

What is to be done stands in the database, and so does what became of each item. A closed browser stops nothing; what a
console process left is taken up by it when it starts again, or by another one.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import structlog

from service.operations.acts.kinds import Act
from service.operations.acts.perform import NEED_ENGINE, ItemAct, Outcome, Tools, perform
from service.operations.quarantine.resolution import UNREPAIRED, Repair
from service.orders.operator_engine import operator_engine
from service.runtime.errors import catch_unexpected, describe
from service.store.connection import connected
from service.store.errors import StoreError
from service.store.operators.act_operations import (
    LEASE_SECONDS,
    claim,
    give_up,
    let_wait,
    next_item,
    note_begun,
    note_outcome,
    renew,
    unfinished,
)
from service.store.operators.operator_pool import OPERATOR
from service.store.operators.proposals import (
    Proposal,
    changed_orders,
    forget_repairs,
    proposal,
    repair_of,
    repairs_ended_since,
)
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from service.kafka.connection import Kafka
    from service.store.operators.act_operations import ItemRow
    from service.store.operators.operator_pool import OperatorPool
    from service.store.order_history import Readers

log = structlog.get_logger("service.console")

LOOK_SECONDS = 5.0
"""The pause between two looks for operations that nobody works on, and for repairs that nobody may confirm any more."""
RENEW_SECONDS = LEASE_SECONDS / 3
"""The pause between two renewals of an operation's lease, however long an item takes."""
AT_ONCE = 4
"""Operations that one console works on at a time."""
STOPS = frozenset({"refused", "changed", "failed"})
"""Outcomes with which an operation stops, until a person lets it go on."""

BEGUN_BEFORE = "it had begun before, so it may have been done then: see the record of actions"
"""The note on an item that is found changed or with nothing to do, after a console ended at it."""


class Work(NamedTuple):
    """One operation under way."""

    id: UUID
    proposal: Proposal
    given: dict[str, Any]
    repair: Repair
    tools: Tools

    @property
    def by(self) -> str:
        """Name of who did it for the record of actions: who asked, and who confirmed if that is somebody else."""
        asked, confirmed = self.proposal.requested, self.proposal.confirmed
        if confirmed is None or confirmed.subject == asked.subject:
            return str(asked)
        return f"{asked}, confirmed by {confirmed}"


class Runner:
    """Works on operations."""

    def __init__(
        self, url: str, readers: Readers, operators: OperatorPool, kafka: Kafka | None, tolerance: timedelta
    ) -> None:
        """`tolerance`: how far ahead of the database's clock a replayed message may be dated."""
        self._url = url
        self._readers = readers
        self._operators = operators
        self._kafka = kafka
        self._tolerance = tolerance
        self._name = uuid4()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._again: set[UUID] = set()
        """Operations that a person let go on while their task was about to end."""
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._look: asyncio.Task[None] | None = None
        self._forgotten: datetime | None = None
        """Until when the repairs whose proposals had ended were forgotten."""

    def open(self) -> None:
        """Begin to take up operations that nobody works on."""
        self._look = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        """Leave off after the item of each operation that is being handled: it may be handled again."""
        tasks = [*self._tasks.values(), *([] if self._look is None else [self._look])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, operation_id: UUID) -> None:
        """Work on an operation; once more after this, if this process works on it already."""
        if operation_id in self._tasks:
            self._again.add(operation_id)
            return
        task = asyncio.get_running_loop().create_task(self._run(operation_id))
        self._tasks[operation_id] = task
        task.add_done_callback(lambda ended: self._ended(operation_id, ended))

    def _ended(self, operation_id: UUID, task: asyncio.Task[None]) -> None:
        del self._tasks[operation_id]
        if operation_id in self._again:
            self._again.discard(operation_id)
            if not task.cancelled():
                self.start(operation_id)

    async def settle(self, operation_id: UUID, seconds: float) -> None:
        """Wait for an operation at most so long, so that the page that follows can say what became of it."""
        task = self._tasks.get(operation_id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)

    async def _look_for_ever(self) -> None:
        def report(error: Exception) -> None:
            # While the database is away, the pages say so.
            if not isinstance(error, StoreError):
                log.error(
                    "operations_look_failed",
                    message="The console could not look for operations that nobody works on.",
                    error=describe(error),
                    exc_info=error,
                )

        while True:
            with catch_unexpected(report):
                async with self._readers.histories() as histories:
                    for operation_id in await unfinished(histories.connection):
                        self.start(operation_id)
                    ended = await repairs_ended_since(histories.connection, self._forgotten)
                if ended is not None:
                    # Pages read with a role that can't: only for this the look takes a connection that acts.
                    async with self._operators.connection() as connection:
                        await forget_repairs(connection)
                    self._forgotten = ended
            await asyncio.sleep(LOOK_SECONDS)

    async def _run(self, operation_id: UUID) -> None:
        def report(error: Exception) -> None:
            log.error(
                "operation_fault",
                message="An operation of the console could not be worked on.",
                operation=str(operation_id),
                error=describe(error),
                exc_info=None if isinstance(error, StoreError) else error,
            )

        async with self._slots:
            with catch_unexpected(report):
                await self._work(operation_id)

    async def _work(self, operation_id: UUID) -> None:
        async with AsyncExitStack() as stack:
            timeline = Timeline()
            connection = await stack.enter_async_context(connected(self._url, timeline, role=OPERATOR))
            if not await claim(connection, operation_id, self._name):
                return
            stack.callback(asyncio.get_running_loop().create_task(self._keep(operation_id)).cancel)
            try:
                if await let_wait(connection, operation_id):
                    log.warning(
                        "operation_waits",
                        message="An operation was left more than an hour ago. It waits for a person to let it go on.",
                        operation=str(operation_id),
                    )
                    return
                proposed = await proposal(connection, operation_id)
                assert proposed is not None
                engine = None
                if proposed.act in NEED_ENGINE:
                    opened = operator_engine(self._url, timeline, self._tolerance, role=OPERATOR)
                    engine, _ = await stack.enter_async_context(opened)
                row = await repair_of(connection, operation_id) if proposed.act == Act.REPAIR else None
                repair = UNREPAIRED if row is None else Repair(*row)
                tools = Tools(connection, engine, self._kafka)
                work = Work(operation_id, proposed, json.loads(proposed.given), repair, tools)
                while (item := await next_item(connection, operation_id)) is not None:
                    if not await self._handle(work, item):
                        log.warning(
                            "operation_lost",
                            message="Another console took an operation on whose lease had ended. It goes on there.",
                            operation=str(operation_id),
                        )
                        return
            finally:
                # Over a connection of its own: a cancelled operation can be in the middle of a statement.
                with suppress(StoreError):
                    async with connected(self._url, role=OPERATOR) as free:
                        await give_up(free, operation_id, self._name)

    async def _keep(self, operation_id: UUID) -> None:
        """Renew the lease, until another process has the operation."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            # While the database is away, the lease may end. The next owner of the operation notes the outcomes.
            with suppress(StoreError):
                async with self._operators.connection() as connection:
                    if not await renew(connection, operation_id, self._name):
                        return

    async def _handle(self, work: Work, item: ItemRow) -> bool:
        """Handle one item, unless one of its orders changed; store what became of it. Return whether the operation is
        still this process's. Raises StoreError."""
        connection = work.tools.connection
        changed = await changed_orders(connection, work.id, item.order_ids)
        if changed:
            outcome = Outcome("changed", ", ".join(changed[:5]))
        elif await note_begun(connection, work.id, self._name, item.nth):
            outcome = await self._perform(work, item)
        else:
            return False
        if item.begun_at is not None and outcome.outcome in ("changed", "nothing"):
            outcome = outcome._replace(detail="; ".join(filter(None, [outcome.detail, BEGUN_BEFORE])))
        stop = outcome.outcome if outcome.outcome in STOPS else None
        if not await note_outcome(connection, work.id, self._name, item, outcome, stop):
            return False
        log.info(
            "operation_item",
            message="An item of an operation was handled.",
            operation=str(work.id),
            act=work.proposal.act,
            nth=item.nth,
            outcome=outcome.outcome,
        )
        return True

    async def _perform(self, work: Work, item: ItemRow) -> Outcome:
        """Do it. An unexpected error is the item's outcome; the store's errors are raised. Raises StoreError."""
        if work.proposal.act == Act.REPAIR and work.repair == UNREPAIRED:
            return Outcome("refused", "the value to replay was erased")
        found: list[Outcome] = []
        failed: list[Exception] = []
        act = ItemAct(work.proposal.act, item.subject, work.given, work.by, work.proposal.why, work.repair)
        with catch_unexpected(failed.append):
            found.append(await perform(act, work.tools))
        if not failed:
            return found[0]
        if isinstance(failed[0], StoreError):
            raise failed[0]
        log.error(
            "operation_item_failed",
            message="An item of an operation failed for a reason that the code does not handle.",
            operation=str(work.id),
            error=describe(failed[0]),
            exc_info=failed[0],
        )
        return Outcome("failed", describe(failed[0]))
