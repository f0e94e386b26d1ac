"""Build an event and check it before it is sent: a faulty event is an error here, in your own code."""

from datetime import datetime

from purchasing_contracts.advice import advice_on
from purchasing_contracts.base import EventData
from purchasing_contracts.checking import Checker
from purchasing_contracts.messages import Event, Refusal
from purchasing_contracts.records import record_of


class EventRefusedError(ValueError):
    """The service would quarantine the event. `refusal` has the reason and the place."""

    def __init__(self, refusal: Refusal) -> None:
        advice = advice_on(refusal)
        super().__init__(
            f"{refusal.reason} at {refusal.place or 'the event'}: {refusal.because}{f' ({advice})' if advice else ''}"
        )
        self.refusal = refusal


def new_event(
    data: EventData, *, order_id: str, source: str, event_id: str, time: datetime, traceparent: str | None = None
) -> Event:
    """Return an event that the service accepts. Raises `EventRefusedError`, and `ValueError` if it can't be encoded.

    `source` names you, such as `/payments`. `event_id` identifies this event for ever, so take it from your own journal
    and not from a random number, which would differ at a retry. `time` is when it happened, with an offset, not when
    you send it.
    """
    if time.utcoffset() is None:
        raise ValueError("time has no offset: say which zone it is in, such as datetime.now(UTC)")
    draft = Event(event_id, source, data.TYPE, order_id, time, data, traceparent)
    decoded = Checker().check(record_of(draft)).decoded
    if isinstance(decoded, Refusal):
        raise EventRefusedError(decoded)
    return decoded
