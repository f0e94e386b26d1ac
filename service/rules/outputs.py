"""The outputs under construction: numbers them, and gives each step the id that it always has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.money import Money

from service.rules.facts import instant
from service.rules.ids import demand_id, name_id
from service.rules.ledger import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from purchasing_contracts.published import PublishedData

    from service.rules.assessment import Grounds, StandingAmount
    from service.rules.order_view import OrderView


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

    def decision(
        self,
        key: tuple[str, str],
        outcome: str,
        grounds: Grounds,
        previous: str,
        *,
        audience: str = "buyer",
        concerns_brokerage: bool = False,
        ground: str | None = None,
        amount: StandingAmount | None = None,
    ) -> None:
        """Add a decision, with its amount if it has one. `previous`: the id of the last decision of its key."""
        kind, ref = key
        members: dict[str, Any] = {"kind": kind, "ref": ref, "outcome": outcome, "audience": audience}
        value = ""
        if amount is not None:
            value = str(amount.amount)
            members["amount"] = amount.foreign or Money(currency=self._currency, value=amount.amount)
            if amount.due_at is not None:
                members["due_at"] = instant(amount.due_at)
        if amount is not None and amount.demand is not None:
            output_id = demand_id(self._order_id, ref, outcome, amount.amount, amount.demand, previous)
        elif ground is None:
            output_id = name_id(self._order_id, DecisionMade.TYPE, kind, ref, outcome, value, previous)
        else:
            members["ground"] = ground
            output_id = name_id(self._order_id, DecisionMade.TYPE, kind, ref, outcome, value, ground, previous)
        self._add(DecisionMade, output_id, grounds, members, concerns_brokerage=concerns_brokerage)

    def _add(
        self,
        message: type[PublishedData],
        output_id: str,
        basis: Grounds,
        own: dict[str, Any],
        *,
        concerns_brokerage: bool,
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
