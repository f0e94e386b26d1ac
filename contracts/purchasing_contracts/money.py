"""Money and its breakdown in messages."""

from collections.abc import Callable, Iterator
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from pydantic.fields import FieldInfo

from purchasing_contracts.base import Shape

MONEY_MAX = 10**15
"""The largest amount in a message, in minor units."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code. Only its form is checked: the list changes by the year, and an old copy of it must not
quarantine a genuine payment."""


OWN_CURRENCY: Any = Field(json_schema_extra={"x-own-currency": True})
"""Marks an amount that need not be in the one currency of its message. `is_mixed` reads this mark."""


class Money(Shape):
    """A sum in one currency. In JSON a whole number only: `129900.0`, `1e5` and `true` are violations."""

    currency: Currency = Field(description="ISO 4217 code, such as `CNY`.")
    value: int = Field(
        ge=0, le=MONEY_MAX, description="Whole minor units (fen, cents) of the currency, from 0 to 10^15."
    )


Settled = Annotated[Money | None, OWN_CURRENCY]
"""The booked amount in the order's currency, for money in a message in another currency."""


class OtherFee(Shape):
    """A fee besides goods, shipping and service fee (7)."""

    kind: Literal["storage", "fixed_loss", "transaction", "packaging", "other"] = Field(
        description="The purpose of the fee."
    )
    amount: Money = Field(description="The fee.")
    collected_by: Literal["provider", "third_party"] = Field(
        description="Who collected it. The provider never refunds a fee that a third party collected (7)."
    )


class Breakdown(Shape):
    """A sum of money by purpose: a quote, or a payment."""

    goods: Money = Field(description="The price of the goods (6).")
    to_warehouse_shipping: Money = Field(description="Shipping from the seller to the warehouse (6, 10).")
    service_fee: Money = Field(description="The provider's service fee (10).")
    other_fees: tuple[OtherFee, ...] = Field(default=(), description="Fees beyond these three (7).")


def currency_of(data: Shape) -> str | None:
    """The currency of a message's data, whose money all has one; None without money.

    What is marked `OWN_CURRENCY` doesn't count.
    """
    always, sometimes = _readers(type(data))
    if always:
        return str(always[0](data))
    return next(iter(_found_in(data)), None) if sometimes else None


def is_mixed(data: Shape) -> bool:
    """Return whether a message's data names more than one currency, not counting what is marked `OWN_CURRENCY`."""
    always, sometimes = _readers(type(data))
    if not sometimes and len(always) < 2:
        return False
    return len(set(_found_in(data))) > 1


def currencies(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each currency in a message's data with its JSON pointer, in the order of the members: to say where.

    Without what is marked `OWN_CURRENCY`.
    """
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from currencies(item, f"{place}/{index}")
    elif isinstance(value, Shape):
        for name, field in type(value).model_fields.items():
            if _has_own_currency(field):
                continue
            if name == "currency":
                yield f"{place}/currency", getattr(value, name)
            else:
                yield from currencies(getattr(value, name), f"{place}/{name}")


_Getter = Callable[[Any], Any]


def _found_in(data: Shape) -> list[str]:
    """Yield the currencies in the data, required members first. Every message passes here, so it must be fast."""
    always, sometimes = _readers(type(data))
    found = [read(data) for read in always]
    for read in sometimes:
        member = read(data)
        if type(member) is tuple:
            for item in member:
                found += _found_in(item)
        elif member is not None:
            found += _found_in(member)
    return found


@cache
def _readers(shape: type[Shape]) -> tuple[tuple[_Getter, ...], tuple[_Getter, ...]]:
    """Return the readers of a class's currencies: the required members, and the optional members and lists.

    Cached; the number of classes is fixed.
    """
    always, sometimes = _paths(shape)
    return tuple(map(attrgetter, always)), tuple(map(attrgetter, sometimes))


def _paths(shape: type[Shape]) -> tuple[list[str], list[str]]:
    always: list[str] = []
    sometimes: list[str] = []
    for name, field in shape.model_fields.items():
        annotation: Any = field.annotation
        if _has_own_currency(field):
            continue
        if name == "currency":
            always.append(name)
        elif isinstance(annotation, type) and issubclass(annotation, Shape):
            inner_always, inner_sometimes = _paths(annotation)
            always += [f"{name}.{path}" for path in inner_always]
            sometimes += [f"{name}.{path}" for path in inner_sometimes]
        elif any(_holds_currency(inner) for inner in get_args(annotation)):
            sometimes.append(name)
    return always, sometimes


def _has_own_currency(field: FieldInfo) -> bool:
    return bool(field.json_schema_extra == OWN_CURRENCY.json_schema_extra)


def _holds_currency(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        always, sometimes = _paths(annotation)
        return bool(always or sometimes)
    return any(_holds_currency(inner) for inner in get_args(annotation))
