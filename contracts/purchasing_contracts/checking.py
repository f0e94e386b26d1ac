"""Check records of any topic in sequence, like the service: also faults that show only between records.

Beside refusals it warns about accepted members that are unknown and therefore probably a mistake.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from pydantic_core import from_json

from purchasing_contracts.advice import Warned, warnings_of
from purchasing_contracts.attributes import EVENT_TOPICS
from purchasing_contracts.binding import binary_attributes
from purchasing_contracts.examination import examine, structured
from purchasing_contracts.messages import Event, Refusal
from purchasing_contracts.quarantine import Reason
from purchasing_contracts.records import Record
from purchasing_contracts.topics import TOPICS

FACTS_PER_TYPE_MAX = 300
"""The number of events of one type that an order may have."""

FUTURE_TOLERANCE_SECONDS = 3_600
"""Seconds by which an event may be dated ahead of the service's clock. An installation may set another limit."""

REMEMBERED_MAX = 1_000_000
"""The number of identities that a checker remembers. Later ones are not compared."""

_PUBLISHED_TOPICS: Mapping[str, str] = MappingProxyType(
    {message.TYPE: topic.name for topic in TOPICS if topic.direction == "out" for message in topic.messages}
)
# Parts in which two messages of one source and id must agree, in the order of reporting.
_CONTENT = ("subject", "time", "type", "data")

_OURS = frozenset(_PUBLISHED_TOPICS.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for a record: a message or a refusal, and warnings."""

    decoded: Event | Refusal
    warnings: tuple[Warned, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        """The refusal; None for a message."""
        return self.decoded if isinstance(self.decoded, Refusal) else None


@dataclass(slots=True)
class Checker:
    """Check records in sequence. Like the service it remembers identities, and never content.

    With a `clock` (it returns an aware datetime) events dated ahead of it are refused, as the service would refuse them
    now. Without a clock an event may have any time.
    """

    clock: Callable[[], datetime] | None = None
    _seen: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict, init=False)
    _facts: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def check(self, record: Record) -> Verdict:
        """Return the verdict on a record, given the records before it."""
        published = record.topic in _OURS
        carried = _PUBLISHED_TOPICS if published else EVENT_TOPICS
        decoded = examine(record.topic, record.key, record.value, record.headers, carried)
        if isinstance(decoded, Refusal):
            # A typing error in a name shows as a missing member and an unknown member.
            is_explained = decoded.reason in ("schema", "unknown_type")
            return Verdict(decoded, warnings_of(_parsed(record)) if is_explained else ())
        between = None if published else self._between(decoded)
        return Verdict(between or decoded, warnings_of(_parsed(record)))

    def _between(self, event: Event) -> Refusal | None:
        """Return the fault that an event has only because of earlier ones."""
        # Keep hashes, because the content may be private.
        content = tuple(hash(getattr(event, name)) for name in _CONTENT)
        known = self._seen.get((event.source, event.id))
        if known is not None:
            differing = [name for name, one, other in zip(_CONTENT, known, content, strict=True) if one != other]
            return _refusal(event, "conflict", f"/{differing[0]}") if differing else None
        if self.clock is not None and event.time > self.clock() + timedelta(seconds=FUTURE_TOLERANCE_SECONDS):
            return _refusal(event, "in_the_future", "/time")
        if self._facts[event.subject, event.type] >= FACTS_PER_TYPE_MAX:
            return _refusal(event, "too_many_facts", "")
        if len(self._seen) < REMEMBERED_MAX:
            self._seen[event.source, event.id] = content
            self._facts[event.subject, event.type] += 1
        return None


_BECAUSE: dict[Reason, str] = {
    "conflict": "the same source and id came before with other content; the first message received counts",
    "in_the_future": "it is dated more than an hour ahead of the clock: it can't have happened yet",
    "too_many_facts": f"the order has {FACTS_PER_TYPE_MAX} events of this type, as many as one may have",
}


def _refusal(event: Event, reason: Reason, place: str) -> Refusal:
    return Refusal(reason, place, event.subject, _BECAUSE[reason], event.type)


def _parsed(record: Record) -> object:
    """Return the whole event of a record that is valid JSON."""
    text = structured(binary_attributes(record.headers), record.value)
    return from_json(text) if isinstance(text, bytes) else None
