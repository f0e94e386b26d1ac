"""One lane being published: a task that owns a producer and a position.

The order of its start is what makes it exact (design, "The way of a batch" 5): only when the group has given
the lane to us, initialise the producer, which ends whatever a predecessor still had open and shuts it out,
even a frozen one; then read the cursor, which nobody else can move any more; then hold it against the
database. After any error all of it begins again with a new producer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from service.kafka.clients import new_producer
from service.kafka.compat.client_shutdown import throw_away
from service.kafka.connection import Kafka
from service.outbox.consistency import LanePosition, check, refuse_break
from service.outbox.cursor import Cursor, CursorUnreadableError, read_tail
from service.outbox.errors import LaneStopped, RecordsRefusedError, is_fence, outcome
from service.outbox.publish import STEP_SECONDS, publish
from service.outbox.reader import ROWS_AT_ONCE, OutboxIdentity, OutboxReader, value_hash
from service.outbox.refund_limit import RefundLimit
from service.outbox.status import LaneStatus, State
from service.runtime.errors import describe
from service.runtime.failpoints import failpoint
from service.runtime.retry import Backoff, happens_within

POLL_SECONDS = 2.0
"""How soon a lane looks by itself, if every way of waking it fails."""
ASK_SECONDS = 1.0
NEW_PRODUCER = Backoff(first_seconds=0.3, longest_seconds=5.0)
REFUSED = Backoff(first_seconds=5.0, longest_seconds=60.0)
FINISH_SECONDS = 3.0
"""What a lane may still use to finish the transaction in hand when it is told to stop."""
CUT_SECONDS = 4.0
"""And then to be rid of its producer and its query; a database that is frozen would hold it for longer."""


class Lane:
    """The publisher of one lane, from `start` to `stop`. `still_ours(lane)` asks the group whether it is ours
    in the group's present generation; it may raise and may take seconds."""

    def __init__(
        self,
        lane: int,
        installation: OutboxIdentity,
        journal: OutboxReader,
        kafka: Kafka,
        still_ours: Callable[[int], Awaitable[bool]],
        refund_limit: RefundLimit,
    ) -> None:
        self.lane = lane
        # One each, or a flood of one lane's lines would hide what the others say once.
        self._log = structlog.get_logger(f"service.outbox.lane.{lane}")
        self._installation = installation
        self._journal = journal
        self._kafka = kafka
        self._still_ours = still_ours
        self._refund_limit = refund_limit
        self._work = asyncio.Event()
        self._assigned = asyncio.Event()
        self._assignments = self._begun_with = 0
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
        """Begin. The group has just given the lane to this process."""
        self._task = asyncio.create_task(self._live(), name=f"outbox lane {self.lane}")

    def wake(self) -> None:
        """There are new rows, perhaps."""
        self._work.set()

    def assigned_anew(self) -> None:
        """The group has just said again that the lane is ours: if it was given up or had stopped, it starts
        over."""
        self._assignments += 1
        self._assigned.set()

    async def stop(self) -> None:
        """End in bounded time: the transaction in hand is finished if Kafka answers, else left for the
        successor to abort."""
        self._stopping = True
        self._work.set()
        self._assigned.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=FINISH_SECONDS)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task], timeout=CUT_SECONDS)

    def status(self) -> LaneStatus:
        """Where the lane is now."""
        return LaneStatus(self.lane, self._state, self._position, self._reason, self._published, self._transactions)

    async def _live(self) -> None:
        try:
            while not self._stopping:
                self._begun_with = self._assignments
                error = await outcome(self._publish())
                await self._be_rid_of_producer()
                if error is not None and not self._stopping:
                    await self._until_ours(self._take(error))
        finally:
            await self._be_rid_of_producer()

    async def _publish(self) -> None:
        """All of it, from initialisation on, until told to stop. Raises whatever goes wrong."""
        self._state = "starting"
        standing = await self._begin()
        position, anchor = standing.position, standing.anchor
        self._position = position
        if standing.noted < position:
            # A predecessor committed this and ended before it could tell the database.
            await self._journal.note(self.lane, standing.noted, position)
        self._reason = None
        self._log.info(
            "lane_publishing",
            message="The lane publishes, beginning after this position.",
            lane=self.lane,
            position=position,
        )
        try:
            await self._go_on_publishing(position, anchor)
            await self._noted()
        finally:
            self._drop_note()

    async def _go_on_publishing(self, position: int, anchor: str | None) -> None:
        """Transaction after transaction behind a position whose value has this hash, until told to stop."""
        while not self._stopping:
            self._work.clear()
            limit = 1 if position < self._one_by_one_until else ROWS_AT_ONCE
            following = await self._journal.following(self.lane, position, limit)
            refuse_break(self.lane, position, anchor, following)
            rows = following.rows
            if not rows or not await self._refund_limit.admits(self.lane, rows):
                await self._noted()
                self._failures = 0
                await self._rest()
                continue
            self._go_on(position)
            await failpoint("relay.before_publish")
            last = rows[-1]
            cursor = Cursor(self._installation.outbox_id, self.lane, last.position, value_hash(last.value))
            await publish(self._producer, rows, cursor)
            known, position, anchor = position, cursor.position, cursor.sha256
            self._position = position
            self._published += len(rows)
            self._transactions += 1
            self._failures = 0
            await self._noted()
            timed = any(row.timed for row in rows)
            self._noting = asyncio.create_task(self._journal.note(self.lane, known, position, timed=timed))

    async def _noted(self) -> None:
        """Wait until the database knows of the transaction before; raises what noting it ended with.

        One note at a time, beside the next transaction: nobody waits for it, it may only never be ahead of Kafka.
        """
        if self._noting is not None:
            await self._noting
            self._noting = None

    def _drop_note(self) -> None:
        """What was not noted when something went wrong is noted at the lane's next start, here or elsewhere."""
        noting, self._noting = self._noting, None
        if noting is not None:
            noting.cancel()
            noting.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _go_on(self, position: int) -> None:
        if self._state == "paused":
            self._log.warning(
                "lane_resumed",
                message="The pause has ended; the lane publishes again after this position.",
                lane=self.lane,
                position=position,
            )
        self._state, self._reason = "publishing", None

    async def _rest(self) -> None:
        """Wait for new rows, or for the pause to end, whichever it is that keeps the lane from publishing."""
        pause = await self._refund_limit.pause_on(self.lane)
        if pause is None:
            self._state, self._reason = "waiting", None
        else:
            self._say("paused", str(pause))
        await happens_within(self._work, POLL_SECONDS)

    async def _begin(self) -> LanePosition:
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

    async def _be_rid_of_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await throw_away(producer)

    def _take(self, error: Exception) -> float | None:
        """Take note of an error; how many seconds to wait before asking the group again, None: until it
        assigns anew."""
        self._failures += 1
        match error:
            case LaneStopped():
                self._say("stopped", str(error))
                return None
            case RecordsRefusedError(alone=False):
                # Which one it is, and whether it is one alone, shows when each has a transaction of its own.
                self._one_by_one_until = error.until
                self._say("starting over", f"Kafka refuses a record from {error} on: one by one")
                return 0.0
            case RecordsRefusedError():
                self._say("stopped", f"Kafka refuses the output of lane {self.lane} at {error}")
                return REFUSED.pause(self._failures)
            case _ if is_fence(error):
                self._say("given up", "another process has taken the lane, or a transaction took too long")
                return NEW_PRODUCER.pause(self._failures)
            case _:
                self._say("starting over", describe(error))
                return NEW_PRODUCER.pause(self._failures)

    def _say(self, state: State, reason: str) -> None:
        # An outage repeats its error with every attempt: once is enough for a person.
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

    async def _until_ours(self, pause: float | None) -> None:
        """Wait until the group has said once more that the lane is ours.

        Never initialised without its word: a process that has lost the lane without knowing would shut its
        successor out, and the two would do so in turn. The word is either a new assignment or the group's
        answer to a question, because after an outage, or a transaction that took too long, nothing needs to
        be assigned anew.
        """
        if pause is None and self._assignments > self._begun_with:
            # What stopped it was looked at before the lane was assigned anew: look again.
            return
        self._assigned.clear()
        await happens_within(self._assigned, pause)
        while not self._assigned.is_set() and not await self._confirmed():
            await happens_within(self._assigned, ASK_SECONDS)

    async def _confirmed(self) -> bool:
        answers: list[bool] = []

        async def ask() -> None:
            answers.append(await self._still_ours(self.lane))

        error = await outcome(ask())
        if error is not None:
            self._log.debug(
                "lane_owner_unknown",
                message="Asking the relay's group who owns the lane failed.",
                lane=self.lane,
                because=describe(error),
            )
        return bool(answers and answers[0])
