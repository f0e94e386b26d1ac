"""The publisher of one lane: a task with a producer and a position.

The order of its start makes it exact (design, "The way of a batch" 5). Wait until the group assigns the lane to this
process. Initialise the producer, which ends a predecessor's open transaction and fences the predecessor, even a frozen
one. Read the cursor, which no other process can move any more. Compare it with the database. After any error, all of
this begins again with a new producer.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import structlog

from service.kafka.clients import new_producer
from service.kafka.compat.client_shutdown import throw_away
from service.kafka.connection import Kafka
from service.outbox.consistency import LanePosition, check, refuse_break
from service.outbox.cursor import Cursor, CursorUnreadableError, read_tail
from service.outbox.errors import LaneStopped, RecordsRefusedError, is_fence, outcome
from service.outbox.publish import STEP_SECONDS, publish
from service.outbox.reader import ROWS_AT_ONCE, OutboxIdentity, OutboxReader, Row, value_hash
from service.outbox.refund_limit import RefundLimit
from service.outbox.status import LaneStatus, State
from service.runtime.errors import describe
from service.runtime.failpoints import failpoint
from service.runtime.retry import Backoff, happens_within

POLL_SECONDS = 2.0
"""Longest delay of new rows if every notification is lost."""
GROUP_POLL_SECONDS = 1.0
NEW_PRODUCER = Backoff(first_seconds=0.3, longest_seconds=5.0)
REFUSED = Backoff(first_seconds=5.0, longest_seconds=60.0)
FINISH_SECONDS = 3.0
"""Time to finish the current transaction when the lane is asked to stop."""
CUT_SECONDS = 4.0
"""Further time to close the producer and end the query, because a frozen database would hold the lane for longer."""

Report: TypeAlias = Callable[[Sequence[Row], Mapping[str, float]], None]
"""Called with the rows of a committed transaction and its seconds: to `read` its rows, and to `publish` them."""


class Lane:
    """The publisher of one lane, from `start` to `stop`.

    `still_ours(lane)` asks the group whether this process owns the lane in the group's current generation. It may
    raise, and may take seconds. `report` is called after each transaction.
    """

    def __init__(
        self,
        lane: int,
        installation: OutboxIdentity,
        journal: OutboxReader,
        kafka: Kafka,
        still_ours: Callable[[int], Awaitable[bool]],
        refund_limit: RefundLimit,
        report: Report = lambda *_: None,
    ) -> None:
        self.lane = lane
        # One logger per lane, because a flood of one lane's lines would hide the other lanes' lines.
        self._log = structlog.get_logger(f"service.outbox.lane.{lane}")
        self._installation = installation
        self._journal = journal
        self._kafka = kafka
        self._still_ours = still_ours
        self._refund_limit = refund_limit
        self._report = report
        self._work = asyncio.Event()
        self._assigned = asyncio.Event()
        self._assignments = self._assignments_at_start = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._producer: Any = None
        self._noting: asyncio.Task[None] | None = None
        self._state: State = "starting"
        self._reason: str | None = None
        self._position: int | None = None
        self._one_by_one_until = 0
        self._failures = 0
        self._published = 0
        self._transactions = 0

    def start(self) -> None:
        """Start publishing. The group has just assigned the lane to this process."""
        self._task = asyncio.create_task(self._run(), name=f"outbox lane {self.lane}")

    def wake(self) -> None:
        """Look for new rows now."""
        self._work.set()

    def assigned_anew(self) -> None:
        """Note that the group has assigned the lane again. A lane that was given up or stopped starts over."""
        self._assignments += 1
        self._assigned.set()

    async def stop(self) -> None:
        """Stop in bounded time. Finish the current transaction if Kafka answers; otherwise the successor aborts it."""
        self._stopping = True
        self._work.set()
        self._assigned.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=FINISH_SECONDS)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task], timeout=CUT_SECONDS)

    def status(self) -> LaneStatus:
        """Return the lane's status."""
        return LaneStatus(self.lane, self._state, self._position, self._reason, self._published, self._transactions)

    async def _run(self) -> None:
        try:
            while not self._stopping:
                self._assignments_at_start = self._assignments
                error = await outcome(self._publish())
                await self._close_producer()
                if error is not None and not self._stopping:
                    await self._wait_for_ownership(self._handle_error(error))
        finally:
            await self._close_producer()

    async def _publish(self) -> None:
        """Initialise and publish until asked to stop. Raises any error."""
        self._state = "starting"
        start = await self._initialise()
        position, anchor = start.position, start.anchor
        self._position = position
        if start.noted < position:
            # A predecessor committed these outputs and ended before it noted them in the database.
            await self._journal.note(self.lane, start.noted, position)
        self._reason = None
        self._log.info(
            "lane_publishing",
            message="The lane publishes, beginning after this position.",
            lane=self.lane,
            position=position,
        )
        try:
            await self._publish_after(position, anchor)
            await self._finish_note()
        finally:
            self._drop_note()

    async def _publish_after(self, position: int, anchor: str | None) -> None:
        """Publish transactions after `position`, whose value has the hash `anchor`, until asked to stop."""
        while not self._stopping:
            self._work.clear()
            limit = 1 if position < self._one_by_one_until else ROWS_AT_ONCE
            begun = time.perf_counter()
            following = await self._journal.following(self.lane, position, limit)
            read = time.perf_counter()
            refuse_break(self.lane, position, anchor, following)
            rows = following.rows
            if not rows or not await self._refund_limit.admits(self.lane, rows):
                await self._finish_note()
                self._failures = 0
                await self._wait_for_rows()
                continue
            self._mark_publishing(position)
            await failpoint("relay.before_publish")
            last = rows[-1]
            cursor = Cursor(self._installation.outbox_id, self.lane, last.position, value_hash(last.value))
            begun_to_publish = time.perf_counter()
            await publish(self._producer, rows, cursor)
            self._report(rows, {"read": read - begun, "publish": time.perf_counter() - begun_to_publish})
            known, position, anchor = position, cursor.position, cursor.sha256
            self._position = position
            self._published += len(rows)
            self._transactions += 1
            self._failures = 0
            await self._finish_note()
            timed = any(row.timed for row in rows)
            self._noting = asyncio.create_task(self._journal.note(self.lane, known, position, timed=timed))
            if following.complete:
                # Whatever was committed after the rows were read has woken the lane: don't look for nothing.
                self._state = "waiting"
                await happens_within(self._work, POLL_SECONDS)

    async def _finish_note(self) -> None:
        """Wait until the previous transaction is noted in the database; raise the error of noting it.

        One note runs at a time, beside the next transaction. It may lag behind Kafka, but must never be ahead of it.
        """
        if self._noting is not None:
            await self._noting
            self._noting = None

    def _drop_note(self) -> None:
        """Cancel the pending note after an error. The lane's next start, here or in another process, notes what is
        missing."""
        noting, self._noting = self._noting, None
        if noting is not None:
            noting.cancel()
            noting.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _mark_publishing(self, position: int) -> None:
        if self._state == "paused":
            self._log.warning(
                "lane_resumed",
                message="The pause has ended; the lane publishes again after this position.",
                lane=self.lane,
                position=position,
            )
        self._state, self._reason = "publishing", None

    async def _wait_for_rows(self) -> None:
        """Wait for new rows, or for the end of the pause."""
        pause = await self._refund_limit.pause_on(self.lane)
        if pause is None:
            self._state, self._reason = "waiting", None
        else:
            self._set_state("paused", str(pause))
        await happens_within(self._work, POLL_SECONDS)

    async def _initialise(self) -> LanePosition:
        await failpoint("relay.before_init")
        self._producer = new_producer(self._kafka, f"{self._installation.outbox_id}.{self.lane}")
        async with asyncio.timeout(STEP_SECONDS):
            await self._producer.start()
        await failpoint("relay.before_cursor")
        noted = await self._journal.noted(self.lane)
        try:
            async with asyncio.timeout(STEP_SECONDS):
                tail = await read_tail(self._kafka, self.lane)
        except CursorUnreadableError as error:
            raise LaneStopped(f"lane {self.lane} can't be read: {error}") from None
        await failpoint("relay.before_check")
        return await check(self._journal, self._installation.outbox_id, self.lane, noted, tail)

    async def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await throw_away(producer)

    def _handle_error(self, error: Exception) -> float | None:
        """Handle an error. Return the seconds until the group is asked again; None: wait until the group assigns the
        lane again."""
        self._failures += 1
        match error:
            case LaneStopped():
                self._set_state("stopped", str(error))
                return None
            case RecordsRefusedError(alone=False):
                # Transactions of one record each show which record is refused, and whether Kafka refuses it alone.
                self._one_by_one_until = error.until
                self._set_state("starting over", f"Kafka refuses a record, from {error} on; sending one by one")
                return 0.0
            case RecordsRefusedError():
                self._set_state("stopped", f"Kafka refuses the output of lane {self.lane} at {error}")
                return REFUSED.pause(self._failures)
            case _ if is_fence(error):
                self._set_state("given up", "another process has taken the lane, or a transaction took too long")
                return NEW_PRODUCER.pause(self._failures)
            case _:
                self._set_state("starting over", describe(error))
                return NEW_PRODUCER.pause(self._failures)

    def _set_state(self, state: State, reason: str) -> None:
        # During an outage each attempt has the same error: log it once for people.
        level = logging.ERROR if state == "stopped" else logging.WARNING
        self._log.log(
            logging.DEBUG if self._reason == reason else level,
            "lane_not_publishing",
            message="The lane does not publish.",
            lane=self.lane,
            state=state,
            reason=reason,
        )
        self._state, self._reason = state, reason

    async def _wait_for_ownership(self, pause: float | None) -> None:
        """Wait until the group has confirmed again that this process owns the lane.

        Without that, a process that lost the lane without knowing would fence its successor, and the two would fence
        each other in turn. The confirmation is a new assignment or the group's answer to a question: after an outage,
        or after a transaction that took too long, the group may have no reason for a new assignment.
        """
        if pause is None and self._assignments > self._assignments_at_start:
            # The group assigned the lane again after this attempt began, so try again at once.
            return
        self._assigned.clear()
        await happens_within(self._assigned, pause)
        while not self._assigned.is_set() and not await self._check_ownership():
            await happens_within(self._assigned, GROUP_POLL_SECONDS)

    async def _check_ownership(self) -> bool:
        answers: list[bool] = []

        async def check() -> None:
            answers.append(await self._still_ours(self.lane))

        error = await outcome(check())
        if error is not None:
            self._log.debug(
                "lane_owner_unknown",
                message="Asking the relay's group who owns the lane failed.",
                lane=self.lane,
                because=describe(error),
            )
        return bool(answers and answers[0])
