"""Outputs in the making: numbers them, and gives each the id that the same step always has."""

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

    from service.rules.assessment import Grounds
    from service.rules.order_view import OrderView


class Command(NamedTuple):
    """A command that is to be published."""

    message: type[PublishedData]
    previous: str
    """The id of what stood before it on its line or chargeback."""
    concerns: tuple[str, ...]
    """What else sets it apart."""
    basis: Grounds
    members: Mapping[str, Any]
    """Its own; `amount` in minor units of the order's currency."""
    concerns_brokerage: bool = False


class Outputs:
    """The outputs of one ruling, in order. Money in minor units of the order's currency."""

    __slots__ = ("_now", "_view", "outputs", "version")

    def __init__(self, view: OrderView, version: int, now: int) -> None:
        """Begin after the output numbered `version`; `now` in microseconds is when all of it is decided."""
        self._view = view
        self._now = now
        self.version = version
        self.outputs: list[Output] = []

    def command(self, command: Command) -> str:
        """Add a command and return its id."""
        members = dict(command.members)
        if "amount" in members:
            members["amount"] = self._money(members["amount"])
        command_id = name_id(self._view.order_id, command.message.TYPE, *command.concerns, command.previous)
        self._add(
            command.message, command_id, command.basis, command.concerns_brokerage, command_id=command_id, **members
        )
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
        amount: int | None = None,
        foreign: Money | None = None,
        due_at: int | None = None,
        ground: str | None = None,
        demand: tuple[int, int] | None = None,
    ) -> None:
        """Add a decision; `previous` is the id of the last one of its key, `demand` tells payment demands apart."""
        kind, ref = key
        order_id = self._view.order_id
        if demand is not None and amount is not None:
            output_id = demand_id(order_id, ref, outcome, amount, demand, previous)
        else:
            concerns = [kind, ref, outcome, "" if amount is None else str(amount)]
            if ground is not None:
                concerns.append(ground)
            output_id = name_id(order_id, DecisionMade.TYPE, *concerns, previous)
        self._add(
            DecisionMade,
            output_id,
            grounds,
            concerns_brokerage,
            kind=kind,
            ref=ref,
            outcome=outcome,
            audience=audience,
            amount=foreign if foreign is not None else None if amount is None else self._money(amount),
            due_at=None if due_at is None else instant(due_at),
            ground=ground,
        )

    def _money(self, amount: int) -> Money:
        return Money(currency=self._view.currency, value=amount)

    def _add(
        self,
        message: type[PublishedData],
        output_id: str,
        basis: Grounds,
        concerns_brokerage: bool,
        **members: Any,
    ) -> None:
        self.version += 1
        placed = self._view.placed
        data = message(
            order_id=self._view.order_id,
            account_id=None if concerns_brokerage else placed.account_id,
            provider_id=placed.provider_id,
            order_version=self.version,
            terms_version=self._view.terms.version,
            basis=basis,
            **members,
        )
        self.outputs.append(Output(output_id, self.version, self._now, data))
