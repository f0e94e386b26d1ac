"""References to items of an order."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from purchasing_contracts.base import BIGINT_MAX, Identifier, Shape


def require_distinct(item_ids: tuple[str, ...]) -> None:
    """Raise `PydanticCustomError` (a `ValueError`) that names the places of the first two equal ids, not the id."""
    first: dict[str, int] = {}
    for place, item_id in enumerate(item_ids):
        earlier = first.setdefault(item_id, place)
        if earlier != place:
            raise PydanticCustomError(
                "item_ids_distinct",
                "Input should name each item once: those at {earlier} and {place} have the same item_id",
                {"earlier": earlier, "place": place},
            )


class ItemRef(Shape):
    """Units of one item of the order."""

    item_id: Identifier = Field(
        description="As in `purchasing.order.placed.v1`. An id that the order doesn't have names no unit."
    )
    quantity: Annotated[int, Field(ge=1, le=BIGINT_MAX)] | None = Field(
        default=None, description="The number of its units; absent: all that the message can concern."
    )


def _distinct(items: tuple[ItemRef, ...]) -> tuple[ItemRef, ...]:
    require_distinct(tuple(item.item_id for item in items))
    return items


ItemRefs = Annotated[tuple[ItemRef, ...], Field(min_length=1), AfterValidator(_distinct)]
"""A list of at least one item, each named once."""
