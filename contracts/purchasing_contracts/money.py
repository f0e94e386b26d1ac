"""Money and its breakdown, as they stand in messages (messages.md, "Envelope" and "Shared shapes")."""

from typing import Annotated, Literal

from pydantic import Field

from purchasing_contracts.base import Shape

MONEY_MAX = 10**15
"""The largest amount in a message, in minor units."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code. Only its form is checked: the list changes by the year, and an old copy of it must not put
aside a genuine payment."""


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
