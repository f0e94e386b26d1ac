"""The relay: publishes outputs from the journal to Kafka. The interface of this package for the rest of the service."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from service.kafka.connection import Kafka
from service.outbox.errors import outcome
from service.outbox.lane import CUT_SECONDS, Lane, Report
from service.outbox.membership import SESSION_MS, Membership
from service.outbox.reader import OutboxIdentity, OutboxReader
from service.outbox.refund_limit import NO_LIMITS, RefundLimit
from service.outbox.status import RelayStatus
from service.runtime.errors import describe
from service.runtime.retry import Backoff, attempts

if TYPE_CHECKING:
    import asyncpg

log = structlog.get_logger("service.outbox")

CHANNEL = "purchasing_outbox"
"""PostgreSQL's channel on which a batch notifies which lanes have new rows; the payload is their numbers."""

DATABASE_AGAIN = Backoff(first_seconds=1.0, longest_seconds=1.0)


class Relay:
    """Publishes the lanes that the group assigns to this process, each output once and each lane in order.

    `pool` needs one connection to listen, and one per lane that publishes at the same time. `kafka`: connection
    arguments of aiokafka's clients (`bootstrap_servers`, TLS, SASL). `session_ms`: after this time without a heartbeat
    the group gives a process's lanes to other processes. `refund_limits`: most refunds per minute before all lanes are
    paused, in minor units per currency. `report` is called after each transaction of a lane.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[Any]",
        kafka: Kafka,
        *,
        session_ms: int = SESSION_MS,
        refund_limits: Mapping[str, int] = NO_LIMITS,
        report: Report = lambda *_: None,
    ) -> None:
        self._report = report
        self._session_ms = session_ms
        self._refund_limit = RefundLimit(pool, refund_limits)
        self._pool = pool
        self._journal = OutboxReader(pool)
        self._kafka = kafka
        self._installation: OutboxIdentity | None = None
        self._membership: Membership | None = None
        self._lanes: dict[int, Lane] = {}
        self._leaving: list[Lane] = []
        self._assigned: frozenset[int] = frozenset()
        self._changed = asyncio.Event()
        self._problem: str | None = None

    async def run(self) -> None:
        """Publish until cancelled; then finish the current transactions, leave the group, and raise CancelledError.

        The end takes about ten seconds at most, even without Kafka or PostgreSQL.
        """
        installation = self._installation = await self._find_installation()
        membership = self._membership = Membership(
            self._kafka,
            f"{installation.outbox_id}.relay",
            installation.lanes,
            self._set_lanes,
            self._session_ms,
            own=installation.own,
        )
        member = asyncio.create_task(membership.run(), name="outbox group")
        others = [
            asyncio.create_task(self._run_lanes(installation, membership), name="outbox lanes"),
            asyncio.create_task(self._listen(), name="outbox listener"),
        ]
        try:
            ended, _ = await asyncio.wait([member, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            # Stop the lanes first, so that their next owner finds no open transactions.
            await _cancel(others)
            await asyncio.gather(*(lane.stop() for lane in (*self._lanes.values(), *self._leaving)))
            self._lanes.clear()
            await _cancel([member])

    def wake(self, lanes: Iterable[int]) -> None:
        """Tell these lanes that they have new rows, after a batch's commit in this process. Ignores lanes of other
        processes."""
        for number in lanes:
            lane = self._lanes.get(number)
            if lane is not None:
                lane.wake()

    def status(self) -> RelayStatus:
        """Return the relay's status in this process."""
        membership = self._membership
        return RelayStatus(
            outbox_id=self._installation.outbox_id if self._installation else None,
            joined=membership is not None and membership.joined,
            problem=self._problem or (membership.problem if membership else None),
            lanes=tuple(self._lanes[number].status() for number in sorted(self._lanes)),
            assignments=0 if membership is None else membership.assignments,
        )

    async def _find_installation(self) -> OutboxIdentity:
        found: list[OutboxIdentity | None] = []

        async def look() -> None:
            found[:] = [await self._journal.installation()]

        async for _ in attempts(None, DATABASE_AGAIN):
            error = await outcome(look())
            if found and found[0] is not None:
                self._problem = None
                return found[0]
            problem = describe(error) if error else "the database has no outbox id: it was not migrated to the end"
            if problem != self._problem:
                log.warning("relay_waiting", message="The relay waits for the database.", because=problem)
            self._problem = problem
        raise AssertionError("without an event attempts never end")

    def _set_lanes(self, lanes: frozenset[int]) -> None:
        self._assigned = lanes
        self._changed.set()

    async def _run_lanes(self, installation: OutboxIdentity, membership: Membership) -> None:
        """Run exactly the lanes of the last assignment."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._leaving = [self._lanes.pop(number) for number in set(self._lanes) - self._assigned]
            for number in sorted(self._assigned):
                if number in self._lanes:
                    self._lanes[number].assigned_anew()
                else:
                    lane = Lane(
                        number,
                        installation,
                        self._journal,
                        self._kafka,
                        membership.still_ours,
                        self._refund_limit,
                        self._report,
                    )
                    self._lanes[number] = lane
                    lane.start()
            await asyncio.gather(*(lane.stop() for lane in self._leaving))

    async def _listen(self) -> None:
        async for _ in attempts(None, DATABASE_AGAIN):
            error = await outcome(self._listen_once())
            log.debug(
                "relay_listening_again",
                message="The relay's listening connection ended; opening another.",
                because=describe(error) if error else "the connection ended",
            )

    async def _listen_once(self) -> None:
        async with self._pool.acquire() as connection:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._notified)
            try:
                # Catch up on notifications that were sent while nobody listened.
                self.wake(list(self._lanes))
                await lost.wait()
            finally:
                # Removing the listener instead would wait for an answer of the server, which may be away.
                connection.terminate()

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.wake([int(number) for number in re.findall(r"[0-9]{1,6}", str(payload))])


async def _cancel(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CUT_SECONDS)
