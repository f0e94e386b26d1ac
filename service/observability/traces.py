"""Traces: one span per batch, linked to the traces of its messages. Off by default, and then free.

It follows OpenTelemetry's conventions for messaging. A batch has many producers, so it is a trace of its own with
links, not a child of one of them. An output continues the trace of the message that caused it (`traceparent` in its
CloudEvent and in its record's header). Spans contain nothing of a message's content. The extra `traces` has the
packages; OpenTelemetry's own variables name the collector (`OTEL_EXPORTER_OTLP_ENDPOINT`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.orders.inbound_record import InboundRecord

LINKS = 128
"""OpenTelemetry's default limit of links per span."""

_NOTHING: AbstractContextManager[None] = nullcontext()


class TracesError(Exception):
    """Traces are on and can't be sent. The text says what to do."""


class Traces(Protocol):
    """A place for spans."""

    def batch(self, inbound_records: Sequence[InboundRecord]) -> AbstractContextManager[None]:
        """Open the span for storing a batch; note the class of an error."""

    def close(self) -> None:
        """Send the remaining spans, within about a second."""


class NoTraces:
    """Traces are off."""

    def batch(self, _inbound_records: Sequence[InboundRecord]) -> AbstractContextManager[None]:
        """Do nothing."""
        return _NOTHING

    def close(self) -> None:
        """Do nothing."""


class SpanTraces:
    """Spans of OpenTelemetry's SDK, sent by this provider."""

    def __init__(self, provider: Any, group: str) -> None:
        from opentelemetry import trace

        self._api = trace
        self._provider = provider
        self._tracer = provider.get_tracer("purchasing")
        self._group = group

    @contextmanager
    def batch(self, inbound_records: Sequence[InboundRecord]) -> Iterator[None]:
        """Open the span for storing a batch; note the class of an error."""
        topics = {inbound_record.topic for inbound_record in inbound_records}
        where = f" {next(iter(topics))}" if len(topics) == 1 else ""
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.consumer.group.name": self._group,
            "messaging.batch.message_count": len(inbound_records),
        }
        if where:
            attributes["messaging.destination.name"] = where.strip()
        span = self._tracer.start_span(
            f"process{where}",
            kind=self._api.SpanKind.CONSUMER,
            attributes=attributes,
            links=self._links(inbound_records),
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

    def close(self) -> None:
        """Send the remaining spans, within about a second."""
        self._provider.shutdown()

    def _links(self, inbound_records: Sequence[InboundRecord]) -> list[Any]:
        contexts = dict.fromkeys(filter(None, (inbound_record.traceparent for inbound_record in inbound_records)))
        found = []
        for text in list(contexts)[:LINKS]:
            trace, span, flags = (int(part, 16) for part in text.split("-")[1:4])
            context = self._api.SpanContext(trace, span, is_remote=True, trace_flags=self._api.TraceFlags(flags))
            found.append(self._api.Link(context))
        return found


def traces(kind: str, group: str) -> Traces:
    """Return traces of this kind: `off`, or `otlp` over HTTP in the background. Raises TracesError."""
    if kind == "off":
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        sentence = "PURCHASING_TRACES=otlp needs the extra `traces`: install purchasing-service[traces]."
        raise TracesError(sentence) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "purchasing"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    return SpanTraces(provider, group)
