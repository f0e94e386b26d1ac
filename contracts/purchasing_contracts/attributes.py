"""The CloudEvents envelope of each class of data: context attributes and data, one model per type."""

import re
from typing import Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter, create_model

from purchasing_contracts.base import Identifier, Instant, MessageData, Shape, Source
from purchasing_contracts.topics import TOPICS

JsonMediaType = Annotated[str, Field(pattern=r"^[^;]*[/+][jJ][sS][oO][nN][ \t]*(;.*)?$")]
"""`application/json`, or another media type for JSON, with or without parameters."""

_IDS = "(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
# Version 00 ends there, later versions may be longer, ff is invalid.
_TRACEPARENT = re.compile(f"00-{_IDS}|(?!00|ff)[0-9a-f]{{2}}-{_IDS}(-[!-~]*)?")
_TRACEPARENT_LENGTH_MAX = 512


class Envelope(Shape):
    """The context attributes. Below it there is a class for each type, which adds `type` and `data`."""

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents.")
    id: Identifier = Field(description="With `source` the message's identity: the same pair again is the same message.")
    source: Source = Field(description="Who says so. With `id` the message's identity.")
    subject: Identifier = Field(description="The order's id, and the record's key.")
    time: Instant = Field(
        description="When it happened, never when it was sent: RFC 3339 with offset, years 2000 to 2199 in UTC."
    )
    datacontenttype: JsonMediaType | None = Field(default=None, description="`application/json`, if anything.")
    # `examination` puts the JSON in base 64 of an event into `data` (decision 0122).
    data_base64: None = Field(default=None, description="Not written: the data is JSON, in `data`.")
    traceparent: Any = Field(default=None, description="W3C trace context.")


def _envelope_of(message: type[MessageData]) -> type[Envelope]:
    has_required = any(field.is_required() for field in message.model_fields.values())
    data: Any = (message, ...) if has_required else (message | None, None)
    members: dict[str, Any] = {"type": (Literal[message.TYPE], ...), "data": data}
    return create_model(f"{message.__name__}Envelope", __base__=Envelope, **members)


ENVELOPES: dict[str, type[Any]] = {
    message.TYPE: _envelope_of(message) for topic in TOPICS for message in topic.messages
}
"""The envelope model per type, read or written. The data may be None if none of its members is required."""

EVENT_TOPICS: dict[str, str] = {
    message.TYPE: topic.name for topic in TOPICS if topic.direction == "in" for message in topic.messages
}
"""Type to topic, for the types that the service reads."""

_AnyEvent: Any = Union[tuple(ENVELOPES[type_] for type_ in EVENT_TOPICS)]  # noqa: UP007  # made at run time
_AnyPublished: Any = Union[tuple(ENVELOPES[type_] for type_ in ENVELOPES if type_ not in EVENT_TOPICS)]  # noqa: UP007

ANY_EVENT: TypeAdapter[Any] = TypeAdapter(Annotated[_AnyEvent, Field(discriminator="type")])
"""Validates an event of any type."""

ANY_PUBLISHED: TypeAdapter[Any] = TypeAdapter(Annotated[_AnyPublished, Field(discriminator="type")])
"""Validates a message of any type that the service publishes."""


def trace_context(value: object) -> str | None:
    """Return the `traceparent` if it is well formed, else None: it is never a reason to refuse a message."""
    if isinstance(value, str) and len(value) <= _TRACEPARENT_LENGTH_MAX and _TRACEPARENT.fullmatch(value):
        return value
    return None
