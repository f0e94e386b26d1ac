"""The contract as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from service.console.models import Model


class ShortMessageModel(Model):
    """One row of a topic."""

    type: str
    description: str


class TopicModel(Model):
    """A topic and its messages."""

    name: str
    direction: str = Field(description="`in`: the service reads it; `out`: it publishes to it.")
    partitions: int
    messages: list[ShortMessageModel]


class ChangeModel(Model):
    """One change of a version."""

    type: str
    place: str = Field(description="The member, such as `items[].item_id`; empty: the whole message.")
    words: str


class VersionModel(Model):
    """A version of the contract, and what it changed."""

    version: str
    notes: list[str] = Field(description="What schemas can't say.")
    changes: list[ChangeModel]


class ContractModel(Model):
    """All topics, and the versions, the newest first."""

    version: str
    topics: list[TopicModel]
    versions: list[VersionModel]


class ExampleModel(Model):
    """An example of a message."""

    name: str
    is_valid: bool
    about: str | None = Field(description="Of an invalid one: what is wrong.")
    reason: str | None = Field(description="Of an invalid one: why it is quarantined.")
    place: str | None = Field(description="Of an invalid one: where the fault is, as a JSON pointer.")
    content: Any = Field(description="A valid one as it is sent; of an invalid one the records.")


class MessageModel(Model):
    """One message."""

    type: str
    topic: str
    direction: str
    description: str
    json_schema: dict[str, Any] = Field(description="JSON Schema (2020-12) of the whole CloudEvent.")
    examples: list[ExampleModel]
