"""What a person does to quarantined records and to held orders, in the transaction in which its effect is.

A replayed record comes in by the batch like any other, an order released is looked at like any other; what is special
about them is here: which rows are dealt with by it, and who did it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.rows import QuarantineAction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from service.orders.batch_result import Rejection
    from service.orders.inbound_record import InboundRecord, QuarantineRef
    from service.store.protocol import Batch
    from service.store.rows import RecordIdentity


class Intervention(NamedTuple):
    """Who does it and why; which records are dropped, which orders released. Replays are among the records."""

    by: str
    why: str | None = None
    drop: tuple[QuarantineRef, ...] = ()
    release: tuple[str, ...] = ()

    def records(self, inbound: Sequence[InboundRecord]) -> set[RecordIdentity]:
        """Return the records that this deals with."""
        return {one.record for one in self.drop}.union(
            one.quarantined_as.record for one in inbound if one.quarantined_as is not None
        )


class Done(NamedTuple):
    """What came of it: the records that are dealt with now and were not before, the orders to be looked at."""

    resolved: frozenset[RecordIdentity]
    touched: frozenset[str]
    released: frozenset[str]


NOTHING_DONE = Done(frozenset(), frozenset(), frozenset())


async def intervene(
    batch: Batch,
    intervention: Intervention,
    inbound: Sequence[InboundRecord],
    refused: Sequence[Rejection],
    concerned: Mapping[RecordIdentity, Collection[str]],
) -> Done:
    """Resolve what was replayed well or dropped, keep what was refused again, release orders; note all of it.

    After what was heard is sorted out, before it is asked which orders a record bars. `concerned`: the orders that each
    record holds up.
    """
    refusals = {one.record.quarantined_as.record: one for one in refused if one.record.quarantined_as is not None}
    replayed = [
        one.quarantined_as
        for one in inbound
        if one.quarantined_as is not None and one.quarantined_as.record not in refusals
    ]
    resolved: set[RecordIdentity] = set()
    actions: list[QuarantineAction] = []
    for what, refs in (("replay", replayed), ("drop", list(intervention.drop))):
        if not refs:
            continue
        now = await batch.resolve([one.record for one in refs], what)
        resolved |= now
        actions += [_action(intervention, one, what, "resolved" if one.record in now else "known") for one in refs]
    await _keep(batch, list(refusals.values()))
    for one in refusals.values():
        outcome = f"refused: {one.refusal.reason} {one.refusal.place}".rstrip()
        actions += (
            [_action(intervention, one.record.quarantined_as, "replay", outcome)] if one.record.quarantined_as else []
        )
    if actions:
        await batch.note_actions(actions)
    released: set[str] = set()
    if intervention.release:
        released = await batch.release(intervention.release, intervention.by, intervention.why)
    touched = {order_id for one in resolved for order_id in concerned.get(one, ())}
    return Done(frozenset(resolved), frozenset(touched | released), frozenset(released))


async def _keep(batch: Batch, refused: Sequence[Rejection]) -> None:
    """Let rows say for what they are refused by now; not where other bytes than theirs were: they lie there still."""
    stored = [
        (one.record.quarantined_as.record, one.refusal.reason, one.refusal.place)
        for one in refused
        if one.record.quarantined_as is not None and not one.record.quarantined_as.repaired
    ]
    if stored:
        await batch.refuse_again(stored)


def _action(intervention: Intervention, ref: QuarantineRef, what: str, outcome: str) -> QuarantineAction:
    repaired = ", repaired" if what == "replay" and ref.repaired else ""
    return QuarantineAction(ref.record, what, outcome + repaired, intervention.by, intervention.why)
