"""Kinds of values on the wire, and the base classes of message data.

Models are strict (they convert nothing), frozen, and ignore unknown members, so that a newer writer does not break an
older reader. Errors never repeat the input, because it may be private.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# Regular expressions of Rust, ECMA and Python agree on this. Lone surrogates need no pattern, because pydantic
# accepts no str with them.
NO_NUL = r"^[^\x00]*$"

BIGINT_MAX = 2**63 - 1
"""The largest `bigint` of PostgreSQL; the limit of numbers without a tighter one."""

Text = Annotated[str, Field(pattern=NO_NUL)]
"""Any string without NUL; it may be empty or blank."""

Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)]
"""A non-empty string of at most 128 characters (code points), without NUL. Compared by code point."""

SHORT = 128
"""Characters of an identifier; a longer source is ASCII."""


def _short_or_ascii(text: str) -> str:
    if len(text) > SHORT and not text.isascii():
        raise PydanticCustomError(
            "source", f"String of more than {SHORT} characters should be ASCII, as URIs are: percent-encode the rest"
        )
    return text


Source = Annotated[str, Field(min_length=1, max_length=512, pattern=NO_NUL), AfterValidator(_short_or_ascii)]
"""A CloudEvents source: a non-empty string of at most 512 characters, without NUL; above 128 ASCII only."""

DerivedIdentifier = Annotated[str, Field(min_length=1, max_length=160, pattern=NO_NUL)]
"""An identifier with a prefix, such as the line `chargeback:{id}`; at most 160 characters."""

# The oldest and newest instants that a message may name, in UTC.
_YEAR_MIN, _YEAR_MAX = 2000, 2199

RFC3339 = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_RFC3339 = re.compile(RFC3339)


def instant_of(text: str) -> datetime:
    """Return the instant of an RFC 3339 text with offset, in UTC, cut off after microseconds.

    Raises `PydanticCustomError` (a `ValueError`) for other texts, and for years in UTC outside 2000 to 2199. Leap
    seconds (`:60`) are refused, because no clock here can represent them.
    """
    if _RFC3339.fullmatch(text) is None:
        raise PydanticCustomError("instant", "Input should be a time as in RFC 3339, with seconds and offset")
    try:
        moment = datetime.fromisoformat(text if text[-1] != "z" else f"{text[:-1]}Z")
    except ValueError:
        raise PydanticCustomError("instant", "Input should be a day that the calendar has") from None
    return _in_utc(moment)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is not UTC:
        # Outside these years the conversion would overflow.
        if moment.utcoffset() is None or not _YEAR_MIN - 1 <= moment.year <= _YEAR_MAX + 1:
            raise PydanticCustomError("instant", "Input should have an offset, and a year from 2000 to 2199")
        moment = moment.astimezone(UTC)
    if not _YEAR_MIN <= moment.year <= _YEAR_MAX:
        raise PydanticCustomError("instant", "Input should have a year from 2000 to 2199, in UTC")
    return moment


class _InstantSchema:
    """Pydantic's own datetime accepts numbers, spaces and missing seconds in JSON; the contract does not."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(instant_of, core_schema.str_schema(strict=True)),
            python_schema=core_schema.no_info_after_validator_function(
                _in_utc, core_schema.datetime_schema(strict=True, tz_constraint="aware")
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                text_of, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time", "pattern": RFC3339}


def text_of(instant: datetime) -> str:
    """Return RFC 3339 in UTC with `Z`, and six digits of a fraction if there is one."""
    return instant.isoformat().replace("+00:00", "Z")


Instant = Annotated[datetime, _InstantSchema()]
"""An aware datetime in UTC, to the microsecond, years 2000 to 2199. In JSON: RFC 3339 with an offset, any."""

PRIVATE: Any = Field(json_schema_extra={"x-private": True}, repr=False)
"""Mark a member as private (clause 23): never published, logged or traced. `privacy.py` reads this mark."""


class Shape(BaseModel):
    """Anything that is a JSON object on the wire."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class MessageData(Shape):
    """The `data` of one type of message. `TYPE` is the CloudEvents type; `topics.py` says where it goes."""

    TYPE: ClassVar[str]


class EventData(MessageData):
    """The data of an event: something that happened, named in the past tense."""
