"""The grounds of a message: the clauses that led to it."""

from typing import Annotated

from pydantic import Field

from purchasing_contracts.base import NO_NUL, Shape


class Basis(Shape):
    """The ground of a decision or a command, in words that a support agent can read out to the buyer."""

    clause: Annotated[str, Field(min_length=1, max_length=32, pattern=NO_NUL)] = Field(
        description="The clause of the service agreement, such as `12(1)A`."
    )
    because: Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)] = Field(
        description="The reason why the clause applies, such as `no purchase had been made from the seller`."
    )
