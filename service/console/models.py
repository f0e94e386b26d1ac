"""Answers of the read API: the pages' content as JSON. The OpenAPI document is made of these classes."""

from __future__ import annotations

from purchasing_contracts.base import Instant
from pydantic import BaseModel, ConfigDict, Field

from service.operations.explain.explanation import Line, SettlementTerms


class Model(BaseModel):
    """One JSON object. Amounts are whole minor units; words are in the language asked for."""

    model_config = ConfigDict(frozen=True)


class FactModel(Model):
    """Something that happened."""

    at: Instant = Field(description="When it happened.")
    received_at: Instant = Field(description="When it was received.")
    nth: int = Field(description="Its place in the order in which the order's facts were received, from 1.")
    late: bool = Field(description="Whether something that happened after it had been received before.")
    type: str = Field(description="Type of the message.")
    source: str = Field(description="Source of the message; with `id` its identity.")
    id: str = Field(description="Id of the message.")
    words: str = Field(description="One sentence, without private members.")


class BasisModel(Model):
    """A clause, and why it applied."""

    clause: str = Field(description="Address in the agreement, such as `12(1)A`.")
    because: str = Field(description="Why it applied.")


class OutputModel(Model):
    """A decision or a command."""

    version: int = Field(description="Counts the order's decisions and commands, from 1.")
    at: Instant = Field(description="When it was decided.")
    type: str = Field(description="Type of the message.")
    id: str = Field(description="Id of the message; of a command, its `command_id`.")
    words: str = Field(description="One sentence.")
    amount: int | None = Field(description="Minor units of `currency`.")
    currency: str | None
    kind: str | None = Field(description="Of a decision: what it is about.")
    ref: str | None = Field(description="Of a decision: what of that kind.")
    outcome: str | None = Field(description="Of a decision: how it came out.")
    audience: str | None = Field(description="Of a decision: whom it concerns.")
    due_at: Instant | None = Field(description="Of a demand: the last instant to meet it.")
    line: str | None = Field(description="Of a refund or deduction: the line it is for.")
    basis: list[BasisModel] = Field(description="The clauses that it rests on.")
    published: bool = Field(description="Whether it has been published by now.")


class WaitModel(Model):
    """Something that the order waits for."""

    of: str | None = Field(description="Whom it is awaited from; absent: the service itself or its operators.")
    what: str
    until: Instant | None = Field(description="The last instant of its period, where it has one.")
    is_overdue: bool
    row: int | None = Field(description="Its row in section R21 of the rules.")


class OrderModel(Model):
    """An order's story: what happened, what was decided and why, how the money stands, what is awaited."""

    order_id: str
    account_id: str | None
    provider_id: str | None
    terms_version: str | None
    currency: str | None
    known_at: Instant = Field(description="The instant of which this is the knowledge.")
    watermark: Instant | None = Field(
        description="Up to when all input was read; absent: not known of every partition."
    )
    facts: list[FactModel] = Field(description="In the order in which they happened.")
    outputs: list[OutputModel] = Field(description="By version.")
    lines: list[Line] = Field(description="How each line stands, in minor units.")
    purchase: SettlementTerms | None = Field(description="How what is due on the line `purchase` comes about.")
    awaited: list[WaitModel]
    archived_at: Instant | None = Field(description="Since when the order is in the archive; null: it is not.")
    archive_file: str | None = Field(description="The file that it was exported to.")


class ParagraphModel(Model):
    """One paragraph of a letter."""

    kind: str = Field(description="`subject`, `greeting`, `heading`, `text`, `item` or `closing`.")
    text: str


class LetterModel(Model):
    """A letter to the buyer."""

    order_id: str
    language: str
    paragraphs: list[ParagraphModel]


class HitModel(Model):
    """One order that an id leads to."""

    what: str = Field(
        description="What the id is: `order`, `payment`, `chargeback`, `request`, `command`, `decision`, "
        "`message`, `account`, `provider`."
    )
    order_id: str
    at: Instant | None = Field(description="When the message was received, or the output decided.")
    type: str | None = Field(description="Type of the message, or topic of the output.")


class QuarantineHitModel(Model):
    """A record in quarantine that may concern an order of this id."""

    topic: str
    partition: int
    offset: int
    reason: str
    at: Instant


class SearchModel(Model):
    """The results of a search for an id."""

    given: str
    hits: list[HitModel]
    in_quarantine: list[QuarantineHitModel]
    has_more: bool = Field(description="Whether there is more of a kind than is shown.")
    watermark: Instant | None = Field(description="Up to when all input was read.")
    has_archive: bool = Field(
        description="Whether there are archived orders: ids of messages, decisions and providers don't lead to them."
    )


class ClauseModel(Model):
    """One clause of the agreement."""

    number: int
    title: str
    does: str = Field(description="What the service does about it, or why nothing moves.")
    text: str = Field(description="The clause itself, in the agreement's language.")
    grounds: list[BasisModel] = Field(description="Every address that messages cite, with the words that go with it.")


class ClausesModel(Model):
    """All clauses."""

    clauses: list[ClauseModel]


class RightModel(Model):
    """One right, and how to get it."""

    right: str
    granted: bool
    roles: list[str] = Field(description="The roles that have it.")
    groups: list[str] = Field(description="The identity provider's groups that have these roles.")


class AccountModel(Model):
    """The person who is signed in, with their rights."""

    name: str
    roles: list[str]
    rights: list[RightModel]
    watermark: Instant | None


class SignInModel(Model):
    """The ways of signing in."""

    ways: list[str]


class ProblemModel(Model):
    """The reason why there is no answer (RFC 9457)."""

    title: str
    status: int
    detail: str
    watermark: Instant | None = Field(default=None, description="Of what was not received: up to when input was read.")
    lane_elsewhere: int | None = Field(
        default=None, description="Of an unknown order: its lane, if another cell has it."
    )
    right: str | None = Field(default=None, description="The right that is missing.")
    groups: list[str] = Field(default=[], description="The groups that have it.")
    last_known: OrderModel | None = Field(default=None, description="While the database is away: what was known last.")
