"""Checks records of any topic one after the other, as the service would: also what only shows between them.

Beside refusals it warns of what is accepted and probably not meant: members that nobody reads.
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
"""How many events of one type an order may have."""

FUTURE_TOLERANCE_SECONDS = 3_600
"""How far ahead of the service's clock an event may be dated: clocks differ. An installation may set another limit."""

REMEMBERED_MAX = 1_000_000
"""How many identities a checker remembers to tell whether one comes again; what is beyond is not compared."""

_PUBLISHED_TOPICS: Mapping[str, str] = MappingProxyType(
    {message.TYPE: topic.name for topic in TOPICS if topic.direction == "out" for message in topic.messages}
)
# What makes two messages of one source and id the same, in the order in which a difference is told.
_CONTENT = ("subject", "time", "type", "data")

_OURS = frozenset(_PUBLISHED_TOPICS.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record is: a message or a refusal; and what about it is probably not meant."""

    heard: Event | Refusal
    warnings: tuple[Warned, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        """Why it is refused; None where it isn't."""
        return self.heard if isinstance(self.heard, Refusal) else None


@dataclass(slots=True)
class Checker:
    """Checks one record after the other. It remembers who said what, as the service does, and never the content.

    With a `clock` (returns an aware datetime) events that are dated ahead of it are refused, as by the service that
    hears them now; without one an event may have any time.
    """

    clock: Callable[[], datetime] | None = None
    _seen: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict, init=False)
    _facts: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def check(self, record: Record) -> Verdict:
        """The verdict on a record, in the light of those before it."""
        published = record.topic in _OURS
        carried = _PUBLISHED_TOPICS if published else EVENT_TOPICS
        heard = examine(record.topic, record.key, record.value, record.headers, carried)
        if isinstance(heard, Refusal):
            # A slip in a name shows as one member that is missing and one that nobody reads.
            telling = heard.reason in ("schema", "unknown_type")
            return Verdict(heard, warnings_of(_parsed(record)) if telling else ())
        between = None if published else self._between(heard)
        return Verdict(between or heard, warnings_of(_parsed(record)))

    def _between(self, event: Event) -> Refusal | None:
        """What is wrong with an event only because of those before it."""
        # Hashes: what was said may be private, and isn't kept.
        said = tuple(hash(getattr(event, name)) for name in _CONTENT)
        known = self._seen.get((event.source, event.id))
        if known is not None:
            differing = [name for name, one, other in zip(_CONTENT, known, said, strict=True) if one != other]
            return _refusal(event, "conflict", f"/{differing[0]}") if differing else None
        if self.clock is not None and event.time > self.clock() + timedelta(seconds=FUTURE_TOLERANCE_SECONDS):
            return _refusal(event, "in_the_future", "/time")
        if self._facts[event.subject, event.type] >= FACTS_PER_TYPE_MAX:
            return _refusal(event, "too_many_facts", "")
        if len(self._seen) < REMEMBERED_MAX:
            self._seen[event.source, event.id] = said
            self._facts[event.subject, event.type] += 1
        return None


_BECAUSE: dict[Reason, str] = {
    "conflict": "the same source and id came before with other content; the first heard stands",
    "in_the_future": "it is dated more than an hour ahead of the clock: it can't have happened yet",
    "too_many_facts": f"the order has {FACTS_PER_TYPE_MAX} events of this type, as many as one may have",
}


def _refusal(event: Event, reason: Reason, place: str) -> Refusal:
    return Refusal(reason, place, event.subject, _BECAUSE[reason], event.type)


def _parsed(record: Record) -> object:
    """A record that is known to be JSON as a whole event."""
    text = structured(binary_attributes(record.headers), record.value)
    return from_json(text) if isinstance(text, bytes) else None
