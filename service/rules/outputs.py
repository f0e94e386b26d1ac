"""Outputs in the making: numbers them, and gives each the id that the same step always has."""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Any
from uuid import UUID

from purchasing_contracts.money import Money

from service.rules.ledger import Output

if TYPE_CHECKING:
    from purchasing_contracts.published import PublishedData

    from service.rules.assessment import Grounds
    from service.rules.reading import Reading

_NAMESPACE = UUID("6f0c1d9e-52a4-5d0b-9a0e-3f1a7c2b8e44").bytes
"""Fixed for ever: ids of commands and decisions hang on it."""


def name_id(*parts: str) -> str:
    """Return the name-based UUID (version 5) of these parts; parts never have a NUL, so no two lists share a name."""
    text = sha1(_NAMESPACE + "\0".join(parts).encode(), usedforsecurity=False).hexdigest()
    # As `UUID(bytes=…, version=5)` writes it, at a fraction of its time: version 5, variant of RFC 9562.
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


class Draft:
    """The outputs of one ruling, in order. Money in minor units of the order's currency."""

    __slots__ = ("_currency", "_now", "outputs", "reading", "version")

    def __init__(self, reading: Reading, version: int, now: int) -> None:
        """Begin after the output numbered `version`; `now` in microseconds is when all of it is decided."""
        self.reading = reading
        self._currency = reading.currency
        self._now = now
        self.version = version
        self.outputs: list[Output] = []

    def money(self, amount: int) -> Money:
        """Return an amount in the order's currency."""
        return Money(currency=self._currency or self.reading.placed.currency, value=amount)

    def command(self, message: type[PublishedData], previous: str, concerns: tuple[str, ...], /, **members: Any) -> str:
        """Add a command and return its id.

        `previous` is the id of what stood before it on its line or chargeback, `concerns` what else sets it apart.
        """
        command_id = name_id(self.reading.order_id, message.TYPE, *concerns, previous)
        self._add(message, command_id, command_id=command_id, **members)
        return command_id

    def decision(
        self, message: type[PublishedData], previous: str, concerns: tuple[str, ...], /, **members: Any
    ) -> None:
        """Add a decision; `previous` is the id of the last one of its key."""
        self._add(message, name_id(self.reading.order_id, message.TYPE, *concerns, previous), **members)

    def _add(
        self,
        message: type[PublishedData],
        output_id: str,
        /,
        *,
        basis: Grounds,
        concerns_brokerage: bool = False,
        **members: Any,
    ) -> None:
        self.version += 1
        placed = self.reading.placed
        data = message(
            order_id=self.reading.order_id,
            account_id=None if concerns_brokerage else placed.account_id,
            provider_id=placed.provider_id,
            order_version=self.version,
            terms_version=self.reading.terms.version,
            basis=basis,
            **members,
        )
        self.outputs.append(Output(output_id, self.version, self._now, data))
