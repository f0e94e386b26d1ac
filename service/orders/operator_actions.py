"""Operators' actions on quarantined records and halted orders, in the same transaction as their effects.

A replayed record is handled like any other record, and a released order like any other order. This module adds what is
special: it resolves quarantine rows and records who acted.
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
    """An operator's action: who, why, records to drop, orders to release. Replayed records are in the batch itself."""

    by: str
    why: str | None = None
    drop: tuple[QuarantineRef, ...] = ()
    release: tuple[str, ...] = ()

    def records(self, inbound: Sequence[InboundRecord]) -> set[RecordIdentity]:
        """Return the quarantined records that this action is about."""
        return {one.record for one in self.drop}.union(
            one.quarantined_as.record for one in inbound if one.quarantined_as is not None
        )


class Done(NamedTuple):
    """The outcome: newly resolved records, orders for which to run the rules (`touched`), and released orders."""

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
    """Resolve replayed and dropped records, update those refused again, release orders, and record each action.

    Call this after deduplication and before reading which open records hold orders up. `concerned`: the orders that
    each record holds up.
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
    await _store_new_refusals(batch, list(refusals.values()))
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


async def _store_new_refusals(batch: Batch, refused: Sequence[Rejection]) -> None:
    """Store the new reason in rows refused again. Skip repaired ones: the row still holds the original bytes."""
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
