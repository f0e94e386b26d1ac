"""The payment plan: deposit and balance (15(2))."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from purchasing_contracts.base import Instant, Shape
from purchasing_contracts.money import Money


class PlanPart(Shape):
    """One part of the order amount."""

    part: Literal["deposit", "balance"] = Field(description="Deposits make the agreement effective; balances follow.")
    amount: Money = Field(description="The amount.")
    due_at: Instant | None = Field(default=None, description="The last instant at which a balance is paid in time.")


def _with_deposit(parts: tuple[PlanPart, ...]) -> tuple[PlanPart, ...]:
    if not any(part.part == "deposit" for part in parts):
        raise PydanticCustomError("plan_without_deposit", "Input should have at least one part that is a deposit")
    return parts


FirstPlan = Annotated[tuple[PlanPart, ...], AfterValidator(_with_deposit)]
"""The plan of a new order: at least one deposit."""

NewPlan = tuple[PlanPart, ...]
"""The plan of a revised quote: any parts."""
