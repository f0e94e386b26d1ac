"""Open enumerations of published messages: a string in the schema, with today's values as its examples.

A new value needs no new version of a message or a topic, so a reader must expect unknown values. The models accept any
string, as a reader must; `unknown_values` compares published data to the known values.
"""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import Field

from purchasing_contracts.base import NO_NUL, Shape

OpenValue = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
"""A value of an open enumeration."""


def open_to(known: Any) -> Any:
    """Mark a member as an open enumeration; `known` is the `Literal` of the values known today."""
    return Field(examples=list(get_args(known)), json_schema_extra={"x-open-enumeration": True})


def unknown_values(data: Shape) -> Iterator[tuple[str, str]]:
    """Return the members of a message's data with an unknown value, each with that value."""
    for name, field in type(data).model_fields.items():
        value = getattr(data, name)
        is_open = isinstance(field.json_schema_extra, dict) and "x-open-enumeration" in field.json_schema_extra
        if is_open and value is not None and value not in (field.examples or ()):
            yield name, value
