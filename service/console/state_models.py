"""Answers of the read API about the state of the service: the front page, alerts, the runbook."""

from __future__ import annotations

from purchasing_contracts.base import Instant
from pydantic import Field

from service.console.models import Model


class ValueModel(Model):
    """A figure that an alert is about."""

    name: str
    value: str | int | Instant


class AlertModel(Model):
    """An alert, as database and broker show it."""

    name: str
    severity: str = Field(description="`page` or `ticket`.")
    words: str
    holds: bool | None = Field(description="Whether it is so now; null: that can't be seen from here.")
    since: Instant | None
    values: list[ValueModel]
    todo: str = Field(description="The one thing to do.")
    command: str = Field(description="The command to look first, after `python -m service`.")
    section: str = Field(description="Its section of the runbook: `/runbook/{section}`.")


class UnpublishedModel(Model):
    """Outputs that are decided and not published."""

    topic: str
    currency: str | None
    outputs: int
    amount: int | None = Field(description="Minor units of `currency`; null: no money is moved by them.")
    since: Instant


class LaneModel(Model):
    """A lane with outputs that wait."""

    lane: int
    unpublished: int
    since: Instant | None
    paused: bool


class PauseModel(Model):
    """A pause in force."""

    lane: int = Field(description="-1: all lanes.")
    at: Instant
    by: str
    why: str


class KindOfWaitModel(Model):
    """The waits of all orders, of one kind and currency."""

    what: str
    of: str = Field(description="From whom it is awaited.")
    row: int | None = Field(description="Its row in section R21 of the rules.")
    orders: int
    overdue: int
    since: Instant
    amount: int | None = Field(description="Minor units of `currency`.")
    currency: str | None


class HaltedModel(Model):
    """An order that publishes nothing."""

    order_id: str
    stuck: str | None = Field(description="The class of its rules' error.")
    held_at: Instant | None = Field(description="Since when an operator holds it.")


class ActionModel(Model):
    """Something that a person, or the refund limit, did."""

    at: Instant
    by: str
    what: str
    subject: str
    outcome: str
    why: str | None


class StateModel(Model):
    """The state of the service."""

    is_current: bool = Field(description="False: the database can't be read; what was known last is shown.")
    known_at: Instant | None = Field(description="Of when this is the knowledge; null: it was never read.")
    watermark: Instant | None
    broker: str = Field(description="`answers`, `away`, or `unknown` where the console knows none.")
    alerts: list[AlertModel] = Field(description="Those that hold, causes first: begin with the first.")
    unpublished: list[UnpublishedModel]
    unpublished_is_partial: bool = Field(description="Whether a lane has more than the thousand that are counted.")
    lanes: list[LaneModel]
    pauses: list[PauseModel]
    waits: list[KindOfWaitModel]
    waits_counted_at: Instant | None = Field(description="Null: they could not be counted.")
    halted: list[HaltedModel]
    stuck: int
    held: int
    quarantined: int
    actions: list[ActionModel]


class AlertsModel(Model):
    """All alerts."""

    alerts: list[AlertModel]


class SectionModel(Model):
    """A section of the runbook, or a page of the documentation."""

    slug: str
    title: str
    html: str
