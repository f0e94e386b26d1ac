"""The private members of messages (clause 23): mask them, or extract them.

The mark on a field (`base.PRIVATE`) is the only place that says which members are private. `masked` and `private_of`
together contain all data of a message. `masked` alone keeps what the rules need: whether a member was present, whether
it was blank, and its number of items.
"""

from functools import cache
from typing import Any, TypeVar

from purchasing_contracts.base import PRIVATE, Shape

MASK = "[private]"

S = TypeVar("S", bound=Shape)


def masked(data: S) -> S:
    """Return the data with private members replaced: text by `[private]`, blank text by an empty text.

    Lists keep their length, and absent members stay absent. Data without private members is returned unchanged.
    """
    names = private_members(type(data))
    if not names:
        return data
    hidden = {name: _mask(value) for name in names if (value := getattr(data, name))}
    return data.model_copy(update=hidden) if hidden else data


def private_of(data: Shape) -> dict[str, Any] | None:
    """Return the private members as plain JSON values, without absent and empty ones; None if there are none."""
    found = {}
    for name in private_members(type(data)):
        plain = _plain(getattr(data, name))
        if plain is not None:
            found[name] = plain
    return found or None


@cache
def private_members(shape: type[Shape]) -> tuple[str, ...]:
    """Return the names of the private members of a class. Cached; the number of classes is fixed."""
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
