"""What is told of a batch once it is handled: to the relay, to the metrics, to the log."""

import logging
from collections.abc import Sequence

import structlog
from purchasing_contracts.envelope import Event

from service.observability.instruments import Metrics
from service.orders.batch_result import Handled
from service.orders.inbound_record import Arrival
from service.outbox.relay import Relay

log = structlog.get_logger("service")


def tell(arrivals: Sequence[Arrival], handled: Handled, relay: Relay, metrics: Metrics) -> None:
    """Wake the relay, count, and say which records were quarantined and which orders' rules raised, without content."""
    relay.wake(handled.lanes)
    metrics.handled(arrivals, handled)
    if logging.getLogger("service").isEnabledFor(logging.DEBUG):
        for arrival in arrivals:
            log.debug("Handled.", **where(arrival))
    for arrival, refusal in handled.quarantined:
        log.warning(
            "A record breaks the contract and is quarantined.",
            **where(arrival),
            reason=refusal.reason,
            place=refusal.place,
            because=refusal.because,
        )
    traces = {one.heard.subject: one.traceparent for one in arrivals if isinstance(one.heard, Event)}
    for stuck in handled.stuck:
        log.error(
            "The rules failed on an order. It publishes nothing until it is assessed again.",
            order=stuck.order_id,
            because=stuck.error,
            at=list(stuck.places),
            **_trace(traces.get(stuck.order_id)),
        )


def where(arrival: Arrival) -> dict[str, str | int | None]:
    """Which record it was: where it lay, whose it is, what it says it is, and the trace that it belongs to."""
    heard = arrival.heard
    event = heard if isinstance(heard, Event) else None
    return {
        "topic": arrival.topic,
        "partition": arrival.partition,
        "offset": arrival.offset,
        "order": event.subject if event else getattr(heard, "order_id", None),
        "type": heard.type,
        **_trace(arrival.traceparent),
    }


def _trace(traceparent: str | None) -> dict[str, str]:
    """The trace's id out of a W3C `traceparent`: by it other systems' logs are found."""
    return {"trace": traceparent.split("-")[1]} if traceparent else {}
