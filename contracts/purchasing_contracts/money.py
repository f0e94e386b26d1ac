"""Money and its breakdown, as they stand in messages (messages.md, "Envelope" and "Shared shapes")."""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from purchasing_contracts.base import Shape

MONEY_MAX = 10**15
"""The largest amount in a message, in minor units."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code. Only its form is checked: the list changes by the year, and an old copy of it must not
put aside a genuine payment."""


class Money(Shape):
    """A sum in one currency. In JSON a whole number only: `129900.0`, `1e5` and `true` are violations."""

    currency: Currency = Field(description="ISO 4217 code, such as `CNY`.")
    value: int = Field(
        ge=0, le=MONEY_MAX, description="Whole minor units (fen, cents) of the currency, from 0 to 10^15."
    )


class OtherFee(Shape):
    """A fee besides goods, shipping and service fee (7)."""

    kind: Literal["storage", "fixed_loss", "transaction", "packaging", "other"] = Field(
        description="What it is for."
    )
    amount: Money = Field(description="How much.")
    collected_by: Literal["provider", "third_party"] = Field(
        description="Who keeps it. What a third party collected is never the provider's to refund (7)."
    )


class Breakdown(Shape):
    """A sum of money by what it is for: a quote, or a payment."""

    goods: Money = Field(description="The price of the goods.")
    to_warehouse_shipping: Money = Field(description="Shipping from the seller to the warehouse (6).")
    service_fee: Money = Field(description="The provider's service fee (10).")
    other_fees: tuple[OtherFee, ...] = Field(default=(), description="Fees beyond these three (7).")


def currencies(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each currency that a message's data names, with its JSON pointer below `place`, in the order of the members."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from currencies(item, f"{place}/{index}")
    elif isinstance(value, Shape):
        for name in _bearers(type(value)):
            member = getattr(value, name)
            if name == "currency":
                yield f"{place}/currency", member
            else:
                yield from currencies(member, f"{place}/{name}")


def currency_of(value: object) -> str | None:
    """The currency of a message's data: that of the first money in it, all of which agree; None without money."""
    return next((currency for _, currency in currencies(value)), None)


def is_mixed(value: Shape) -> bool:
    """Whether a message's data names more than one currency."""
    found: set[str] = set()
    _collect(value, found)
    return len(found) > 1


def _collect(value: Any, found: set[str]) -> None:
    for name in _bearers(type(value)):
        member = getattr(value, name)
        if name == "currency":
            found.add(member)
        elif type(member) is tuple:
            for item in member:
                _collect(item, found)
        elif member is not None:
            _collect(member, found)


@cache
def _bearers(shape: type[Shape]) -> tuple[str, ...]:
    """The members of a class that are a currency or hold one. Kept: there are as many as there are classes."""
    return tuple(
        name
        for name, field in shape.model_fields.items()
        if name == "currency" or any(_bearers(inner) for inner in _shapes_in(field.annotation))
    )


def _shapes_in(annotation: Any) -> Iterator[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation
    for argument in get_args(annotation):
        yield from _shapes_in(argument)
