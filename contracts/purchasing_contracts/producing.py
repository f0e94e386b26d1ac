"""Building an event so that it is right before it is sent: what would be refused is an error here, in your own code."""

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
    """An event that the service will take. Raises `EventRefusedError`, and `ValueError` for what can't be encoded.

    `source` is you, such as `/payments`; `event_id` is this event's for ever, so take it from your own journal and not
    from a random number that is drawn anew when you try again. `time` is when it happened, with an offset, and not when
    you send it.
    """
    if time.utcoffset() is None:
        raise ValueError("time has no offset: say which zone it is in, such as datetime.now(UTC)")
    draft = Event(event_id, source, data.TYPE, order_id, time, data, traceparent)
    heard = Checker().check(record_of(draft)).heard
    if isinstance(heard, Refusal):
        raise EventRefusedError(heard)
    return heard
