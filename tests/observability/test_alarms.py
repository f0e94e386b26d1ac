"""A night's incidents for real: which alerts fire is what Prometheus makes of workers' metrics by the operators' rules,
and the first command of the alert's section in the runbook shows the cause.
"""

import asyncio
import json
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tests.delivery.outside import Sender, case_events, order_id, renamed
from tests.delivery.service import eventually
from tests.observability.alarms import PROMETHEUS, Alarms
from tests.observability.seen import ORDERS, Seen

FLOOD = 3_000
LITTLE_RUBBISH, RUBBISH = 40, 300
"""Too little for a circuit breaker, which wants a hundred records; and more than half of the last 500 records."""

if PROMETHEUS is None:

    def test_no_prometheus_looked_at_real_workers():
        warnings.warn(
            "no prometheus on the PATH: no alert was tried on real metrics (.ci/run brings one)", stacklevel=1
        )

else:

    async def test_servers_that_go_away_page_as_that_and_as_nothing_else(place):
        async with place.worker() as worker, Alarms(place.logs, [worker]) as alarms:
            await alarms.healthy()

            await place.postgres.stop()
            async with Sender(place.kafka.bootstrap_servers) as sender:
                await sender.send(case_events("01", order_id())[0])
            await alarms.until("ServerAway")
            await said(place, "doctor", "PostgreSQL can't be reached")
            await place.postgres.start()
            await alarms.until()

            await place.kafka.stop()
            await alarms.until("ServerAway")
            await said(place, "doctor", "Kafka can't be reached")
            await place.kafka.start()
            await alarms.until()
            await worker.says("/readyz", 200)

    async def test_a_frozen_worker_fires_late_money_and_rubbish_fires_the_breaker(place):
        async with (
            place.worker() as first,
            place.worker() as second,
            Sender(place.kafka.bootstrap_servers) as sender,
            Alarms(place.logs, [first, second]) as alarms,
        ):
            await alarms.healthy()
            placed = case_events("01", "ord-1001")[0]
            owner, other = await who_has_orders(first, second)
            flood = [(f"flood-{n}", renamed(placed, f"flood-{n}")) for n in range(FLOOD)]
            with frozen(owner):
                # All at once: it is the other worker's before long.
                sent = [await sender.producer.send(ORDERS, json.dumps(e).encode(), key.encode()) for key, e in flood]
                await asyncio.gather(*sent)
                await other.shows("purchasing_consumer_lag_messages", lambda lag: lag > 0, topic=ORDERS)
                await alarms.until("MoneyLate")
                await said(place, "lag", ORDERS)
                await other.shows("purchasing_consumer_lag_messages", 0)
            await alarms.until()
            await first.says("/readyz", 200)
            await second.says("/readyz", 200)

            await send_rubbish(sender, LITTLE_RUBBISH)
            await alarms.until("QuarantineGrowing")
            await said(place, "quarantine", "list", "not_json")

            await send_rubbish(sender, RUBBISH)
            await alarms.until("CircuitBreakerOpen")
            await said(place, "breaker", "list", ORDERS)

            async def quiet() -> bool:
                # A worker that took the topic over has counted nothing before: what is left may open it once more.
                await asyncio.to_thread(place.command, "breaker", "reset", ORDERS)
                return not await alarms.firing()

            await eventually(quiet, "nothing to fire once the breaker was reset")

    async def send_rubbish(sender: Sender, count: int) -> None:
        for n in range(count):
            await sender.send_raw(ORDERS, b"x", b"{rubbish %d" % n)

    @contextmanager
    def frozen(worker: Seen) -> Iterator[None]:
        worker.send(signal.SIGSTOP)
        try:
            yield
        finally:
            worker.send(signal.SIGCONT)

    async def said(place, *command_and_part: str) -> None:
        """Run a command; it shows the cause."""
        *command, part = command_and_part
        done = await asyncio.to_thread(place.command, *command)
        assert part in done.stdout, f"{done.stdout}\n{done.stderr}"

    async def who_has_orders(*workers: Seen) -> list[Seen]:
        """The worker that reads the orders' partition, then the other."""
        found: list[Seen] = []

        async def look() -> bool:
            found[:] = sorted(workers, key=lambda one: one is not owner) if (owner := await only(workers)) else []
            return bool(found)

        await eventually(look, "one of them to have the orders")
        return found

    async def only(workers: tuple[Seen, ...]) -> Seen | None:
        having = [one for one in workers if await has_orders(one)]
        return having[0] if len(having) == 1 else None

    async def has_orders(worker: Seen) -> bool:
        assigned = (await worker.metrics()).get("purchasing_consumer_assigned_partitions", {})
        return assigned.get((("topic", ORDERS),), 0) > 0
