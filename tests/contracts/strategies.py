"""Hypothesis strategies for messages, made from the models: valid ones, with one currency, any text, any instant."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from purchasing_contracts.base import EventData, MessageData, Shape
from purchasing_contracts.envelope import Event, Publication
from purchasing_contracts.money import OWN_CURRENCY
from purchasing_contracts.topics import TOPICS
from pydantic import AfterValidator
from pydantic.fields import FieldInfo

EVENT_CLASSES = [message for topic in TOPICS if topic.direction == "in" for message in topic.messages]
PUBLISHED_CLASSES = [message for topic in TOPICS if topic.direction == "out" for message in topic.messages]

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
identifiers = st.text(characters, min_size=1, max_size=12) | st.text("é漢x", min_size=128, max_size=128)
instants = st.integers(0, 200 * 365 * 24 * 60 * 60 * 1_000_000).map(
    lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
traces = st.none() | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def data_of(message: type[MessageData]) -> st.SearchStrategy[Any]:
    """Data of one class, in one currency."""
    return st.sampled_from(["CNY", "EUR"]).flatmap(lambda currency: _shape(message, currency))


def _shape(shape: type[Shape], currency: str) -> st.SearchStrategy[Any]:
    members = {
        name: st.just(currency)
        if name == "currency"
        else _value(field.annotation, field.metadata, "USD" if _is_apart(field) else currency)
        for name, field in shape.model_fields.items()
    }
    return st.builds(shape, **members)


def _is_apart(field: FieldInfo) -> bool:
    """Whether the amount need not be in the currency of the message."""
    return field.json_schema_extra == OWN_CURRENCY.json_schema_extra


def _passes(checks: list[Any], value: Any) -> bool:
    try:
        for check in checks:
            check(value)
    except ValueError:
        return False
    return True


def _value(annotation: Any, metadata: list[Any], currency: str) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        info = [
            fact
            for part in annotation.__metadata__
            for fact in (part.metadata if isinstance(part, FieldInfo) else [part])
        ]
        return _value(arguments[0], info, currency)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        checks = [fact.func for fact in metadata if isinstance(fact, AfterValidator)]
        items = _value(arguments[0], [], currency)
        lists = st.lists(items, min_size=_limit(metadata, "min_length", 0), max_size=3).map(tuple)
        return lists.filter(lambda value: _passes(checks, value))
    if arguments:
        return st.one_of([_value(argument, metadata, currency) for argument in arguments])
    return _plain(annotation, metadata, currency)


def _plain(annotation: Any, metadata: list[Any], currency: str) -> st.SearchStrategy[Any]:
    if annotation is type(None):
        return st.none()
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(_limit(metadata, "ge", 0), _limit(metadata, "le", 0))
    if annotation is datetime:
        return instants
    if annotation is str:
        patterns = [fact.pattern for fact in metadata if hasattr(fact, "pattern")]
        if any("0-9a-f" in pattern for pattern in patterns):
            return st.text("0123456789abcdef", min_size=64, max_size=64)
        return st.text(characters, min_size=_limit(metadata, "min_length", 0), max_size=20)
    return _shape(annotation, currency)


def _limit(metadata: list[Any], name: str, otherwise: int) -> int:
    for fact in metadata:
        if isinstance(fact, annotated_types.BaseMetadata) and hasattr(fact, name):
            return int(getattr(fact, name))
    return otherwise


def _event(data: EventData) -> st.SearchStrategy[Event]:
    return st.builds(Event, identifiers, identifiers, st.just(data.TYPE), identifiers, instants, st.just(data), traces)


events: st.SearchStrategy[Event] = st.sampled_from(EVENT_CLASSES).flatmap(data_of).flatmap(_event)
"""Events of every class."""

publications: st.SearchStrategy[Publication] = (
    st.sampled_from(PUBLISHED_CLASSES)
    .flatmap(data_of)
    .flatmap(lambda data: st.builds(Publication, identifiers, identifiers, instants, st.just(data), traces))
)
"""Messages of every class that we publish."""
