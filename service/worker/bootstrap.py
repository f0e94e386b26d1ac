"""The composition root: the only place that joins the real components.

It starts from the outside in (the port for health and metrics, database, schema, topics, then relay and inbox) and
stops from the inside out. It waits for a database or a broker that is away, and logs why. It ends with a sentence if
only a person can help: an old schema, missing topics, a lost offset.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from service.inbox.circuit_breaker import BreakerLimits, CircuitBreakers
from service.kafka import compat
from service.kafka.connection import Kafka, connection_of
from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.runtime.errors import catch_unexpected
from service.runtime.retry import until_stored
from service.runtime.settings import Settings
from service.runtime.shutdown import SHUTDOWN_SECONDS, Shutdown, force_exit_after, requested_by_signals
from service.store.operators.breakers import BreakersInDatabase
from service.store.postgres import PostgresStore
from service.terms.source import TermsInDatabase
from service.worker import gc_tuning
from service.worker.background import running
from service.worker.batch_report import report_batch
from service.worker.components import inbox_component, relay_component, store_component
from service.worker.deadlines import watch_deadlines
from service.worker.retry_stuck import retry_stuck
from service.worker.startup import StartError, refuse_foreign_group, topics_ready
from service.worker.store_agreement import stores_agree
from service.worker.telemetry import Telemetry, telemetry_component

__all__ = ["StartError", "serve"]


async def serve(settings: Settings, process: int | None = None) -> Shutdown:
    """Run until SIGTERM or SIGINT, or until an error for which waiting does not help. Returns the reason.

    `process` is its number under a supervisor; it ends with its supervisor. Raises SettingsError if a file named in the
    settings has the wrong content.
    """
    shutdown = Shutdown(asyncio.Event())
    compat.install(asyncio.get_running_loop())
    kafka = connection_of(settings)
    if process is not None:
        # People tell the members of a group apart by it.
        kafka["client_id"] = f"purchasing-{process}"
    with requested_by_signals(shutdown), catch_unexpected(shutdown.because_of):
        async with (
            running(_force_exit_in_time(shutdown), "shutdown", shutdown),
            telemetry_component(settings, kafka, shutdown, process) as telemetry,
            running(telemetry.poller.run(shutdown.requested), "survey", shutdown),
        ):
            await _start(settings, kafka, telemetry, shutdown)
    return shutdown


async def _force_exit_in_time(shutdown: Shutdown) -> None:
    """Bound the shutdown, because a start that waits for a broker ends only when the broker answers."""
    await shutdown.requested.wait()
    force_exit_after(SHUTDOWN_SECONDS, shutdown)


async def _start(settings: Settings, kafka: Kafka, telemetry: Telemetry, shutdown: Shutdown) -> None:
    url, waits = settings.database(), telemetry.worker.waits
    async with store_component(url, shutdown, waits) as store:
        if store is not None:
            refuse_foreign_group(settings.consumer_group, store)
        if (
            store is not None
            and await topics_ready(kafka, store.installation.lanes, settings.topic_replicas, shutdown, waits)
            and await stores_agree(kafka, url, store, shutdown, waits)
        ):
            await _work(settings, kafka, store, telemetry, shutdown)


async def _work(
    settings: Settings, kafka: Kafka, store: PostgresStore, telemetry: Telemetry, shutdown: Shutdown
) -> None:
    telemetry.worker.waits("its terms, its lanes and its consumer group")
    terms = await until_stored(lambda: TermsInDatabase.read(store), shutdown.requested, "read the terms")
    if terms is None:
        return
    engine = Engine(store, terms, future_tolerance=timedelta(seconds=settings.future_tolerance_seconds))
    telemetry.worker.cache = engine.cache
    limits = BreakerLimits(settings.breaker_share, settings.breaker_records, settings.breaker_at_least)
    breakers = CircuitBreakers(BreakersInDatabase(store), limits)
    telemetry.worker.breakers = breakers
    await until_stored(breakers.look, shutdown.requested, "read the circuit breakers")
    async with relay_component(settings, kafka, store, shutdown, telemetry.published) as relay:
        telemetry.worker.relay = relay

        async def handle(inbound_records: Sequence[InboundRecord]) -> None:
            with telemetry.traces.batch(inbound_records):
                handled = await engine.handle(inbound_records)
            breakers.count(inbound_records, handled)
            report_batch(inbound_records, handled, relay, telemetry.metrics)
            gc_tuning.batch_done()

        async def look_again(orders: Sequence[str]) -> None:
            report_batch((), await engine.look_again(orders), relay, telemetry.metrics)

        async def fire_due() -> BatchResult | None:
            handled = await until_stored(engine.fire_due, shutdown.requested, "decide what is due")
            if handled is not None:
                report_batch((), handled, relay, telemetry.metrics)
                telemetry.metrics.fired(handled)
            return handled

        async with (
            inbox_component(settings, kafka, handle, store, breakers, telemetry, shutdown),
            running(breakers.run(shutdown.requested), "circuit breakers", shutdown),
            running(watch_deadlines(fire_due, shutdown.requested), "deadlines", shutdown),
            running(retry_stuck(store, look_again, shutdown.requested), "stuck", shutdown),
            running(gc_tuning.look_at_everything(shutdown.requested), "collector", shutdown),
        ):
            gc_tuning.settle()
            await shutdown.requested.wait()
