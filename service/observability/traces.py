"""Traces: a span per batch and a span per published transaction. Off by default, and then free.

They follow OpenTelemetry's conventions for messaging. A batch has many producers, so it is a trace of its own with
links to those of its messages, not a child of one of them; so has a transaction. An output continues the trace of the
message that caused it (`traceparent` in its CloudEvent and in its record's header). Spans contain nothing of a
message's content. The extra `otlp` has the packages; OpenTelemetry's own variables name the collector
(`OTEL_EXPORTER_OTLP_ENDPOINT`) and the service (`OTEL_SERVICE_NAME`).
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from service.observability.otlp_resource import SCHEMA_URL, packages_missing, resource
from service.outbox.publish import traceparent_of
from service.runtime.version import own_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.orders.inbound_record import InboundRecord
    from service.outbox.reader import Row

LINKS = 128
"""OpenTelemetry's default limit of links per span."""

_NOTHING: AbstractContextManager[None] = nullcontext()


class Traces(Protocol):
    """A place for spans."""

    def batch(self, inbound_records: Sequence[InboundRecord]) -> AbstractContextManager[None]:
        """Open the span for storing a batch; note the class of an error."""

    def published(self, rows: Sequence[Row], seconds: float) -> None:
        """Add the span of a transaction that was just committed and took so long."""

    def close(self) -> None:
        """Send the remaining spans, within about a second."""


class NoTraces:
    """Traces are off."""

    def batch(self, _inbound_records: Sequence[InboundRecord]) -> AbstractContextManager[None]:
        """Do nothing."""
        return _NOTHING

    def published(self, _rows: Sequence[Row], _seconds: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class SpanTraces:
    """Spans of OpenTelemetry's SDK, sent by this provider."""

    def __init__(self, provider: Any, group: str) -> None:
        from opentelemetry import trace

        self._api = trace
        self._provider = provider
        self._tracer = provider.get_tracer("purchasing", own_version(), schema_url=SCHEMA_URL)
        self._group = group

    @contextmanager
    def batch(self, inbound_records: Sequence[InboundRecord]) -> Iterator[None]:
        """Open the span for storing a batch; note the class of an error."""
        name, attributes = _described("process", [one.topic for one in inbound_records])
        span = self._tracer.start_span(
            name,
            kind=self._api.SpanKind.CONSUMER,
            attributes={**attributes, "messaging.consumer.group.name": self._group},
            links=self._links(one.traceparent for one in inbound_records),
        )
        try:
            yield
        except BaseException as error:
            # Only its class, because its text may contain content.
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(self._api.Status(self._api.StatusCode.ERROR))
            raise
        finally:
            span.end()

    def published(self, rows: Sequence[Row], seconds: float) -> None:
        """Add the span of a transaction that was just committed and took so long."""
        now = time.time_ns()
        name, attributes = _described("send", [row.topic for row in rows])
        span = self._tracer.start_span(
            name,
            # The outputs' own contexts were there before: this span creates none.
            kind=self._api.SpanKind.CLIENT,
            attributes=attributes,
            links=self._links(traceparent_of(row) for row in rows),
            start_time=now - int(seconds * 1e9),
        )
        span.end(now)

    def close(self) -> None:
        """Send the remaining spans, within about a second."""
        self._provider.shutdown()

    def _links(self, traceparents: Iterable[str | None]) -> list[Any]:
        contexts = dict.fromkeys(filter(None, traceparents))
        found = []
        for text in list(contexts)[:LINKS]:
            trace, span, flags = (int(part, 16) for part in text.split("-")[1:4])
            context = self._api.SpanContext(trace, span, is_remote=True, trace_flags=self._api.TraceFlags(flags))
            found.append(self._api.Link(context))
        return found


def _described(operation: str, topics: Sequence[str]) -> tuple[str, dict[str, str | int]]:
    """Return the name and the attributes of a span over messages of these topics. Its destination is the topic, if all
    have the same one."""
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.batch.message_count": len(topics),
    }
    if len(set(topics)) != 1:
        return operation, attributes
    return f"{operation} {topics[0]}", {**attributes, "messaging.destination.name": topics[0]}


def traces(kind: str, group: str) -> Traces:
    """Return traces of this kind: `off`, or `otlp` over HTTP in the background. Raises OtlpError."""
    if kind == "off":
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise packages_missing("PURCHASING_TRACES") from None
    provider = TracerProvider(resource=resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    return SpanTraces(provider, group)
