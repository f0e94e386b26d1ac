"""The private members of messages (clause 23): masking them, and taking them out.

Which members are private is marked on the fields (`base.PRIVATE`) and nowhere else. `masked` and `private_of`
together hold all of a message's data, and `masked` alone keeps what the rules need: whether a member was there,
whether it was blank, and how many items it had.
"""

from functools import cache
from typing import Any, TypeVar

from purchasing_contracts.base import PRIVATE, Shape

MASK = "[private]"

S = TypeVar("S", bound=Shape)


def masked(data: S) -> S:
    """The same data with private members replaced: text by `[private]`, blank text by an empty one.

    Lists keep their length, an absent member stays absent. Data without private members is handed back as it is.
    """
    names = private_members(type(data))
    if not names:
        return data
    return data.model_copy(update={name: _mask(getattr(data, name)) for name in names})


def private_of(data: Shape) -> dict[str, Any] | None:
    """The private members as plain JSON values, without absent and empty ones; None where there are none."""
    found = {}
    for name in private_members(type(data)):
        plain = _plain(getattr(data, name))
        if plain is not None:
            found[name] = plain
    return found or None


@cache
def private_members(shape: type[Shape]) -> tuple[str, ...]:
    """The names of a class's private members. Kept: there are as many as there are classes."""
    mark = PRIVATE.json_schema_extra
    return tuple(name for name, field in shape.model_fields.items() if field.json_schema_extra == mark)


def _mask(value: Any) -> Any:
    if isinstance(value, str):
        return MASK if value.strip() else ""
    if isinstance(value, tuple):
        return (MASK,) * len(value)
    if isinstance(value, Shape):
        return masked(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value) or None
    if isinstance(value, Shape):
        return private_of(value)
    return value
