"""The telemetry of a worker: counters, poller, traces, and the port for health and metrics."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from faststream.kafka.prometheus import KafkaPrometheusMiddleware

from service.inbox.consumer import EVENT_TOPICS
from service.kafka.connection import Kafka
from service.observability.exporter import WorkerExporter
from service.observability.http import Pages, listening
from service.observability.instruments import Instruments
from service.observability.otlp_metrics import pushing
from service.observability.poller import Poller
from service.observability.traces import traces
from service.observability.worker_state import WorkerState
from service.outbox.reader import Row
from service.runtime.settings import Settings
from service.runtime.shutdown import Shutdown, run_with_timeout
from service.worker.process_report import reporting

TRACES_SECONDS = 2.0


class Telemetry:
    """The telemetry of one worker."""

    def __init__(self, settings: Settings, kafka: Kafka) -> None:
        self.poller = Poller(kafka, settings.database(), settings.consumer_group, EVENT_TOPICS)
        self.worker = WorkerState(self.poller)
        self.metrics = Instruments(settings.console_url)
        self.traces = traces(settings.traces, settings.consumer_group)
        self.port = 0
        """The port for health and metrics: the configured one, or the free one that was taken."""
        self.metrics.registry.register(WorkerExporter(self.worker, EVENT_TOPICS))
        self.middlewares: Sequence[Any] = (
            KafkaPrometheusMiddleware(registry=self.metrics.registry, app_name="purchasing"),
        )

    def published(self, rows: Sequence[Row], seconds: Mapping[str, float]) -> None:
        """Note a transaction of the relay: the outbox's Report."""
        self.metrics.relayed(seconds)
        self.traces.published(rows, seconds["publish"])


@asynccontextmanager
async def telemetry_component(
    settings: Settings, kafka: Kafka, shutdown: Shutdown, process: int | None
) -> AsyncIterator[Telemetry]:
    """Serve health and metrics from the start, even while the worker waits. Raises PortError and OtlpError.

    A process under a supervisor reports to the supervisor, which has the port and pushes the metrics of all.
    """
    telemetry = Telemetry(settings, kafka)
    pages = Pages(telemetry.worker, telemetry.metrics.registry)
    async with AsyncExitStack() as stack:
        if process is None:
            telemetry.port = await stack.enter_async_context(listening(pages, settings.http_host, settings.http_port))
            await stack.enter_async_context(pushing(telemetry.metrics.registry, settings.metrics))
        else:
            telemetry.port = settings.http_port
            await stack.enter_async_context(reporting(pages, telemetry.worker, shutdown))
        try:
            yield telemetry
        finally:
            await run_with_timeout(TRACES_SECONDS, asyncio.to_thread(telemetry.traces.close), "sending the last traces")
