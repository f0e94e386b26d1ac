"""The members of all messages that this service publishes about an order."""

from pydantic import Field

from purchasing_contracts.base import BIGINT_MAX, Identifier, MessageData
from purchasing_contracts.basis import Basis


class PublishedData(MessageData):
    """The data of a message that this service publishes about an order."""

    order_id: Identifier = Field(description="The order's id; also the message's `subject` and the record's key.")
    account_id: Identifier | None = Field(
        default=None, description="The buyer's account. Absent where the message concerns brokerage (19)."
    )
    provider_id: Identifier = Field(description="The purchasing provider who runs the order.")
    order_version: int = Field(
        ge=1,
        le=BIGINT_MAX,
        description="Counts the messages published about the order, over all topics, from 1, without gaps.",
    )
    terms_version: Identifier = Field(description="The version of the terms that bind the order.")
    basis: tuple[Basis, ...] = Field(min_length=1, description="The clauses that led to this, at least one.")


class CommandData(PublishedData):
    """The data of a command. The receiver executes it once per `command_id`."""

    command_id: Identifier = Field(
        description="Equals the message's `id`. It is derived from the command: the same step always has the same id."
    )
