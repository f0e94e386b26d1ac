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
"""Why a record was quarantined, in order of precedence: of a record's faults the first here is named."""


class RecordQuarantined(MessageData):
    """A record was quarantined. Said once a record, however often it is delivered."""

    TYPE: ClassVar[str] = "purchasing.record.quarantined.v1"

    topic: Identifier = Field(description="The topic of the record.")
    partition: int = Field(ge=0, le=2**31 - 1, description="Its partition.")
    offset: int = Field(
        ge=0,
        le=BIGINT_MAX,
        description="Its offset. Of a compressed batch that was quarantined whole, since it expands beyond all "
        "measure: "
        "that of the first of its records that were not heard.",
    )
    reason: Annotated[OpenValue, open_to(Reason)] = Field(description="What was wrong.")
    place: Text = Field(description="Where: a JSON pointer (RFC 6901) into the CloudEvent; empty: the whole record.")
    size: int = Field(
        ge=0, le=BIGINT_MAX, description="Bytes of the record's key, value and headers; of a batch, its own."
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Hash of the record, hexadecimal.")
    order_id: Identifier | None = Field(default=None, description="The order, where it could be read.")
