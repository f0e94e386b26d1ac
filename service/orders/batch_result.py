"""The result of a batch."""

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
    """A record that this batch quarantined (not one that already was in quarantine), and the reason."""

    record: InboundRecord
    refusal: Refusal


class Stuck(NamedTuple):
    """An order whose rules raised an error: the error's class and code locations, without its text."""

    order_id: str
    error: str
    places: tuple[str, ...]


NOTHING_KNOWN: Mapping[str | None, int] = MappingProxyType({})


class BatchResult(NamedTuple):
    """The content that a committed batch wrote. All empty: the batch had no new content."""

    facts: int = 0
    """Number of facts added."""
    known: Mapping[str | None, int] = NOTHING_KNOWN
    """Number of repeated messages per type: stored before with the same content, or in quarantine already."""
    assessed: int = 0
    """Number of orders for which the rules were run."""
    outputs: tuple[Written, ...] = ()
    """Commands, decisions and quarantine notices, in the order of decision."""
    quarantined: tuple[Rejection, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    resolved: frozenset[RecordIdentity] = frozenset()
    """Quarantined records that this batch resolved."""
    rejected_again: tuple[Rejection, ...] = ()
    """Replayed records that still break the contract."""
    released: frozenset[str] = frozenset()
    """Orders that this batch released from a hold."""
    elsewhere: Mapping[str | None, int] = NOTHING_KNOWN
    """Number of events per type that belong to other cells' orders."""

    def and_then(self, later: BatchResult) -> BatchResult:
        """Return the sum of both results."""
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
            Tally(self.elsewhere) + Tally(later.elsewhere),
        )

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes of the outbox with new outputs."""
        return frozenset(written.output.lane for written in self.outputs)
