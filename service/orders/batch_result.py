"""What became of a batch."""

from __future__ import annotations

from collections import Counter as Tally
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from purchasing_contracts.envelope import Refusal

    from service.orders.inbound_record import InboundRecord
    from service.store.rows import RecordIdentity, Written


class Rejection(NamedTuple):
    """A record that was quarantined just now (never one that already had been), and why."""

    record: InboundRecord
    refusal: Refusal


class Stuck(NamedTuple):
    """An order whose rules raised: the error's class and the places it came from, nothing of its text."""

    order_id: str
    error: str
    places: tuple[str, ...]


NOTHING_KNOWN: Mapping[str | None, int] = MappingProxyType({})


class BatchResult(NamedTuple):
    """What a committed batch wrote. All empty: it brought nothing that was not known."""

    facts: int = 0
    """Facts added."""
    known: Mapping[str | None, int] = NOTHING_KNOWN
    """By type, messages that had been handled before: taken in, with the same content, or quarantined."""
    assessed: int = 0
    """Orders about which the rules were asked."""
    outputs: tuple[Written, ...] = ()
    """Commands, decisions and quarantine notices, in the order in which they were decided."""
    quarantined: tuple[Rejection, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    resolved: frozenset[RecordIdentity] = frozenset()
    """Quarantined records that were dealt with by it."""
    rejected_again: tuple[Rejection, ...] = ()
    """Records replayed that break the contract still."""
    released: frozenset[str] = frozenset()
    """Orders that were held until now."""

    def and_then(self, later: BatchResult) -> BatchResult:
        """Return what both wrote."""
        return BatchResult(
            self.facts + later.facts,
            Tally(self.known) + Tally(later.known),
            self.assessed + later.assessed,
            self.outputs + later.outputs,
            self.quarantined + later.quarantined,
            self.stuck + later.stuck,
            self.resolved | later.resolved,
            self.rejected_again + later.rejected_again,
            self.released | later.released,
        )

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes of the outbox that have something new."""
        return frozenset(written.output.lane for written in self.outputs)
