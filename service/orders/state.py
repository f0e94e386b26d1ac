"""An order's two journals: folding them into a state, and converting to rows and back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.envelope import Publication, encode_structured, read_published
from purchasing_contracts.money import currency_of
from purchasing_contracts.open_enumerations import unknown_values
from purchasing_contracts.published import PublishedData
from purchasing_contracts.topics import class_of, topic_of
from pydantic import TypeAdapter

from service.rules.bookmark import Bookmark
from service.rules.facts import Fact, instant, micros
from service.rules.ledger import Ledger, Output
from service.store.rows import FactRow, OutputRow, PastOutput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from service.store.rows import PublicationRow

OUTPUT_BYTES_MAX = 1_000_000
"""Larger records could not be published or read: the contract quarantines them as `too_large`."""

_by_key = attrgetter("key")


class JournalError(Exception):
    """A journal can't be read back, or an output can't be written. The order is stuck until it can."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Stand-in for a fact's data that this version can't read."""

    type: str


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order's folded journals. Immutable, so it can be cached and shared, except for the bookmark.

    `version`: the token of the row for which the state is valid. `timed`: versions of the outputs from whose
    publication a period runs. `published`: their publication times by version in microseconds, as far as known.
    `problem`: why a journal can't be read; empty if it can. With a problem, nothing is decided. `bookmark`: spares the
    rules applying the facts again. It may have facts of a batch that was rolled back, which it notices itself.
    """

    version: UUID | None = None
    facts: tuple[Fact[Any], ...] = ()
    ledger: Ledger = Ledger.EMPTY
    timed: tuple[int, ...] = ()
    published: Mapping[int, int] = field(default_factory=dict)
    problem: str = ""
    bookmark: Bookmark = field(default_factory=Bookmark, compare=False, repr=False)

    @property
    def awaits_publication(self) -> bool:
        """Whether the publication time of a timed output is not known yet."""
        return len(self.published) < len(self.timed)

    def with_facts(self, facts: Iterable[Fact[Any]]) -> tuple[Fact[Any], ...]:
        """Return the order's facts and these facts, sorted by key."""
        return tuple(sorted((*self.facts, *facts), key=_by_key))


def read_back(version: UUID | None, facts: Iterable[FactRow], outputs: Iterable[PastOutput]) -> OrderState:
    """Fold an order's journals; outputs must be sorted by version. `problem` names what can't be read."""
    problems: list[str] = []
    found = sorted((_fact(row, problems) for row in facts), key=_by_key)
    ledger, timed = Ledger.EMPTY, []
    try:
        past = [(_past_output(row.value), row.timed) for row in outputs]
        ledger = ledger.after([output for output, _ in past])
        timed = [output.version for output, is_timed in past if is_timed]
    except (ValueError, LookupError, JournalError) as error:
        problems.append(f"an output can't be read back ({type(error).__name__})")
    return OrderState(version, tuple(found), ledger, tuple(timed), {}, "; ".join(problems[:1]))


def output_row(output: Output, lane: int, traceparent: str | None) -> OutputRow:
    """Return the row of a command or decision, in the form that the relay publishes. Raises JournalError if it is too
    large."""
    data = output.data
    decided_at = instant(output.at)
    value = encode_structured(Publication(output.id, data.order_id, decided_at, data, traceparent))
    if len(value) > OUTPUT_BYTES_MAX:
        raise JournalError(f"{data.TYPE} would be larger than {OUTPUT_BYTES_MAX} bytes")
    return OutputRow(
        lane=lane,
        order_id=data.order_id,
        order_version=output.version,
        topic=topic_of(type(data)).name,
        key=data.order_id,
        id=output.id,
        value=value,
        decided_at=decided_at,
        timed=isinstance(data, DecisionMade) and data.kind == "payment_demand" and data.due_at is not None,
    )


def _fact(row: FactRow, problems: list[str]) -> Fact[Any]:
    at = micros(row.at)
    reader = _reader(row.type)
    if reader is None:
        problems.append(f"this version does not know {row.type}, which a newer one wrote")
        return Fact(at, row.source, row.id, Unread(row.type), None)
    try:
        data = reader.validate_json(row.data)
    except ValueError:
        problems.append(f"a fact of type {row.type} can't be read back")
        return Fact(at, row.source, row.id, Unread(row.type), None)
    return Fact(at, row.source, row.id, data, currency_of(data))


def _past_output(value: bytes) -> Output:
    message = read_published(value)
    data = message.data
    if not isinstance(data, PublishedData):
        raise JournalError(f"{data.TYPE} is no output of an order")
    # Other readers treat an unknown value as "other". In this journal it stands for money that a newer version moved,
    # so nothing may be decided without knowing it.
    for name, _ in unknown_values(data):
        raise JournalError(f"{data.TYPE} has a {name} that this version does not know, which a newer one wrote")
    return Output(message.id, data.order_version, micros(message.time), data)


@cache
def _reader(type_: str) -> TypeAdapter[Any] | None:
    """Return the reader of this type's data. Cached: there is one per type."""
    found = class_of(type_)
    return None if found is None else TypeAdapter(found)


def note_publications(states: dict[str, OrderState], publications: Iterable[PublicationRow]) -> None:
    """Add publication times to the states of the orders."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for order_id, version, published_at in publications:
        found[order_id][version] = micros(published_at)
    for order_id, published in found.items():
        states[order_id] = replace(states[order_id], published=published)
