"""Report a handled batch to the relay, the metrics and the log."""

import logging
from collections.abc import Sequence

import structlog
from purchasing_contracts.envelope import Event

from service.observability.instruments import Instruments
from service.orders.batch_result import BatchResult
from service.orders.inbound_record import InboundRecord
from service.outbox.relay import Relay

log = structlog.get_logger("service")


def report_batch(
    inbound_records: Sequence[InboundRecord], handled: BatchResult, relay: Relay, metrics: Instruments
) -> None:
    """Wake the relay, count, and log quarantined records and stuck orders, without content."""
    relay.wake(handled.lanes)
    metrics.handled(inbound_records, handled)
    if logging.getLogger("service").isEnabledFor(logging.DEBUG):
        for inbound_record in inbound_records:
            log.debug("record_handled", message="A record was handled.", **where(inbound_record))
    for inbound_record, refusal in handled.quarantined:
        log.warning(
            "record_quarantined",
            message="A record breaks the contract and was quarantined.",
            **where(inbound_record),
            reason=refusal.reason,
            place=refusal.place,
            because=refusal.because,
        )
    if handled.stuck:
        _log_stuck(inbound_records, handled)


def _log_stuck(inbound_records: Sequence[InboundRecord], handled: BatchResult) -> None:
    traces = {one.decoded.subject: one.traceparent for one in inbound_records if isinstance(one.decoded, Event)}
    for stuck in handled.stuck:
        log.error(
            "order_stuck",
            message="The rules failed on an order. It publishes nothing until it is assessed again.",
            order=stuck.order_id,
            because=stuck.error,
            at=list(stuck.places),
            **_trace(traces.get(stuck.order_id)),
        )


def where(inbound_record: InboundRecord) -> dict[str, str | int | None]:
    """Return the fields that identify a record: location, order, type and trace."""
    decoded = inbound_record.decoded
    event = decoded if isinstance(decoded, Event) else None
    return {
        "topic": inbound_record.topic,
        "partition": inbound_record.partition,
        "offset": inbound_record.offset,
        "order": event.subject if event else getattr(decoded, "order_id", None),
        "type": decoded.type,
        **_trace(inbound_record.traceparent),
    }


def _trace(traceparent: str | None) -> dict[str, str]:
    """Return the trace id of a W3C `traceparent`, to find the logs of other systems."""
    return {"trace": traceparent.split("-")[1]} if traceparent else {}
