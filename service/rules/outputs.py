"""The outputs under construction: numbers them, and gives each step the id that it always has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.money import Money

from service.rules.facts import instant
from service.rules.ids import deadline_id, demand_id, name_id
from service.rules.ledger import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from purchasing_contracts.published import PublishedData

    from service.rules.assessment import Grounds, StandingAmount, StandingOutcome
    from service.rules.order_view import OrderView


_FOR_PROVIDER = frozenset({"hold", "fact", "seller_excess", "foreign_currency"})
"""Kinds of decisions for the provider, besides those about brokerage."""
_ABOUT_BROKERAGE = frozenset({"brokerage_withheld", "refund_withheld", "repayment_demand", "refund_undeliverable"})
"""Kinds of decisions that are about brokerage: the first always, the others if their line is."""


class Command(NamedTuple):
    """A command to publish."""

    message: type[PublishedData]
    previous: str
    """The id of the previous command on its line or chargeback."""
    concerns: tuple[str, ...]
    """The other parts of its id."""
    basis: Grounds
    members: Mapping[str, Any]
    """Its own members; `amount` in minor units of the order's currency."""
    concerns_brokerage: bool = False


class Outputs:
    """The outputs of one ruling, in order. Money in minor units of the order's currency."""

    __slots__ = ("_currency", "_now", "_of_all", "_order_id", "_view", "outputs", "version")

    def __init__(self, view: OrderView, version: int, now: int) -> None:
        """Begin after the output numbered `version`. `now`: the instant of all decisions, in microseconds."""
        self._order_id = view.order_id
        self._currency = view.currency
        self._now = now
        self._view = view
        self._of_all: dict[str, Any] | None = None
        """The members common to all outputs; computed for the first one."""
        self.version = version
        self.outputs: list[Output] = []

    def command(self, command: Command) -> str:
        """Add a command and return its id."""
        command_id = name_id(self._order_id, command.message.TYPE, *command.concerns, command.previous)
        members = {"command_id": command_id, **command.members}
        if "amount" in members:
            members["amount"] = Money(currency=self._currency, value=members["amount"])
        self._add(command.message, command_id, command.basis, members, concerns_brokerage=command.concerns_brokerage)
        return command_id

    def outcome(self, one: StandingOutcome, previous: str) -> None:
        """Add a decision without an amount. `previous`: the id of the last decision of its key."""
        kind, ref, outcome = one.kind, one.ref, one.outcome
        audience = "provider" if kind in _FOR_PROVIDER else "buyer"
        members = {"kind": kind, "ref": ref, "outcome": outcome, "audience": audience}
        if one.ground is not None:
            members["ground"] = one.ground
            output_id = name_id(self._order_id, DecisionMade.TYPE, kind, ref, outcome, "", one.ground, previous)
        elif one.passed is not None:
            output_id = deadline_id(self._order_id, kind, outcome, one.passed, previous)
        else:
            output_id = name_id(self._order_id, DecisionMade.TYPE, kind, ref, outcome, "", previous)
        self._add(DecisionMade, output_id, one.grounds, members)

    def amount(self, one: StandingAmount, previous: str) -> None:
        """Add a decision with its amount."""
        kind, ref, outcome = one.kind, one.ref, one.outcome
        amount = one.foreign or Money(currency=self._currency, value=one.amount)
        members: dict[str, Any] = {"kind": kind, "ref": ref, "outcome": outcome, "amount": amount}
        if one.due_at is not None:
            members["due_at"] = instant(one.due_at)
        if one.demand is not None:
            output_id = demand_id(self._order_id, ref, outcome, one.amount, one.demand, previous)
        else:
            output_id = name_id(self._order_id, DecisionMade.TYPE, kind, ref, outcome, str(one.amount), previous)
        self._decide(output_id, one.grounds, members)

    def ended(self, key: tuple[str, str], outcome: str, grounds: Grounds, previous: str) -> None:
        """Add the decision that another one no longer applies, or that its amount is 0 now."""
        output_id = name_id(self._order_id, DecisionMade.TYPE, *key, outcome, "", previous)
        self._decide(output_id, grounds, {"kind": key[0], "ref": key[1], "outcome": outcome})

    def _decide(self, output_id: str, grounds: Grounds, members: dict[str, Any]) -> None:
        kind = members["kind"]
        # Decisions about brokerage are the provider's, and don't name the buyer's account (19).
        of_brokerage = kind in _ABOUT_BROKERAGE and (kind == "brokerage_withheld" or members["ref"] == "brokerage")
        members["audience"] = "provider" if of_brokerage or kind in _FOR_PROVIDER else "buyer"
        self._add(DecisionMade, output_id, grounds, members, concerns_brokerage=of_brokerage)

    def _add(
        self,
        message: type[PublishedData],
        output_id: str,
        basis: Grounds,
        own: dict[str, Any],
        *,
        concerns_brokerage: bool = False,
    ) -> None:
        self.version += 1
        if self._of_all is None:
            self._of_all = {
                "order_id": self._order_id,
                "account_id": self._view.placed.account_id,
                "provider_id": self._view.placed.provider_id,
                "terms_version": self._view.terms.version,
            }
        members = {**self._of_all, "order_version": self.version, "basis": basis, **own}
        if concerns_brokerage:
            members["account_id"] = None
        self.outputs.append(Output(output_id, self.version, self._now, message.model_validate(members)))
