"""Topic `purchasing.quarantine.v1`: records that break the contract, without their content."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import BIGINT_MAX, Identifier, MessageData, Text
from purchasing_contracts.open_enumerations import OpenValue, open_to

Reason = Literal[
    "too_large",
    "not_json",
    "not_cloudevent",
    "unknown_type",
    "wrong_topic",
    "schema",
    "mixed_currencies",
    "key_mismatch",
    "conflict",
    "in_the_future",
    "too_many_facts",
]
"""The reasons for a quarantine, in order of precedence: if a record has several faults, the notice names the first."""


class RecordQuarantined(MessageData):
    """A record was quarantined. The notice is published once per record, however often the record is delivered."""

    TYPE: ClassVar[str] = "purchasing.record.quarantined.v1"

    topic: Identifier = Field(description="The topic of the record.")
    partition: int = Field(ge=0, le=2**31 - 1, description="The record's partition.")
    offset: int = Field(
        ge=0,
        le=BIGINT_MAX,
        description="The record's offset. For a compressed batch that was quarantined as a whole, since it expands to "
        "too many bytes: the offset of the first of its records that were not decoded.",
    )
    reason: Annotated[OpenValue, open_to(Reason)] = Field(description="The fault.")
    place: Text = Field(
        description="The place of the fault: a JSON pointer (RFC 6901) into the CloudEvent; empty: the whole record."
    )
    size: int = Field(
        ge=0,
        le=BIGINT_MAX,
        description="The size of the record's key, value and headers in bytes; for a batch, that of the batch.",
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Hash of the record, hexadecimal.")
    order_id: Identifier | None = Field(default=None, description="The order's id, if it could be read.")
