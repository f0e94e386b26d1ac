"""Open enumerations of published messages: a string in the schema, with today's values as its examples.

A new value needs no new version of a message or a topic, so a reader must expect unknown values. The models accept any
string, as a reader must; `unknown_values` compares published data to the known values.
"""

from collections.abc import Iterator
from functools import cache
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
    for name, known in _open_members(type(data)):
        value = getattr(data, name)
        if value is not None and value not in known:
            yield name, value


@cache
def _open_members(shape: type[Shape]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the open enumerations among a shape's members, each with the values known today."""
    return tuple(
        (name, tuple(field.examples or ()))
        for name, field in shape.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and "x-open-enumeration" in field.json_schema_extra
    )
