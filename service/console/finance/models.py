"""Answers of the read API to people who reconcile. Amounts are whole minor units of their currency."""

from __future__ import annotations

from datetime import date

from purchasing_contracts.base import Instant
from pydantic import Field

from service.console.models import Model


class SumsModel(Model):
    """due = commanded + elsewhere - failed to payments - repaid - demanded + withheld, by the journals."""

    due: int
    commanded: int
    published: int = Field(description="Of what was commanded: published by now, by the relay's note.")
    confirmed: int = Field(description="Reported as executed.")
    failed: int = Field(description="Reported as failed; to another destination it is commanded again.")
    undeliverable: int = Field(description="Failed on its last way: people handle it.")
    withheld: int
    held: int = Field(description="Holds on buyers' accounts that stand.")
    demanded: int = Field(description="Demanded back.")
    elsewhere: int = Field(description="Refunded without a command of the service.")
    repaid: int
    commands: int = Field(description="How many commands.")


class MoneyGroupModel(Model):
    """The money of one group. What is not grouped by is null."""

    currency: str
    movement: str = Field(description="`refund`, `deduction`, `transfer` or `hold`: never added to each other.")
    day: date | None = Field(description="Day of Beijing on which it was decided, as the agreement counts days.")
    provider: str | None
    line: str | None = Field(description="Kind of line.")
    clauses: str | None = Field(description="All addresses that are cited: money stands once, under all of them.")
    sums: SumsModel


class MoneyModel(Model):
    """Money of a range of days."""

    first: date = Field(description="First day, of Beijing.")
    last: date = Field(description="Last day, included.")
    read_at: Instant
    watermark: Instant | None = Field(description="Up to when all input was read.")
    rows: list[MoneyGroupModel]
    totals: list[MoneyGroupModel] = Field(description="By currency and movement, over all pages.")
    groups: int = Field(description="How many groups there are on all pages.")
    archived_orders: int = Field(
        description="Archived orders that reach into these days: they are in the sums, and in no export."
    )
    next: str | None = Field(description="Address of the next page.")


class CommandModel(Model):
    """A command, and what was reported of it."""

    command_id: str
    order_id: str
    movement: str
    decided_at: Instant
    provider_id: str
    line: str | None
    amount: int | None = Field(description="Minor units of `currency`.")
    currency: str | None
    status: str = Field(
        description="`unpublished`, `open`, `confirmed`, `partly_failed`, `failed`, or `no_answer`: none is foreseen."
    )
    confirmed: int
    failed: int
    answered_at: Instant | None
    is_due: bool = Field(description="Whether an answer is awaited for longer than `grace_days`.")


class CommandStateModel(Model):
    """Commands of one currency, movement, status and age."""

    currency: str
    movement: str
    status: str
    age: int | None = Field(description="Whole days since they were decided; 7: seven or more.")
    is_due: bool | None = Field(description="Of what is awaited: whether it is older than `grace_days`.")
    commands: int
    amount: int
    failed: int


class ForeignModel(Model):
    """A report that names no command of its order."""

    order_id: str
    id: str
    source: str
    type: str
    received_at: Instant
    names: str | None = Field(description="What it names: a command, deduction or hold.")


class AwaitedModel(Model):
    """Money that an order awaits from somebody (R21)."""

    order_id: str
    what: str
    of: str = Field(description="From whom.")
    ref: str
    since: Instant
    until: Instant | None
    amount: int | None
    currency: str | None
    is_due: bool = Field(description="False: its last instant has not passed.")


class AwaitedSumModel(Model):
    """The sum that is awaited of a kind and currency."""

    what: str
    of: str
    currency: str | None
    is_due: bool
    since: Instant
    amount: int | None
    waits: int


class ReconciliationModel(Model):
    """The journal against the topics and what payments reported."""

    first: date
    last: date
    grace_days: int = Field(description="So many days payments have to answer; before that nothing is due.")
    read_at: Instant
    watermark: Instant | None
    states: list[CommandStateModel]
    open: list[CommandModel] = Field(description="The oldest first.")
    open_found: int = Field(description="How many open ones there are on all pages.")
    next: str | None
    foreign: list[ForeignModel]
    awaited: list[AwaitedModel]
    awaited_sums: list[AwaitedSumModel]


class UploadRequest(Model):
    """A list of commands to hold against the journal."""

    csv: str = Field(description="CSV with a line of names: `command_id`, and any of `amount`, `currency`, `status`.")


class UploadedModel(Model):
    """One line of the list, held against the journal."""

    line: int
    command_id: str
    finding: str = Field(
        description="`same`, `unknown`, `repeated`, `amount_differs`, `currency_differs` or `status_differs`."
    )
    command: CommandModel | None = Field(description="The journal's; null: there is none.")


class ComparedModel(Model):
    """The result of the comparison with the list."""

    lines: int
    counts: dict[str, int] = Field(description="Lines by finding.")
    differing: list[UploadedModel] = Field(description="The first lines that differ.")
    has_more: bool


class WhatIfRequest(Model):
    """Terms to try."""

    terms: str = Field(description="A terms file, TOML or JSON.")
    first: str = Field(default="", description="First day of Beijing on which orders were placed.")
    last: str = Field(default="", description="Last day.")
    orders: int = Field(default=200, description="The latest so many orders.")


class ChangeModel(Model):
    """The amounts due now, and with the terms that are tried."""

    line: str
    before: int
    after: int


class ProviderChangeModel(Model):
    """The change of one provider, currency and line."""

    provider_id: str
    currency: str
    line: str
    before: int
    after: int


class OrderChangeModel(Model):
    """An order that would come to other money."""

    order_id: str
    provider_id: str
    currency: str
    lines: list[ChangeModel]


class WhatIfModel(Model):
    """The effects of other terms. Nothing is stored."""

    compared: int
    selected: int = Field(description="Orders that were to be compared: fewer are where the time was over.")
    has_more: bool = Field(description="Whether there are more orders in these days.")
    differing: int
    unreadable: int
    totals: list[ProviderChangeModel]
    most: list[OrderChangeModel]


class PermutationModel(Model):
    """An order of arrival, and the money that came of it."""

    kind: str = Field(description="`as_received`, `by_time`, `backwards` or `shuffled`.")
    numbers: list[int] = Field(description="The facts by their numbers as received.")
    money: dict[str, int] = Field(description="Per line, in minor units.")
    commands: int
    decisions: int


class PermutationsModel(Model):
    """The same facts in other orders of arrival."""

    order_id: str
    currency: str
    seed: int
    is_same: bool = Field(description="Whether each came to the same money.")
    is_as_recorded: bool = Field(description="Whether the journal has the same money too.")
    journal: dict[str, int]
    asked: int
    permutations: list[PermutationModel]
