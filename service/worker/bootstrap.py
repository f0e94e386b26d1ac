"""The service as a whole: the only place where the real parts are joined.

It starts from the outside in (the port for health and metrics, database, schema, topics, then relay and inbox) and ends
from the inside out. What may come back is waited for with a reason in the log: a database or a broker that is away.
What only a person can mend ends it with a sentence: an old schema, missing topics, a lost offset.
"""

import asyncio
import signal
from collections.abc import Sequence
from datetime import timedelta

from service.inbox.circuit_breaker import BreakerLimits, CircuitBreakers
from service.kafka import compat
from service.kafka.connection import Connection, connection_of
from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.runtime.errors import catch_unexpected
from service.runtime.retry import until_stored
from service.runtime.settings import Settings
from service.runtime.shutdown import SHUTDOWN_SECONDS, End, be_gone_within
from service.store.operators.breakers import BreakersInDatabase
from service.store.postgres import PostgresStore
from service.terms.source import TermsInDatabase
from service.worker import gc_tuning
from service.worker.batch_report import tell
from service.worker.components import inbox_part, relay_part, running, store_part
from service.worker.deadlines import watch_deadlines
from service.worker.retry_stuck import retry_stuck
from service.worker.startup import StartError, topics_ready
from service.worker.store_agreement import stores_agree
from service.worker.telemetry import Observed, observed_part

__all__ = ["StartError", "serve"]


async def serve(settings: Settings) -> End:
    """Run until SIGTERM or SIGINT, or until something goes wrong that waiting doesn't mend. Returns which.

    Raises SettingsError where a file that they name doesn't hold what it should.
    """
    kafka = connection_of(settings)
    end = End(asyncio.Event())
    loop = asyncio.get_running_loop()
    compat.install(loop)
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, end.ask, number.name)
    with catch_unexpected(end.because_of):
        async with (
            running(_be_gone_in_time(end), "end", end),
            observed_part(settings, kafka) as observed,
            running(observed.survey.run(end.asked), "survey", end),
        ):
            await _start(settings, kafka, observed, end)
    for number in signals:
        loop.remove_signal_handler(number)
    return end


async def _be_gone_in_time(end: End) -> None:
    """Wherever it is by then: a start that waits for a broker ends no sooner than the broker answers."""
    await end.asked.wait()
    be_gone_within(SHUTDOWN_SECONDS, end)


async def _start(settings: Settings, kafka: Connection, observed: Observed, end: End) -> None:
    url, waits = settings.database(), observed.worker.waits
    async with store_part(url, end, waits) as store:
        if (
            store is not None
            and await topics_ready(kafka, store.installation.lanes, end, waits)
            and await stores_agree(kafka, url, store, end, waits)
        ):
            await _work(settings, kafka, store, observed, end)


async def _work(settings: Settings, kafka: Connection, store: PostgresStore, observed: Observed, end: End) -> None:
    observed.worker.waits("its terms, its lanes and its consumer group")
    terms = await until_stored(lambda: TermsInDatabase.read(store), end.asked, "The terms are {}read")
    if terms is None:
        return
    engine = Engine(store, terms, future_tolerance=timedelta(seconds=settings.future_tolerance_seconds))
    observed.worker.cache = engine.cache
    limits = BreakerLimits(settings.breaker_share, settings.breaker_records, settings.breaker_at_least)
    breakers = CircuitBreakers(BreakersInDatabase(store), limits)
    observed.worker.breakers = breakers
    await until_stored(breakers.look, end.asked, "The circuit breakers are {}looked at")
    async with relay_part(settings, kafka, store, end) as relay:
        observed.worker.relay = relay

        async def handle(inbound_records: Sequence[InboundRecord]) -> None:
            with observed.traces.batch(inbound_records):
                handled = await engine.handle(inbound_records)
            breakers.count(inbound_records, handled)
            tell(inbound_records, handled, relay, observed.metrics)
            gc_tuning.batch_done()

        async def look_again(orders: Sequence[str]) -> None:
            tell((), await engine.look_again(orders), relay, observed.metrics)

        async def fire_due() -> BatchResult | None:
            handled = await until_stored(engine.fire_due, end.asked, "What is due is {}decided")
            if handled is not None:
                tell((), handled, relay, observed.metrics)
                observed.metrics.fired(handled)
            return handled

        async with (
            inbox_part(settings, kafka, handle, store, breakers, observed, end),
            running(breakers.run(end.asked), "circuit breakers", end),
            running(watch_deadlines(fire_due, end.asked), "deadlines", end),
            running(retry_stuck(store, look_again, end.asked), "stuck", end),
            running(gc_tuning.look_at_everything(end.asked), "collector", end),
        ):
            gc_tuning.settle()
            await end.asked.wait()
