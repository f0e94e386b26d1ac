"""What makes the service visible while it runs: its counters, its looks around, and the port that tells of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream.kafka.prometheus import KafkaPrometheusMiddleware

from service.inbox.consumer import EVENT_TOPICS
from service.kafka.connection import Connection
from service.observability.exporter import WorkerCollector
from service.observability.http import Pages, listening
from service.observability.instruments import Metrics
from service.observability.poller import Survey
from service.observability.traces import traces
from service.observability.worker_state import Worker
from service.runtime.settings import Settings
from service.runtime.shutdown import run_with_timeout

TRACES_SECONDS = 2.0


class Observed:
    """One worker seen from outside."""

    def __init__(self, settings: Settings, kafka: Connection) -> None:
        self.survey = Survey(kafka, settings.database(), settings.consumer_group, EVENT_TOPICS)
        self.worker = Worker(self.survey)
        self.metrics = Metrics()
        self.traces = traces(settings.traces, settings.consumer_group)
        self.port = 0
        """Where it is told: the port that was asked for, or the one that was free."""
        self.metrics.registry.register(WorkerCollector(self.worker, EVENT_TOPICS))
        self.middlewares: Sequence[Any] = (
            KafkaPrometheusMiddleware(registry=self.metrics.registry, app_name="purchasing"),
        )


@asynccontextmanager
async def observed_part(settings: Settings, kafka: Connection) -> AsyncIterator[Observed]:
    """The port, answering from the first moment on, whatever the service still waits for. Raises PortError."""
    observed = Observed(settings, kafka)
    async with listening(
        Pages(observed.worker, observed.metrics.registry), settings.http_host, settings.http_port
    ) as port:
        observed.port = port
        try:
            yield observed
        finally:
            await run_with_timeout(TRACES_SECONDS, asyncio.to_thread(observed.traces.close), "sending the last traces")
